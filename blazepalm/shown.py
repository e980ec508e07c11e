"""How results show themselves: in one line (`repr`), in colour (`rich.print`) and in Jupyter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

WIDTH = 110  # columns of the HTML form
FORMAT = '<pre style="line-height:normal;font-family:monospace">{code}</pre>'


class Shown:
    """A result with `in_short`, one line, and `pieces`, what the command line prints."""

    __slots__ = ()

    def in_short(self) -> str:
        raise NotImplementedError

    def pieces(self, width: int) -> "Iterable[RenderableType]":
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.in_short()}>"

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        yield from self.pieces(options.max_width)

    def _repr_html_(self) -> str:
        """What Jupyter shows; names from files are escaped twice, by us and by rich."""
        import io

        from rich.console import Console

        console = Console(
            file=io.StringIO(), record=True, width=WIDTH, force_jupyter=False, markup=False,
            emoji=False,
        )  # fmt: skip
        console.print(*self.pieces(WIDTH), sep="\n")
        return console.export_html(inline_styles=True, code_format=FORMAT)


@dataclass
class Collected:
    """Takes the place of a console of that `width` and keeps what is printed on it."""

    width: int
    kept: list[Any] = field(default_factory=list)

    def print(self, *pieces: Any) -> None:
        self.kept += pieces or ("",)
