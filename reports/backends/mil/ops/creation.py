"""Operations that create values: `fill`, `fill_like`, `range_1d`, `one_hot`, `non_zero`,
`band_part`.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_operation.py, iOS16 (`fill_like`). The result's
size may depend on values computed at run time; it is checked before memory is allocated.
"""

import math
from typing import Any

import torch

from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("fill")
def fill(call: Call) -> Kernel:
    """`value` in every element of `shape`."""
    call.needs("shape")
    value: Any = call.scalar("value", 0.0)
    storage_type = call.storage_type

    def run(shape: torch.Tensor) -> torch.Tensor:
        sizes = tuple(shape.tolist())
        require_size(sizes)
        return torch.full(sizes, value, dtype=storage_type)

    return call.kernel(run, "shape", rounds=False)


@executes("fill_like")
def fill_like(call: Call) -> Kernel:
    """`value` in the shape of `ref_tensor`."""
    call.needs("ref_tensor")
    value: Any = call.scalar("value", 0.0)
    storage_type = call.storage_type
    return call.kernel(
        lambda x: torch.full(x.shape, value, dtype=storage_type), "ref_tensor", rounds=False
    )


@executes("range_1d")
def range_1d(call: Call) -> Kernel:
    """start, start + step, … below `end`."""
    storage_type = call.storage_type
    call.needs("start", "end", "step")

    def run(start: torch.Tensor, end: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        first, last, by = start.item(), end.item(), step.item()
        require_size((max(0, math.ceil((last - first) / by)),))
        return torch.arange(first, last, by, dtype=storage_type)

    return call.kernel(run, "start", "end", "step")


@executes("one_hot")
def one_hot(call: Call) -> Kernel:
    """Adds an axis with `on_value` at the index and `off_value` elsewhere (everywhere, if the index
    is out of range).
    """
    call.needs("indices", "one_hot_vector_size")
    axis = call.integer("axis", -1)
    on: Any = call.scalar("on_value", 1)
    off: Any = call.scalar("off_value", 0)
    storage_type = call.storage_type

    def run(indices: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        count = int(size.item())
        require_size((*indices.shape, count))
        hot = indices[..., None] == torch.arange(count)
        values = torch.where(
            hot, torch.tensor(on, dtype=storage_type), torch.tensor(off, dtype=storage_type)
        )
        return values.movedim(-1, axis)

    return call.kernel(run, "indices", "one_hot_vector_size", rounds=False)


@executes("non_zero")
def non_zero(call: Call) -> Kernel:
    """The index of every element that is not 0, one per row."""
    call.needs("x")
    storage_type = call.storage_type
    return call.kernel(lambda x: torch.nonzero(x).to(storage_type), "x", rounds=False)


@executes("band_part")
def band_part(call: Call) -> Kernel:
    """Zeros outside a band around the diagonal of the last two axes; a negative width is
    unbounded.
    """
    call.needs("x")
    lower, upper = call.integer("lower", -1), call.integer("upper", -1)

    def run(x: torch.Tensor) -> torch.Tensor:
        x = x if lower < 0 else torch.triu(x, -lower)
        return x if upper < 0 else torch.tril(x, upper)

    return call.kernel(run, "x", rounds=False)
