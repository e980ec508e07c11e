"""Comparisons, logic and `select`.

coremltools/converters/mil/mil/ops/defs/iOS15/elementwise_binary.py, control_flow.py (`select`).
"""

from collections.abc import Callable

import torch

from blazepalm.reports.backends.mil.bounds import guarded, require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel

COMPARISONS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "equal": torch.eq,
    "not_equal": torch.ne,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "less": torch.lt,
    "less_equal": torch.le,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
}


@executes(*COMPARISONS)
def comparison(call: Call) -> Kernel:
    """Compares each pair of elements; float16 operands need no conversion."""
    call.needs("x", "y")
    return call.kernel(guarded(COMPARISONS[call.operation.type]), "x", "y", rounds=False)


@executes("select")
def select(call: Call) -> Kernel:
    """a where cond, b elsewhere; all three broadcast."""
    call.needs("cond", "a", "b")

    def run(cond: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if not cond.shape == a.shape == b.shape:
            require_size(torch.broadcast_shapes(cond.shape, a.shape, b.shape))
        return torch.where(cond, a, b)

    return call.kernel(run, "cond", "a", "b", rounds=False)
