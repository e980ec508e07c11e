"""The operator table: `@lowers("CONV_2D")` registers a plain function; registering a name twice
raises at import.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blazepalm.converter.ops.context import Context
    from blazepalm.converter.tflite.graph import Operator

Lowering = Callable[["Operator", "Context"], None]

LOWERINGS: dict[str, Lowering] = {}


def lowers(*names: str) -> Callable[[Lowering], Lowering]:
    """Registers a function as the lowering of the operators `names`."""

    def register(function: Lowering) -> Lowering:
        for name in names:
            if name in LOWERINGS:
                raise ValueError(f"{name} is lowered twice: {LOWERINGS[name]} and {function}")
            LOWERINGS[name] = function
        return function

    return register
