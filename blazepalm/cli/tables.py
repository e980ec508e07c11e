"""Tables for the output of `inspect` and `run`. Their text is never parsed as markup; names from
a file go through `printable` first.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

BAR = 16  # cells of the longest bar
SIDE_BY_SIDE = 100  # columns of the narrowest screen that shows two tables side by side


def facts(rows: "Iterable[tuple[str, str | Text]]") -> "Table":
    """Labels and values in two columns."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(f"  {label}", Text(value) if isinstance(value, str) else value)
    return grid


def plain_table(title: str, *headings: str) -> "Table":
    """A table without lines; the columns after the first hold numbers."""
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        show_header=bool(headings),
        header_style="dim",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[0] else "right")
    return table


def histogram(title: str, counts: Mapping[str, int]) -> "Table":
    """Names with their counts, in the order given, each with a bar."""
    from rich.text import Text

    table = plain_table(title)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    most = max(counts.values(), default=1)
    for name, count in counts.items():
        table.add_row(Text(printable(name)), str(count), Text(bar(count / most), style="cyan"))
    return table


def beside(tables: "Iterable[Table]", width: int) -> "list[RenderableType]":
    """Tables side by side if the screen is wide enough, else one below the other."""
    from rich.columns import Columns

    if width >= SIDE_BY_SIDE:
        return [Columns(list(tables), padding=(0, 6))]
    pieces: list[RenderableType] = []
    for table in tables:
        pieces += ["", table] if pieces else [table]
    return pieces


def bar(fraction: float) -> str:
    """A bar of up to `BAR` cells, in eighths."""
    eighths = max(1, round(fraction * BAR * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def times(shape: Iterable[int | None]) -> str:
    """`1×192×192×3`; a flexible dimension is `?`."""
    return "×".join("?" if size is None else str(size) for size in shape) or "scalar"
