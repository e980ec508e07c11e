"""The tables of the parity report on a terminal. Names from a file are not trusted: terminal
control sequences are escaped.
"""

from collections.abc import Sequence

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
from blazepalm.reports.compare.rows import FAIL, Row
from blazepalm.reports.judge.known_accuracy import worse_than_known
from blazepalm.reports.judge.report import (
    ModelParity,
    OutputFacts,
    ParityReport,
)
from blazepalm.reports.judge.task_limits import LEAST, TASK_LIMITS, by_picture
from blazepalm.reports.render.runtimes import runtimes
from blazepalm.reports.render.terminal_cells import (
    add_names,
    add_numbers,
    error_cell,
    multiple_cell,
    new_table,
    percent,
    range_cell,
    safe,
    verdict_cell,
)
from blazepalm.text import figure

FLOAT32, TASK = (TORCH, MIL), (TORCH, MIL, MIL_FP16, MIL_APP)
BELOW = "!"  # worse than any known release
ALLOWED = "*"  # beyond the limit, as far as noise of half a grey level moves float32
LAYERED = (TORCH, MIL, MIL_FP16)
HEADINGS = {
    TORCH: "torch",
    MIL: "Core ML",
    MIL_FP16: "fp16",
    MIL_APP: "app",
    TFLITE_INTEGER: "integers",
}


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
            name = safe(f"  {row.output}, {row.metric}{unit}{given}")
            below = worse_than_known(row, report) is not None
            value = f"{figure(row.value)}{BELOW * below}"
            table.add_row(name, f"{sign} {figure(row.limit)}", value, verdict_cell(row.status))
    return table


def runtimes_table(report: ParityReport) -> Table | None:
    """The runtimes that have no column above, one line each; None without any."""
    shown = {*_floor_columns(report), *TASK, *_foreign(report), TFLITE_INTEGER}
    table = new_table()
    add_names(table, "other runtimes")
    add_numbers(table, "floors", "LiteRT's bits", "on images")
    table.add_column("", no_wrap=True)
    for model, cells in runtimes(report):
        others = [cell for cell in cells if cell.runtime not in shown]
        if others:
            table.add_row(Text(safe(model), style="bold cyan"))
        for cell in others:
            style = "bold red" if cell.status == FAIL else ""
            figures = (Text(x, style=style) for x in (cell.floors, cell.bits, cell.task))
            table.add_row(f"  {safe(cell.runtime)}", *figures, verdict_cell(cell.status))
    return table if table.row_count else None


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
                safe(f"  {entry.backend}"),
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
    layered = {name for m in report.models if m.layers for name in m.layers.culprits}
    columns = [*LAYERED, *sorted(layered.difference(LAYERED))]
    _add_backends(table, columns)
    for model in report.models:
        if model.layers is None:
            continue
        mapped, culprits = model.layers.rows, model.layers.culprits
        compared, cells = [], []
        for name in columns:
            found = [row.backends[name] for row in mapped if name in row.backends]
            local = [entry.local for entry in found if entry.local is not None]
            compared.append(len(local))
            worst = f"{max(local):.1f} ×" if local else "–"
            cells.append(Text(worst, style="bold red" if culprits.get(name) else ""))
        counts = f"{max(compared)} of {len(mapped)}"
        table.add_row(Text(safe(model.name), style="bold cyan"), counts, *cells)
    return table


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
    cells: list[Text | str] = [safe(f"  {output}, {metric}{unit}"), f"{sign} {some.limit:g}"]
    for name in columns:
        row = mine.get(name)
        style = "bold red" if row and row.status == FAIL else ""
        mark = ALLOWED if row and by_picture(row) else ""
        cells.append(Text(figure(None if row is None else row.value) + mark, style=style))
    failed = any(row.status == FAIL for row in mine.values())
    return [*cells, verdict_cell("fail" if failed else "pass")]
