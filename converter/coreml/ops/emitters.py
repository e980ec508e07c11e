"""The table of emitters: `@emits(F.conv2d)` registers a plain function for a torch function,
`@emits("reshape")` for a tensor method.

An emitter takes the `EmitContext`, then what the torch function takes, under torch's own names; it
returns the MIL value, or several.
"""

from collections.abc import Callable
from typing import Any

from blazepalm.function_table import registers_in

EMITTERS: dict[Any, Callable[..., Any]] = {}
emits = registers_in(EMITTERS, "emitted")
