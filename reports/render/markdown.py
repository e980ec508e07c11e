"""Renders the report as Markdown for a pull request: verdict, matrix, failing rows, folded details.

It uses GitHub's dialect. Text from a report is never markup: special characters become character
references, and `@` and `#` are followed by a zero-width space so that nobody is notified and
nothing is linked. The text has at most MAX_CHARACTERS, since a comment may hold 65,536; a note
lists what is left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import asdict

from blazepalm.reports.compare.rows import BY_TASK, FAIL, NOT_RUN, PASS, Row
from blazepalm.reports.judge.judge_rows import allowance
from blazepalm.reports.judge.report import (
    TRUTH_UNCHECKED,
    BackendSummary,
    ParityReport,
)
from blazepalm.reports.judge.report_parts import Accuracy, Device, PhotoCredit
from blazepalm.reports.judge.task_limits import by_picture, worst_first
from blazepalm.reports.render.columns import columns, litert_bits_line
from blazepalm.reports.render.first_words import capitalised, warnings, when_and_what, worst
from blazepalm.reports.render.runtimes import runtime_names, runtimes
from blazepalm.reports.render.task_use import task_use
from blazepalm.text import NOTHING, figure, printable

MAX_CHARACTERS = 60_000
MAX_FAILING = 20  # rows shown before the fold

SIGNS = {PASS: "✅", FAIL: "❌", NOT_RUN: "⚪"}
# special characters within a line of Markdown, HTML or GitHub's dialect; no line begins with a name
MARKUP = re.compile(r"[\\`*_\[\]<>|~&@#$]|:(?=//)|(?<=www)\.", re.IGNORECASE)
ZERO_WIDTH = "&#8203;"


def markdown(report: ParityReport) -> str:
    """Renders a report as Markdown."""
    failing = worst_first(row for row in report.rows if row.judged and row.status == FAIL)
    text = "\n\n".join(
        [
            _verdict(report),
            *_matrix(report),
            *_failures(report),
            *_failing_table(failing[:MAX_FAILING], "What fails, worst first"),
        ]
    )
    left_out = []
    for title, section in _details(report, failing):
        folded = f"<details><summary>{title}</summary>\n\n{section}\n\n</details>"
        if len(text) + len(folded) > MAX_CHARACTERS:
            left_out.append(title)
        else:
            text += f"\n\n{folded}"
    if left_out:
        text += f"\n\n*Too long for a comment, see the report: {', '.join(left_out)}.*"
    return text + "\n"


def escape(text: str) -> str:
    """Escapes `text` so that the dialect shows it literally, on one line."""
    plain = printable(" ".join(text.split()))
    return MARKUP.sub(_reference, plain)


def _reference(match: re.Match[str]) -> str:
    character = match[0]
    quiet = ZERO_WIDTH if character in "@#" else ""
    return f"&#{ord(character)};{quiet}"


def _verdict(report: ParityReport) -> str:
    counts = report.counts
    models, cases = len(report.models), report.cases_total
    compared = ", ".join(
        [
            f"{models} model{'s' * (models != 1)}",
            f"{cases} input{'s' * (cases != 1)}{_photos(report)}",
            f"{counts.passed} of {counts.rows} judged rows pass",
        ]
    )
    said = escape(report.verdict.capitalize())
    lines = [f"## {SIGNS[PASS if report.passed else FAIL]} {said}", f"{compared}."]
    if (found := worst(report)) is not None:
        lines.append(f"{escape(capitalised(found.sentence))}.")
    lines += [f"⚠ {escape(line)}." for line in warnings(report)]
    if useless := [escape(model.name) for model in report.models if model.useless]:
        lines.append(
            f"**Equal, and useless:** {', '.join(useless)}. Every backend agrees with the file, "
            "but the file fails against the rendered truth."
        )
    if any(TRUTH_UNCHECKED in model.notes for model in report.models):
        lines.append(f"{TRUTH_UNCHECKED.capitalize()}.")
    if not report.default_limits:
        given = ", ".join(f"{escape(k)} {v:g}" for k, v in asdict(report.limits).items())
        lines.append(f"**The limits are not the defaults:** {given}.")
    if (tested := report.self_test) is not None:
        lines.append(
            f"Self-test: {tested.caught} of {tested.planted} planted faults caught, "
            f"{tested.located} located, {tested.false_alarms} false alarms."
        )
    return "\n\n".join(lines)


def _photos(report: ParityReport) -> str:
    number = len(report.photos)
    return f" ({number} photograph{'s' * (number != 1)})" if number else ""


def _matrix(report: ParityReport) -> list[str]:
    models = report.models
    if not models:
        return []
    names = list(dict.fromkeys(b.name for model in models for b in model.backends))
    body = []
    for model in models:
        cells = {b.name: _cell(report, model.name, b) for b in model.backends}
        sign = SIGNS[PASS if model.passed else FAIL]
        body.append([f"{sign} {escape(model.name)}", *(cells.get(name, NOTHING) for name in names)])
    legend = (
        "Figures of float32: the largest error in multiples of the floor, which is float32's own "
        f"error; up to {report.limits.float32_multiple:g}&times; pass. Of float16 and integers: "
        "how much of the task's tightest limit is used."
    )
    bits = litert_bits_line(report)
    told = [] if bits is None else [escape(f"{bits}.")]
    what = [f"- {escape(name)}: {escape(label)}" for name, label in columns(report).items()]
    return [_table(["model", *map(escape, names)], body), legend, *told, "\n".join(what)]


def _cell(report: ParityReport, model: str, backend: BackendSummary) -> str:
    if backend.judge == "reference" and backend.status != FAIL:
        return "reference"
    multiple = backend.worst_multiple
    shown = "" if multiple is None else f" {figure(multiple)}&times;"
    if backend.judge == BY_TASK:
        value, about, _ = task_use(report.rows, model, backend.name, figure)
        shown = f" {escape(f'{value} {about}')}".rstrip()
    return f"{SIGNS.get(backend.status, escape(backend.status))}{shown}"


def _failures(report: ParityReport) -> list[str]:
    failures = report.failures
    if not failures:
        return []
    lines = [f"- of {escape(f.source)}: {escape(f.message)}" for f in failures]
    return ["### No verdict", "\n".join(lines)]


def _failing_table(rows: Sequence[Row], title: str) -> list[str]:
    return [f"### {title}", _row_table(rows)] if rows else []


def _row_table(rows: Iterable[Row]) -> str:
    headings = ["model", "stage", "pair", "what", "value", "limit", "worst case", "why"]
    return _table(
        headings,
        [
            [
                escape(row.model),
                escape(f"{row.stage}, {row.mode}"),
                escape(f"{row.backend} against {row.reference}"),
                escape(f"{row.field}, {row.metric}"),
                figure(row.value, escape(row.unit)),
                figure(row.limit, escape(row.unit)),
                escape(row.worst_case or NOTHING),
                escape("; ".join(row.reasons) or row.status),
            ]
            for row in rows
        ],
    )


def _details(report: ParityReport, failing: Sequence[Row]) -> Iterable[tuple[str, str]]:
    if len(failing) > MAX_FAILING:
        yield f"{len(failing) - MAX_FAILING} more that fail", _row_table(failing[MAX_FAILING:])
    if allowed := [row for row in report.rows if by_picture(row)]:
        lines = [f"- {escape(f'{row.model}, {row.backend}: {allowance(row)}')}" for row in allowed]
        yield "Beyond a limit, as far as the picture allows", "\n".join(lines)
    if report.models:
        where = escape(report.machine.processor or report.machine.machine)
        yield f"Models and runtimes, on {where}", _runtimes(report)
    run = dict(when_and_what(report))
    yield "Machine and tools", _pairs({**asdict(report.machine), **report.tools, **run})
    yield (
        "Models",
        _table(
            ["model", "SHA-256", "inputs", "rows compared"],
            [
                [
                    escape(m.name),
                    escape(m.sha256),
                    str(m.inputs),
                    "{} of {}".format(*m.coverage),
                ]
                for m in report.models
            ],
        ),
    )
    if report.accuracy:
        apart = " (photographs do not count)" if report.photos else ""
        yield f"Against the rendered truth{apart}", _accuracy(report.accuracy)
    if report.photos:
        yield "Photographs", _credits(report.photos)
    for device in report.device:
        yield f"On {escape(device.name)}", _device(device)
    for model in report.models:
        judged = [row for row in report.rows if row.model == model.name and row.judged]
        if judged:
            yield f"All judged rows of {escape(model.name)}", _row_table(judged)


def _runtimes(report: ParityReport) -> str:
    names = runtime_names(report)
    body = []
    for model, cells in runtimes(report):
        known = {cell.runtime: cell for cell in cells}
        shown = [escape(known[name].text) if name in known else NOTHING for name in names]
        body.append([escape(model), *shown])
    told = (
        "Worst error in multiples of float32's own, outputs with LiteRT's own bits, and on images "
        "the largest error of a landmark, or the smallest IoU of a box."
    )
    return f"{_table(['model', *map(escape, names)], body)}\n\n{told}"


def _credits(photos: Sequence[PhotoCredit]) -> str:
    body = [[*map(escape, (p.name, p.credit, p.licence)), escape(p.url)] for p in photos]
    return _table(["photograph", "credit", "licence", "source"], body)


def _accuracy(entries: Sequence[Accuracy]) -> str:
    return _table(
        ["pair", "backend", "hands", "recall", "precision", "joint error / palm", "handedness"],
        [
            [
                escape(e.pair),
                escape(e.backend),
                str(e.hands),
                *map(figure, (e.recall, e.precision, e.joint_error, e.handedness_accuracy)),
            ]
            for e in entries
        ],
    )


def _device(device: Device) -> str:
    facts = escape(f"Device: {device.model}, {device.os}, {device.channel}, {device.status}")
    if device.not_a_benchmark:
        facts += f". **Not a benchmark:** {escape('; '.join(device.not_a_benchmark))}"
    body = [
        [
            escape(b.model),
            escape(b.units),
            *map(figure, (b.p50_ms, b.p90_ms, b.p99_ms, b.first_ms, b.memory_mb.peak)),
            escape(f"{b.thermal.start} → {b.thermal.end}"),
        ]
        for b in device.bench
    ]
    headings = ["model", "units", "p50 ms", "p90 ms", "p99 ms", "first ms", "peak MB", "heat"]
    failures = "".join(f"\n- failed: {escape(failure)}" for failure in device.failures)
    return f"{facts}\n\n{_table(headings, body) if body else ''}{failures and chr(10) + failures}"


def _pairs(values: Mapping[str, str]) -> str:
    return _table(["", ""], [[escape(k), escape(v)] for k, v in values.items()])


def _table(headings: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are already escaped."""
    lines = [headings, ["---"] * len(headings), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
