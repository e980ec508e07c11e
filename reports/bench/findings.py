"""The result of a bench."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Findings:
    """`values` are for `--json`, `shown` is for people; `passed`: no limit is exceeded."""

    values: dict[str, Any]
    shown: "RenderableType"
    passed: bool
