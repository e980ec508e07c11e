"""Formats numbers and names for terminal tables. Names from a file are not trusted: terminal
control sequences are escaped.
"""

from collections.abc import Sequence
from functools import partial

from rich.table import Table
from rich.text import Text

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import FAIL, Row
from blazepalm.reports.judge.report import OutputFacts
from blazepalm.text import NOTHING, figure, printable

safe = partial(printable, keep="\n")  # names and messages, keeping line breaks


def new_table() -> Table:
    """A table without rules."""
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))


def add_names(table: Table, heading: str) -> None:
    """The first column: it gives way where the table is too wide, so that numbers stay whole."""
    table.add_column(heading, overflow="fold", min_width=12)


def add_numbers(table: Table, *headings: str) -> None:
    """Adds columns of figures."""
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)


def verdict_cell(status: str) -> Text:
    """A status in its colour."""
    return Text(status, style={"pass": "green", "fail": "bold red"}.get(status, "yellow"))


def range_cell(output: OutputFacts) -> str:
    """An output's lowest and highest value."""
    if output.range.low is None or output.range.high is None:
        return NOTHING
    return f"{figure(output.range.low)} … {figure(output.range.high)}"


def percent(value: float | None) -> str:
    """A share (0..1) as a percentage; a dash if unknown."""
    return NOTHING if value is None else f"{value:.1%}"


def error_cell(value: float | None) -> str:
    """Two digits and a power of ten; a dash for None."""
    return NOTHING if value is None else f"{value:.1e}"


def multiple_cell(found: Sequence[Row], backend: str) -> Text:
    """A backend's largest error on an output, in floors."""
    mine = [row for row in found if row.backend == backend and row.judge == rows.BY_FLOOR]
    known = [row.multiple for row in mine if row.multiple is not None]
    style = "bold red" if any(row.status == FAIL for row in mine) else ""
    if not known:
        return Text(NOTHING, style=style)
    value = max(known)
    return Text(f"{value:.2f} ×" if value < 1000 else f"{value:.0e} ×", style=style)


def count(number: int, what: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
