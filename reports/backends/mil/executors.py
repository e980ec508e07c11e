"""The table of executors: `@executes("conv")` registers a function for an operation.

The function is called once, when a program is prepared: it reads the operation's constant
parameters from its `Call` and returns the `Kernel` that is then called on each run.
"""

from collections.abc import Callable

from blazepalm.function_table import registers_in
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.kernel import Kernel

Executor = Callable[[Call], Kernel]

EXECUTORS: dict[str, Executor] = {}
executes = registers_in(EXECUTORS, "executed")
