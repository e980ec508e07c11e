"""The parity report for people: one table, one line an output, and why where it failed.

Everything it prints is in the report's dataclasses; it computes no number of its own. It
fits 80 columns, and tells more where there are 120. Names out of a file are not trusted:
what a terminal could obey is escaped.
"""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blazepalm.reports import policy
from blazepalm.reports.report import ModelParity, ParityReport
from blazepalm.reports.verdict import BitwiseRow, FloorRow

WIDE = 120  # columns from which on the further figures are shown

LEGEND = (
    "LiteRT, oracle: largest error of the readable module against LiteRT and float64.\n"
    "floor: largest error of LiteRT itself (both kernel sets) against float64.\n"
    f"× floor: the tolerance needed, in floors; up to {policy.FLOAT32_MULTIPLE:g} pass."
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
    table.add_column("output", no_wrap=True, overflow="ellipsis", min_width=19)
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
    if wide:
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
    bits = [row for model in report.models for row in model.bitwise]
    failed = sum(not model.passed for model in report.models)
    what = (
        f"{_count(len(report.models), 'model')}, {_count(len(rows), 'output')}, "
        f"{_count(report.inputs, 'input')} each (seed {report.seed}), {report.seconds:.0f} s"
    )
    parts = [f"{_count(failed, 'model')} failed"] if failed else []
    if report.failures:
        parts.append(f"{_count(len(report.failures), 'source')} without a verdict")
    if not rows:
        parts.append("nothing was compared")
    else:
        worst = max((row.multiple for row in rows if row.multiple is not None), default=None)
        if worst is not None:
            parts.append(f"at most {_multiple(worst)} × the floor")
        compared = [row.passed for row in bits if row.status != "not_run"]
        parts.append(f"{sum(compared)} of {len(compared)} bitwise equal to the generic module")
    verdict = "parity holds" if report.passed else "parity fails" if failed else "no parity"
    style = "bold green" if report.passed else "bold red"
    return Text.assemble((verdict, style), f": {what}; {', '.join(parts)}")


def _heading(model: ModelParity, wide: bool) -> list[Text | str]:
    name = Text(_safe(model.name), style="bold cyan")
    low, high = model.value_range
    fed = Text(f"in {low:g}..{high:g}", style="dim")
    shape = Text("×".join(map(str, model.input_shape)), style="dim")
    return [name, Text(model.sha256[:8], style="dim"), shape, fed] if wide else [name, fed]


def _line(field: str, row: FloorRow, bits: BitwiseRow, wide: bool) -> list[Text | str]:
    verdict = "pass" if row.passed and bits.status != "fail" else "fail"
    style = "green" if verdict == "pass" else "bold red"
    cells: list[Text | str] = [Text(f"  {_safe(field)}")]
    if wide:
        cells += [Text(_safe(row.output)), "×".join(map(str, row.shape or ()))]
    cells += [_range(row), _error(row.floor.value)]
    cells += [_error(d.max_abs) for d in (row.against_tflite, row.against_oracle)]
    if wide:
        oracle = row.against_oracle
        cells += [_error(oracle.mean_abs), _error(oracle.rel_l2), _error(row.needed)]
    cells.append(_multiple(row.multiple))
    if wide:
        cells.append({"pass": "equal", "fail": "differ"}.get(bits.status, "–"))
    return [*cells, Text(verdict, style=style)]


def _reasons(report: ParityReport) -> list[Text]:
    lines = []
    for model in report.models:
        if not model.rows:
            lines.append(Text.assemble((_safe(model.name), "bold red"), ": no output was compared"))
        for field, row, bits in zip(model.fields, model.rows, model.bitwise, strict=True):
            reasons = [*row.reasons, *(bits.reasons if bits.status == "fail" else ())]
            lines += [
                Text.assemble((_safe(f"{model.name} {field}"), "bold red"), _safe(f": {reason}"))
                for reason in reasons
            ]
    for failure in report.failures:
        name = "error" if failure.source in failure.message else failure.source
        lines.append(Text.assemble((_safe(name), "bold red"), _safe(f": {failure.message}")))
    return lines


def _notes(report: ParityReport) -> list[Text]:
    return [
        Text(_safe(f"{model.name}: {note}"), style="dim")
        for model in report.models
        for note in model.notes
    ]


def _range(row: FloorRow) -> str:
    if row.low is None or row.high is None:
        return "–"
    return f"{_number(row.low)} … {_number(row.high)}"


def _number(value: float) -> str:
    """Three digits; powers of ten only where a plain number would be long."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _error(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _multiple(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 1000 else f"{value:.0e}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _safe(text: str) -> str:
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )
