"""Output of `blazepalm run`: how pictures were fed, and every value's type, shape and range."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

HONEST = "executed by blazepalm, not Apple's runtime"


def render(values: dict[str, Any]) -> "Iterator[RenderableType]":
    """The report, piece by piece."""
    from rich.text import Text

    yield Text.assemble((printable(Path(values["package"]).name), "bold cyan"), f"  {HONEST}")
    for fed in values["images"]:
        low, high = fed["value_range"]
        how = "letterboxed" if fed["letterbox"] else "resized"
        yield (
            f"{printable(fed['file'])} → {printable(fed['input'])}: {how} to "
            f"{fed['width']}×{fed['height']}, {fed['layout']}, {low:g}..{high:g}"
        )
    yield ""
    yield _table("output", values["outputs"])
    if values["intermediates"]:
        yield ""
        yield _table("intermediate", values["intermediates"])
    if values["native"]:
        yield ""
        yield f"largest difference from Core ML ({values['native']['units']})"
        for row in values["native"]["differences"]:
            largest = "not finite" if row["largest"] is None else f"{row['largest']:.4g}"
            yield f"  {printable(row['name'])}  {largest}"
    if values["written"]:
        yield f"written: {printable(values['written']['file'])}"


def _table(what: str, rows: list[dict[str, Any]]) -> "Table":
    """One line per value; a small value in full beneath it."""
    from rich.table import Table
    from rich.text import Text

    from blazepalm.cli.tables import times

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(what, overflow="fold")
    table.add_column("dtype", no_wrap=True)
    table.add_column("shape", overflow="fold")
    for heading in ("min", "max", "mean"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        name = Text(printable(row["name"]))
        if row["not_finite"]:
            name.append(f"\n{row['not_finite']:,} not finite", style="bold red")
        figures = ["–" if row[key] is None else f"{row[key]:.5g}" for key in ("min", "max", "mean")]
        if row["values"] is not None and row["min"] != row["max"]:  # else min says it
            name.append(f"\n{_in_full(row['values'])}", style="dim")
        table.add_row(name, row["dtype"], times(row["shape"]), *figures)
    return table


def _in_full(values: Any) -> str:
    """`[0.1, 2]`, or one number, or text."""
    if isinstance(values, list):
        return f"[{', '.join(_in_full(value) for value in values)}]"
    return f"{values:.5g}" if isinstance(values, float) else printable(str(values))
