"""Numbers and names as cells and words on a terminal. Names out of a file are not trusted: what a
terminal could obey is escaped.
"""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import FAIL, Row
from blazepalm.reports.judge.report import OutputFacts
from blazepalm.text import printable


def new_table() -> Table:
    """Without lines."""
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))


def add_numbers(table: Table, *headings: str) -> None:
    """Adds columns of figures."""
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)


def verdict_cell(status: str) -> Text:
    """A status in its colour."""
    return Text(status, style={"pass": "green", "fail": "bold red"}.get(status, "yellow"))


def range_cell(output: OutputFacts) -> str:
    """From the lowest value of an output to the highest."""
    if output.range.low is None or output.range.high is None:
        return "–"
    return f"{_number(output.range.low)} … {_number(output.range.high)}"


def _number(value: float) -> str:
    """Three digits; powers of ten only where a plain number would be long."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plain_number(value: float | None) -> str:
    """Up to four digits behind the point."""
    if value is None:
        return "–"
    if value and abs(value) < 1e-4:
        return f"{value:.0e}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def percent(value: object) -> str:
    """A share of 1."""
    return f"{value:.1%}" if isinstance(value, float) else "–"


def error_cell(value: float | None) -> str:
    """Two digits and a power of ten."""
    return "–" if value is None else f"{value:.1e}"


def multiple_cell(found: Sequence[Row], backend: str) -> Text:
    """A backend's largest error on an output in floors."""
    mine = [row for row in found if row.backend == backend and row.judge == rows.BY_FLOOR]
    known = [row.multiple for row in mine if row.multiple is not None]
    style = "bold red" if any(row.status == FAIL for row in mine) else ""
    if not known:
        return Text("–", style=style)
    value = max(known)
    return Text(f"{value:.2f} ×" if value < 1000 else f"{value:.0e} ×", style=style)


def count(number: int, what: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def safe(text: str) -> str:
    """The text with everything escaped that is not printed as itself."""
    return printable(text, keep="\n")
