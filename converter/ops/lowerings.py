"""The operator table: `@lowers("CONV_2D")` registers a plain function as an operator's lowering."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from blazepalm.function_table import registers_in

if TYPE_CHECKING:
    from blazepalm.converter.ops.context import Context
    from blazepalm.converter.tflite.graph import Operator

Lowering = Callable[["Operator", "Context"], None]

LOWERINGS: dict[str, Lowering] = {}
lowers = registers_in(LOWERINGS, "lowered")
