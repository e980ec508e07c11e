"""Prints the parity report: float32's cost and each backend's errors relative to it, the task's
verdict, and the reasons for failures, worst first.

Every number comes from the report's dataclasses; nothing is computed here. The output fits 80
columns, and shows more from 120. Names from a file are not trusted: terminal control sequences
are escaped.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blazepalm.reports.backends.names import (
    MIL,
    MIL_APP,
    MIL_FP16,
    TFLITE,
    TFLITE_INTEGER,
    TORCH,
)
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import FAIL, NOT_RUN, Row
from blazepalm.reports.judge.headline import UNTESTED
from blazepalm.reports.judge.report import (
    TRUTH_UNCHECKED,
    ModelParity,
    OutputFacts,
    ParityReport,
)
from blazepalm.reports.judge.task_limits import LEAST, TASK_LIMITS, by_picture
from blazepalm.reports.render.columns import columns, litert_bits_line
from blazepalm.reports.render.terminal_cells import (
    add_names,
    add_numbers,
    count,
    error_cell,
    multiple_cell,
    new_table,
    percent,
    range_cell,
    safe,
    verdict_cell,
)
from blazepalm.reports.render.terminal_lines import explanations
from blazepalm.text import figure

WIDE = 120  # columns of the narrowest screen that shows the extra figures

FLOAT32, TASK = (TORCH, MIL), (TORCH, MIL, MIL_FP16, MIL_APP)
LAYERS_LEGEND = "the worst layer, in floors of float32; fp16: in half spacings of float16"
ALLOWED = "*"
ALLOWED_LEGEND = f"{ALLOWED} beyond the limit, as far as noise of half a grey level moves float32"
LAYERED = (TORCH, MIL, MIL_FP16)
HEADINGS = {
    TORCH: "torch",
    MIL: "Core ML",
    MIL_FP16: "fp16",
    MIL_APP: "app",
    TFLITE_INTEGER: "integers",
}


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
        if any(row.stage == rows.TRUTH for row in report.rows):
            console.print()
            console.print(truth_table(report))
        if report.accuracy:
            console.print()
            console.print(accuracy_table(report))
    if any(model.layers is not None for model in report.models):
        console.print()
        console.print(layers_table(report))
        console.print(Text(LAYERS_LEGEND, style="dim"))
    for line in explanations(report):
        console.print(line)
    console.print(summary(report))


def floor_table(report: ParityReport, *, wide: bool) -> Table:
    """One line per output under its model's name: errors in floors of float32."""
    table = new_table()
    add_names(table, "raw outputs")
    if wide:
        table.add_column("in the file", no_wrap=True, overflow="ellipsis")
        table.add_column("shape", no_wrap=True)
    first, *others = _floor_columns(report)
    add_numbers(table, "range", "floor", "LiteRT")
    _add_backends(table, [first])
    if wide:
        add_numbers(table, "mean", "rel. L2", "SNR dB")
    _add_backends(table, others)
    table.add_column("bits", justify="center", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for model in report.models:
        table.add_row(*_heading(model, wide))
        mine = [row for row in report.rows if row.model == model.name and row.stage == rows.RAW]
        for output in model.outputs:
            found = [row for row in mine if row.output == output.name]
            table.add_row(*_output_line(output, found, [first, *others], wide))
    return table


def task_table(report: ParityReport) -> Table:
    """Quantities judged by the task's limits, one line each: every backend against LiteRT."""
    table = new_table()
    add_names(table, "on images, against LiteRT")
    table.add_column("limit", justify="right", no_wrap=True)
    columns = _foreign(report)
    if not columns:
        in_integers = any(row.backend == TFLITE_INTEGER for row in report.rows)
        columns = [*TASK, TFLITE_INTEGER] if in_integers else [*TASK]
    _add_backends(table, columns)
    table.add_column("", no_wrap=True)
    for model in report.models:
        found = [row for row in report.rows if row.model == model.name]
        lines = [_task_line(key, found, columns) for key in TASK_LIMITS]
        if any(lines):
            table.add_row(Text(safe(model.name), style="bold cyan"))
        for line in lines:
            if line:
                table.add_row(*line)
    return table


def truth_table(report: ParityReport) -> Table:
    """What each file itself finds in rendered pictures, judged: it shows errors that all backends
    share.
    """
    table = new_table()
    add_names(table, "the file, against the rendered truth")
    add_numbers(table, "limit", "found")
    table.add_column("", no_wrap=True)
    for model in report.models:
        found = [row for row in report.rows if row.model == model.name and row.stage == rows.TRUTH]
        if found:
            table.add_row(Text(safe(model.name), style="bold cyan"))
        for row in found:
            given = ", true regions" if row.mode == rows.ISOLATED else ""
            unit = f" {row.unit}".rstrip()
            sign = "≥" if row.metric in LEAST else "≤"
            name = f"  {row.output}, {row.metric}{unit}{given}"
            table.add_row(
                name, f"{sign} {figure(row.limit)}", figure(row.value), verdict_cell(row.status)
            )
    return table


def accuracy_table(report: ParityReport) -> Table:
    """Backends against the renderer's joints."""
    table = new_table()
    add_names(table, "against the rendered truth")
    add_numbers(table, "hands", "recall", "precision", "joints", "left/right")
    shown = (TFLITE, TORCH, MIL_APP, *_foreign(report))
    for pair in dict.fromkeys(entry.pair for entry in report.accuracy):
        table.add_row(Text(safe(pair), style="bold cyan"))
        for entry in report.accuracy:
            if entry.pair != pair or entry.backend not in shown:
                continue
            table.add_row(
                f"  {entry.backend}",
                str(entry.hands),
                percent(entry.recall),
                percent(entry.precision),
                percent(entry.joint_error),
                percent(entry.handedness_accuracy),
            )
    return table


def layers_table(report: ParityReport) -> Table:
    """The largest error of any layer given the reference's input: in floors of float32, or for
    float16 in half spacings of float16 at the layer's peak.
    """
    table = new_table()
    add_names(table, "layers, given LiteRT's input")
    table.add_column("compared", justify="right", no_wrap=True)
    for name in LAYERED:
        table.add_column(HEADINGS[name], justify="right", no_wrap=True)
    for model in report.models:
        if model.layers is None:
            continue
        mapped, culprits = model.layers.rows, model.layers.culprits
        compared, cells = [], []
        for name in LAYERED:
            known = [row.backends[name] for row in mapped if name in row.backends]
            local = [entry.local for entry in known if entry.local is not None]
            compared.append(len(local))
            worst = f"{max(local):.1f} ×" if local else "–"
            cells.append(Text(worst, style="bold red" if culprits.get(name) else ""))
        counts = f"{max(compared)} of {len(mapped)}"
        table.add_row(Text(safe(model.name), style="bold cyan"), counts, *cells)
    return table


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


def _foreign(report: ParityReport) -> list[str]:
    """The candidates of a report that compares other people's conversions in place of ours."""
    judged = [
        backend.name
        for model in report.models
        for backend in model.backends
        if backend.judge in (rows.BY_FLOOR, rows.BY_TASK)
    ]
    return [] if TORCH in judged else list(dict.fromkeys(judged))


def _floor_columns(report: ParityReport) -> list[str]:
    """The backends with a column in the table of raw outputs; the first one's errors are shown in
    full.
    """
    return _foreign(report) or [*FLOAT32]


def _add_backends(table: Table, names: Sequence[str]) -> None:
    for name in names:
        if name in HEADINGS:
            table.add_column(HEADINGS[name], justify="right", no_wrap=True)
        else:  # a file's name, of any length
            table.add_column(safe(name), justify="right", overflow="fold", min_width=8)


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


def _heading(model: ModelParity, wide: bool) -> list[Text | str]:
    name = Text(safe(model.name), style="bold cyan")
    low, high = model.value_range
    fed = Text(f"in {low:g}..{high:g}", style="dim")
    shape = Text("×".join(map(str, model.input_shape)), style="dim")
    return [name, Text(model.sha256[:8], style="dim"), shape, fed] if wide else [name, fed]


def _output_line(
    output: OutputFacts, found: Sequence[Row], columns: Sequence[str], wide: bool
) -> list[Text | str]:
    cells: list[Text | str] = [Text(f"  {safe(output.field)}")]
    if wide:
        cells += [Text(safe(output.name)), "×".join(map(str, output.range.shape or ()))]
    cells += [range_cell(output), error_cell(output.floor)]
    first, *others = columns
    against = next((r for r in found if r.backend == first and r.reference == TFLITE), None)
    cells.append(error_cell(None if against is None else against.value))
    cells.append(multiple_cell(found, first))
    if wide:
        d = None if against is None else against.difference
        known = (None, None, None) if d is None else (d.mean_abs, d.rel_l2, d.snr_db)
        cells += [error_cell(known[0]), error_cell(known[1])]
        cells.append("–" if known[2] is None else f"{known[2]:.0f}")
    cells += [multiple_cell(found, name) for name in others]
    bits = [row for row in found if row.judge == rows.BY_BITS]
    cells.append("–" if not bits else "equal" if bits[0].status != FAIL else "differ")
    failed = [row for row in found if row.judged and row.status == FAIL]
    judged = any(row.judged for row in found)
    cells.append(verdict_cell("fail" if failed else "pass" if judged else "not run"))
    return cells


def _task_line(
    key: tuple[str, str, str], found: Sequence[Row], columns: Sequence[str]
) -> list[Text | str] | None:
    _, output, metric = key
    mine = {
        row.backend: row
        for row in found
        if (row.stage, row.output, row.metric) == key and row.judge == rows.BY_TASK
    }
    if not mine:
        return None
    some = next(iter(mine.values()))
    sign = "≥" if metric in LEAST else "≤"
    unit = f" {some.unit}" if some.unit in ("px", "mm") else ""
    cells: list[Text | str] = [f"  {output}, {metric}{unit}", f"{sign} {some.limit:g}"]
    for name in columns:
        row = mine.get(name)
        style = "bold red" if row and row.status == FAIL else ""
        mark = ALLOWED if row and by_picture(row) else ""
        cells.append(Text(figure(None if row is None else row.value) + mark, style=style))
    failed = any(row.status == FAIL for row in mine.values())
    return [*cells, verdict_cell("fail" if failed else "pass")]
