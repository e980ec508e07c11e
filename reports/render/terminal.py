"""Prints the parity report: float32's cost and each backend's errors relative to it, the task's
verdict, and the reasons for failures, worst first.

Every number comes from the report's dataclasses; nothing is computed here. The output fits 80
columns, and shows more from 120. Names from a file are not trusted: terminal control sequences
are escaped.
"""

from rich.console import Console
from rich.text import Text

from blazepalm.reports.backends.names import MIL_APP, MIL_FP16
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import FAIL, NOT_RUN
from blazepalm.reports.judge.headline import UNTESTED
from blazepalm.reports.judge.report import TRUTH_UNCHECKED, ParityReport
from blazepalm.reports.judge.task_limits import by_picture
from blazepalm.reports.render.columns import columns, litert_bits_line
from blazepalm.reports.render.first_words import WORDS, worst
from blazepalm.reports.render.terminal_cells import count, safe
from blazepalm.reports.render.terminal_lines import explanations
from blazepalm.reports.render.terminal_tables import (
    ALLOWED,
    accuracy_table,
    floor_table,
    layers_table,
    runtimes_table,
    task_table,
    truth_table,
)

WIDE = 120  # columns of the narrowest screen that shows the extra figures
LAYERS_LEGEND = "the worst layer, in floors of float32; fp16: in half spacings of float16"
ALLOWED_LEGEND = f"{ALLOWED} beyond the limit, as far as noise of half a grey level moves float32"


def print_report(report: ParityReport, console: Console) -> None:
    """Prints the tables, reasons, notes and the summary line."""
    if report.models:
        wide = console.width >= WIDE
        console.print(floor_table(report, wide=wide))
        console.print(Text(safe(_legend(report)), style="dim"))
        if any(row.stage in (rows.SUPPRESSED, rows.LANDMARKS) for row in report.rows):
            console.print()
            console.print(task_table(report))
            if any(by_picture(row) for row in report.rows):
                console.print(Text(ALLOWED_LEGEND, style="dim"))
            if any(row.backend in (MIL_FP16, MIL_APP) for row in report.rows):
                faces = "\n".join(f"{name}: {WORDS[name]}" for name in ("fp16", "app"))
                console.print(Text(faces, style="dim"))
        if any(row.stage == rows.TRUTH for row in report.rows):
            console.print()
            console.print(truth_table(report))
        if report.accuracy:
            console.print()
            console.print(accuracy_table(report))
    if (others := runtimes_table(report)) is not None:
        console.print()
        console.print(others)
    if any(model.layers is not None for model in report.models):
        console.print()
        console.print(layers_table(report))
        console.print(Text(LAYERS_LEGEND, style="dim"))
    for line in explanations(report):
        console.print(line)
    if (found := worst(report)) is not None:
        console.print(Text(safe(found.sentence)))
    console.print(summary(report))


def summary(report: ParityReport) -> Text:
    """The last line: the counts, and whether parity holds."""
    judged = [row for row in report.rows if row.judged]
    done, all_rows = (sum(model.coverage[i] for model in report.models) for i in (0, 1))
    failed = [row for row in judged if row.status == FAIL]
    photos = f" ({count(len(report.photos), 'photograph')})" if report.photos else ""
    what = (
        f"{count(len(report.models), 'model')}, {count(report.cases_total, 'case')}{photos}, "
        f"{done} of {count(all_rows, 'comparison')}, {report.timing.seconds:.0f} s"
    )
    parts = ["all pass"] if report.passed else []
    if failed:
        parts.append(f"{count(len(failed), 'comparison')} failed")
    if report.failures:
        parts.append(f"{count(len(report.failures), 'source')} without a verdict")
    waiting = sum(b.status == NOT_RUN for model in report.models for b in model.backends)
    if waiting:
        parts.append(f"{count(waiting, 'backend')} not run")
    if report.self_test is not None and not report.self_test.passed:
        parts.append(UNTESTED)
    if any(TRUTH_UNCHECKED in model.notes for model in report.models):
        parts.append("the rendered truth not checked")
    style = "bold green" if report.passed else "bold red"
    details = f": {what}; {', '.join(parts)}" if parts else f": {what}"
    return Text.assemble((report.verdict, style), details)


def _legend(report: ParityReport) -> str:
    multiple = report.limits.float32_multiple
    lines = [
        "floor: largest error of LiteRT itself (both kernel sets) against float64.",
        f"Others: the larger error against LiteRT and float64, in floors; up to {multiple:g} pass.",
    ]
    if (bits := litert_bits_line(report)) is not None:
        lines.append(f"{bits}.")
    lines += [f"{name}: {label}" for name, label in columns(report).items()]
    return "\n".join(lines)
