"""The parity report for people: what float32 costs and who is inside it, what the task says, and
why where something failed, worst first.

Everything it prints is in the report's dataclasses; it computes no number of its own. It
fits 80 columns, and tells more where there are 120. Names out of a file are not trusted:
what a terminal could obey is escaped.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blazepalm.reports import rows
from blazepalm.reports.report import ModelParity, OutputFacts, ParityReport
from blazepalm.reports.rows import FAIL, NOT_RUN, Row
from blazepalm.reports.subject import MIL, MIL_APP, MIL_FP16, TFLITE, TORCH
from blazepalm.reports.verdict import TASK_LIMITS

WIDE = 120  # columns from which on the further figures are shown
MOST_REASONS = 20

FLOAT32, TASK = (TORCH, MIL), (TORCH, MIL, MIL_FP16, MIL_APP)
HEADINGS = {TORCH: "torch", MIL: "Core ML", MIL_FP16: "fp16", MIL_APP: "app"}


def print_report(report: ParityReport, console: Console) -> None:
    """Prints the tables, reasons, notes and the summary line."""
    if report.models:
        wide = console.width >= WIDE
        console.print(floor_table(report, wide=wide))
        console.print(Text(_legend(report), style="dim"))
        if any(row.stage in (rows.SUPPRESSED, rows.LANDMARKS) for row in report.rows):
            console.print()
            console.print(task_table(report))
        if report.accuracy:
            console.print()
            console.print(truth_table(report))
    for line in [*_layers(report), *_self_test(report), *_reasons(report), *_notes(report)]:
        console.print(line)
    console.print(summary(report))


def floor_table(report: ParityReport, *, wide: bool) -> Table:
    """One line an output under the name of its model: errors in floors of float32."""
    table = _table()
    table.add_column("raw outputs", no_wrap=True, overflow="ellipsis", min_width=18)
    if wide:
        table.add_column("in the file", no_wrap=True, overflow="ellipsis")
        table.add_column("shape", no_wrap=True)
    _numbers(table, "range", "floor", "LiteRT", "torch")
    if wide:
        _numbers(table, "mean", "rel. L2", "SNR dB")
    _numbers(table, "Core ML")
    table.add_column("bits", justify="center", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for model in report.models:
        table.add_row(*_heading(model, wide))
        mine = [row for row in report.rows if row.model == model.name and row.stage == rows.RAW]
        for output in model.outputs:
            found = [row for row in mine if row.output == output.name]
            table.add_row(*_output_line(output, found, wide))
    return table


def task_table(report: ParityReport) -> Table:
    """What the task's limits judge, one line a quantity: each backend against LiteRT."""
    table = _table()
    table.add_column("on images, against LiteRT", no_wrap=True, overflow="ellipsis", min_width=24)
    table.add_column("limit", justify="right", no_wrap=True)
    for name in TASK:
        table.add_column(HEADINGS[name], justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for model in report.models:
        found = [row for row in report.rows if row.model == model.name]
        lines = [_task_line(key, found) for key in TASK_LIMITS]
        if any(lines):
            table.add_row(Text(_safe(model.name), style="bold cyan"))
        for line in lines:
            if line:
                table.add_row(*line)
    return table


def truth_table(report: ParityReport) -> Table:
    """Against the joints that the renderer knows: parity that both sides get wrong shows here."""
    table = _table()
    table.add_column("against the rendered truth", no_wrap=True, overflow="ellipsis", min_width=24)
    _numbers(table, "hands", "recall", "precision", "joints", "left/right")
    for pair in dict.fromkeys(str(entry["pair"]) for entry in report.accuracy):
        table.add_row(Text(_safe(pair), style="bold cyan"))
        for entry in report.accuracy:
            if entry["pair"] != pair or entry["backend"] not in (TFLITE, TORCH, MIL_APP):
                continue
            table.add_row(
                f"  {entry['backend']}",
                str(entry["hands"]),
                _percent(entry["recall"]),
                _percent(entry["precision"]),
                _percent(entry["joint_error"]),
                _percent(entry["handedness_accuracy"]),
            )
    return table


def summary(report: ParityReport) -> Text:
    """The last line: how many of what, and whether parity holds."""
    judged = [row for row in report.rows if row.judged]
    failed = [row for row in judged if row.status == FAIL]
    what = (
        f"{_count(len(report.models), 'model')}, {_count(report.cases_total, 'case')}, "
        f"{_count(len(judged), 'comparison')}, {report.seconds:.0f} s"
    )
    parts = [f"{_count(len(failed), 'comparison')} failed" if failed else "all pass"]
    if report.failures:
        parts.append(f"{_count(len(report.failures), 'source')} without a verdict")
    waiting = sum(b.status == NOT_RUN for model in report.models for b in model.backends)
    if waiting:
        parts.append(f"{_count(waiting, 'backend')} not run")
    verdict = "parity holds" if report.passed else "parity does not hold"
    if report.exit_code == 3 and not failed:
        verdict = "parity could not be verified"
    style = "bold green" if report.passed else "bold red"
    return Text.assemble((verdict, style), f": {what}; {', '.join(parts)}")


def _legend(report: ParityReport) -> str:
    multiple = report.limits.float32_multiple
    return (
        "floor: largest error of LiteRT itself (both kernel sets) against float64.\n"
        "torch, Core ML: the larger error against LiteRT and float64, in floors; "
        f"up to {multiple:g} pass.\n"
        "Core ML: the saved package, executed by blazepalm, not by Apple's runtime."
    )


def _heading(model: ModelParity, wide: bool) -> list[Text | str]:
    name = Text(_safe(model.name), style="bold cyan")
    low, high = model.value_range
    fed = Text(f"in {low:g}..{high:g}", style="dim")
    shape = Text("×".join(map(str, model.input_shape)), style="dim")
    return [name, Text(model.sha256[:8], style="dim"), shape, fed] if wide else [name, fed]


def _output_line(output: OutputFacts, found: Sequence[Row], wide: bool) -> list[Text | str]:
    cells: list[Text | str] = [Text(f"  {_safe(output.field)}")]
    if wide:
        cells += [Text(_safe(output.name)), "×".join(map(str, output.range.shape or ()))]
    cells += [_range(output), _error(output.floor)]
    against = next((r for r in found if r.backend == TORCH and r.reference == TFLITE), None)
    cells.append(_error(None if against is None else against.value))
    cells.append(_multiple(found, TORCH))
    if wide:
        d = None if against is None else against.difference
        known = (None, None, None) if d is None else (d.mean_abs, d.rel_l2, d.snr_db)
        cells += [_error(known[0]), _error(known[1])]
        cells.append("–" if known[2] is None else f"{known[2]:.0f}")
    cells.append(_multiple(found, MIL))
    bits = [row for row in found if row.judge == rows.BY_BITS]
    cells.append("–" if not bits else "equal" if bits[0].status != FAIL else "differ")
    failed = [row for row in found if row.judged and row.status == FAIL]
    judged = any(row.judged for row in found)
    cells.append(_verdict("fail" if failed else "pass" if judged else "not run"))
    return cells


def _task_line(key: tuple[str, str, str], found: Sequence[Row]) -> list[Text | str] | None:
    _, output, metric = key
    mine = {
        row.backend: row
        for row in found
        if (row.stage, row.output, row.metric) == key and row.judge == rows.BY_TASK
    }
    if not mine:
        return None
    some = next(iter(mine.values()))
    sign = "≥" if metric == "IoU" else "≤"
    unit = f" {some.unit}" if some.unit in ("px", "mm") else ""
    cells: list[Text | str] = [f"  {output}, {metric}{unit}", f"{sign} {some.limit:g}"]
    for name in TASK:
        row = mine.get(name)
        style = "bold red" if row and row.status == FAIL else ""
        cells.append(Text("–" if row is None else _plain(row.value), style=style))
    failed = any(row.status == FAIL for row in mine.values())
    return [*cells, _verdict("fail" if failed else "pass")]


def _reasons(report: ParityReport) -> list[Text]:
    lines = []
    for model in report.models:
        if not model.outputs:
            lines.append(Text.assemble((_safe(model.name), "bold red"), ": no output was compared"))
        for backend in model.backends:
            if backend.status == NOT_RUN:
                what = f"{model.name} {backend.name}"
                reason = "; ".join(backend.reasons)
                lines.append(
                    Text.assemble((_safe(what), "bold red"), _safe(f": not run, {reason}"))
                )
            elif backend.first_divergence:
                what = f"{model.name} {backend.name}"
                stage = f": first diverges at {backend.first_divergence}"
                lines.append(Text.assemble((_safe(what), "bold red"), stage))
    failed = [row for row in report.rows if row.status == FAIL]
    failed.sort(key=lambda row: -(row.multiple or 0.0))
    for row in failed[:MOST_REASONS]:
        name = f"{row.model} {row.field}, {row.backend}, {row.mode}"
        lines.append(Text.assemble((_safe(name), "bold red"), _safe(f": {'; '.join(row.reasons)}")))
    if len(failed) > MOST_REASONS:
        lines.append(Text(f"and {len(failed) - MOST_REASONS} more, all in the report"))
    for failure in report.failures:
        name = "error" if failure.source in failure.message else failure.source
        lines.append(Text.assemble((_safe(name), "bold red"), _safe(f": {failure.message}")))
    return lines


def _layers(report: ParityReport) -> list[Text]:
    """For each model whose layers were compared: the culprit in all three vocabularies, or none."""
    lines = []
    for model in report.models:
        if model.layers is None:
            continue
        mapped = model.layers["rows"]
        for backend, culprit in model.layers["culprits"].items():
            known = [r["backends"][backend] for r in mapped]
            worst = max((e.local for e in known if e.local is not None), default=0.0)
            compared = sum(e.local is not None for e in known)
            what = f"{model.name} layers, {backend}: "
            if culprit is None:
                told = f"{compared} of {len(known)} compared, at most {worst:.1f} × float32's cost"
                lines.append(Text(_safe(what + told), style="dim"))
                continue
            told = (
                f"operator {culprit.op} {culprit.operator} '{culprit.tensor}', module "
                f"{culprit.module}, MIL {culprit.mil}: {culprit.local:.3g} × float32's cost"
            )
            lines.append(Text.assemble((_safe(what), "bold red"), _safe(told)))
    return lines


def _self_test(report: ParityReport) -> list[Text]:
    test = report.self_test
    if test is None:
        return []
    style = "bold green" if test["passed"] else "bold red"
    lines = [
        Text.assemble(
            ("self-test", style),
            f": {test['caught']} of {test['planted']} planted faults caught, "
            f"{test['located']} located, {_count(test['false_alarms'], 'false alarm')} "
            f"over {test['seeds']} seeds",
        )
    ]
    lines += [
        Text(_safe(f"  {o['release']}, {o['fault']}: at {o['expected']}, found {o['found']}"))
        for o in test["faults"]
        if not (o["caught"] and o["located"])
    ]
    return lines + [Text(_safe(f"  {alarm}")) for alarm in test["alarms"]]


def _notes(report: ParityReport) -> list[Text]:
    return [
        Text(_safe(f"{model.name}: {note}"), style="dim")
        for model in report.models
        for note in model.notes
    ]


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))


def _numbers(table: Table, *headings: str) -> None:
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)


def _verdict(status: str) -> Text:
    return Text(status, style={"pass": "green", "fail": "bold red"}.get(status, "yellow"))


def _range(output: OutputFacts) -> str:
    if output.range.low is None or output.range.high is None:
        return "–"
    return f"{_number(output.range.low)} … {_number(output.range.high)}"


def _number(value: float) -> str:
    """Three digits; powers of ten only where a plain number would be long."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _plain(value: float | None) -> str:
    if value is None:
        return "–"
    if value and abs(value) < 1e-4:
        return f"{value:.0e}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def _percent(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else "–"


def _error(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _multiple(found: Sequence[Row], backend: str) -> Text:
    mine = [row for row in found if row.backend == backend and row.judge == rows.BY_FLOOR]
    known = [row.multiple for row in mine if row.multiple is not None]
    style = "bold red" if any(row.status == FAIL for row in mine) else ""
    if not known:
        return Text("–", style=style)
    value = max(known)
    return Text(f"{value:.2f} ×" if value < 1000 else f"{value:.0e} ×", style=style)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _safe(text: str) -> str:
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )
