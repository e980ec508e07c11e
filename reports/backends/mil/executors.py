"""The table of executors: `@executes("conv")` registers a plain function for an operation.

It is called once, when a program is made ready: it reads the operation's constant parameters from
its `Call` and returns the `Kernel` that then runs each time.
"""

from collections.abc import Callable

from blazepalm.function_table import registers_in
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.kernel import Kernel

Executor = Callable[[Call], Kernel]

EXECUTORS: dict[str, Executor] = {}
executes = registers_in(EXECUTORS, "executed")
