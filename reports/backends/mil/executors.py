"""The operation table: `@executes("conv")` registers a plain function; a name registered twice
raises at import.

Such a function is called once, when a program is made ready: it reads the operation's constant
parameters from its `Site` and returns the `Kernel` that then runs each time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from blazepalm.reports.backends.mil.call import Site


@dataclass(frozen=True)
class Kernel:
    """`run` takes the tensors of `operands` (MIL names) and returns a tensor, or a tuple of as
    many as the operation has outputs. Where `rounds`, a float16 result is yet to be rounded.
    `constants` instead: the results are known already (`constexpr_*`).
    """

    run: Callable[..., Any] | None = None
    operands: tuple[str, ...] = ()
    rounds: bool = True
    constants: tuple[np.ndarray, ...] = ()


Executor = Callable[["Site"], Kernel]

EXECUTORS: dict[str, Executor] = {}


def executes(*names: str) -> Callable[[Executor], Executor]:
    """Registers a function as what executes the operations `names`."""

    def register(function: Executor) -> Executor:
        for name in names:
            if name in EXECUTORS:
                raise ValueError(f"{name} is executed twice: {EXECUTORS[name]} and {function}")
            EXECUTORS[name] = function
        return function

    return register
