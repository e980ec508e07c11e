"""The table of emitters: `@emits(F.conv2d)` registers a plain function for a torch function,
`@emits("reshape")` for a tensor method; registering twice raises at import.

An emitter takes the `EmitContext`, then what the torch function takes, under torch's own names; it
returns the MIL value, or several.
"""

from collections.abc import Callable
from typing import Any

Emitter = Callable[..., Any]

EMITTERS: dict[Any, Emitter] = {}


def emits(*targets: Any) -> Callable[[Emitter], Emitter]:
    """Registers a function as the emitter of torch functions and methods."""

    def register(function: Emitter) -> Emitter:
        for target in targets:
            if target in EMITTERS:
                raise ValueError(f"{target} is emitted twice: {EMITTERS[target]} and {function}")
            EMITTERS[target] = function
        return function

    return register
