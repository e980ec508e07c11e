"""What executes each operation: `@executes("conv")` registers a plain function; a name that is
registered twice raises at import.

Such a function is called once, when a program is made ready: it reads the operation's constant
parameters from its `Call` and returns the `Kernel` that then runs each time.
"""

from collections.abc import Callable

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.kernel import Kernel

Executor = Callable[[Call], Kernel]

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
