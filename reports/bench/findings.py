"""What a bench found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Findings:
    """`values` are for `--json`, `shown` is for people; `passed`: every limit is kept."""

    values: dict[str, Any]
    shown: "RenderableType"
    passed: bool
