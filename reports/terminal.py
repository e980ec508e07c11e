"""The parity report for people: one table, one line an output, and why where it failed.

Everything it prints is in the report's dataclasses; it computes no number of its own. It
fits 80 columns, and tells more where there are 120.
"""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blazepalm.reports import policy
from blazepalm.reports.report import ModelParity, ParityReport
from blazepalm.reports.verdict import BitwiseRow, FloorRow

WIDE = 120  # columns from which on the further figures are shown

LEGEND = (
    "floor: the largest error of LiteRT (both kernel sets) against float64, so what float32 "
    f"costs.\n× floor: the tolerance needed, in floors; at most {policy.FLOAT32_MULTIPLE:g} "
    "passes. bits: readable = generic module."
)


def print_report(report: ParityReport, console: Console) -> None:
    """Prints table, reasons, notes and the summary line."""
    if report.models:
        console.print(parity_table(report, wide=console.width >= WIDE))
        console.print(Text(LEGEND, style="dim"))
    for line in [*_reasons(report), *_notes(report)]:
        console.print(line)
    console.print(summary(report))


def parity_table(report: ParityReport, *, wide: bool) -> Table:
    """One line an output under the name of its release."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("output", no_wrap=True, overflow="ellipsis", min_width=17)
    if wide:
        table.add_column("in the file", no_wrap=True, overflow="ellipsis")
        table.add_column("shape", no_wrap=True)
    table.add_column("range", justify="right", no_wrap=True)
    for heading in ("floor", "LiteRT", "oracle"):
        table.add_column(heading, justify="right", no_wrap=True)
    if wide:
        for heading in ("mean", "rel. L2", "needed"):
            table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("× floor", justify="right", no_wrap=True)
    table.add_column("bits", justify="center", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for model in report.models:
        table.add_row(*_heading(model, wide))
        for field, row, bits in zip(model.fields, model.rows, model.bitwise, strict=True):
            table.add_row(*_line(field, row, bits, wide))
    return table


def summary(report: ParityReport) -> Text:
    """The last line: how many of what, and whether parity holds."""
    rows = [row for model in report.models for row in model.rows]
    failed = sum(not model.passed for model in report.models)
    judged, known = (sum(model.coverage[i] for model in report.models) for i in (0, 1))
    what = (
        f"{_count(len(report.models), 'model')}, {_count(len(rows), 'output')}, "
        f"{_count(report.inputs, 'input')} each (seed {report.seed}), "
        f"{judged} of {known} rows judged"
    )
    if report.passed:
        worst = max(row.multiple or 0.0 for row in rows)
        return Text.assemble(
            ("parity holds", "bold green"),
            f": {what}; at most {worst:.2f} × the floor, {report.seconds:.0f} s",
        )
    parts = [what]
    if failed:
        parts.append(f"{_count(failed, 'model')} failed")
    if report.failures:
        parts.append(f"{_count(len(report.failures), 'source')} without a verdict")
    if not report.models and not report.failures:
        parts.append("nothing was compared")
    return Text.assemble(
        ("parity fails" if failed else "no parity", "bold red"), ": ", "; ".join(parts)
    )


def _heading(model: ModelParity, wide: bool) -> list[Text | str]:
    name = Text(model.name, style="bold cyan")
    low, high = model.value_range
    fed = Text(f"in {low:g}..{high:g}", style="dim")
    shape = Text("×".join(map(str, model.input_shape)), style="dim")
    return [name, Text(model.sha256[:8], style="dim"), shape, fed] if wide else [name, fed]


def _line(field: str, row: FloorRow, bits: BitwiseRow, wide: bool) -> list[Text | str]:
    verdict = "pass" if row.passed and bits.status != "fail" else "fail"
    style = "green" if verdict == "pass" else "bold red"
    cells: list[Text | str] = [Text(f"  {field}")]
    if wide:
        cells += [Text(row.output), "×".join(map(str, row.shape or ()))]
    cells += [_range(row), _error(row.floor.value)]
    cells += [_error(d.max_abs) for d in (row.against_tflite, row.against_oracle)]
    if wide:
        oracle = row.against_oracle
        cells += [_error(oracle.mean_abs), _error(oracle.rel_l2), _error(row.needed)]
    marks = {"pass": "=", "fail": "≠", "not_run": "–"}
    return [*cells, _multiple(row.multiple), marks[bits.status], Text(verdict, style=style)]


def _reasons(report: ParityReport) -> list[Text]:
    lines = []
    for model in report.models:
        if not model.rows:
            lines.append(Text.assemble((model.name, "bold red"), ": no output was compared"))
        for field, row, bits in zip(model.fields, model.rows, model.bitwise, strict=True):
            reasons = [*row.reasons, *(bits.reasons if bits.status == "fail" else ())]
            lines += [
                Text.assemble((f"{model.name} {field}", "bold red"), f": {reason}")
                for reason in reasons
            ]
    return lines + [
        Text.assemble((failure.source, "bold red"), f": {failure.message}")
        for failure in report.failures
    ]


def _notes(report: ParityReport) -> list[Text]:
    return [
        Text.assemble((f"{model.name}: ", "dim"), (note, "dim"))
        for model in report.models
        for note in model.notes
    ]


def _range(row: FloorRow) -> str:
    return "–" if row.low is None or row.high is None else f"{row.low:.2g} … {row.high:.2g}"


def _error(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _multiple(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 1000 else f"{value:.0e}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
