"""`gather`, `gather_along_axis`, `gather_nd`: elements at computed indices.

coremltools/converters/mil/mil/ops/defs/iOS15/scatter_gather.py, iOS16 (`batch_dims`). An index out
of range is undefined on a device; here it is an error. Negative indices count from the end, as iOS
15 and 16 specify.
"""

import torch

from blazepalm.reports.backends.mil.bounds import from_zero, require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("gather")
def gather(call: Call) -> Kernel:
    """x at `indices` along `axis`, which the axes of `indices` replace."""
    call.needs("x", "indices")
    axis = call.integer("axis", 0)
    batch = call.integer("batch_dims", 0)

    def run(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        at = axis % x.dim()
        if not 0 <= batch <= min(at, indices.dim()):
            raise ValueError(f"batch_dims {batch}, axis {axis}")
        places = from_zero(indices, x.shape[at])
        inner = tuple(indices.shape[batch:])
        shape = (*x.shape[:at], *inner, *x.shape[at + 1 :])
        require_size(shape)
        if batch == 0:
            return x.index_select(at, places.reshape(-1)).reshape(shape)
        if x.shape[:batch] != indices.shape[:batch]:
            raise ValueError(f"batches {list(x.shape[:batch])}, {list(indices.shape[:batch])}")
        moved = x.movedim(at, batch)
        rest = moved.shape[batch + 1 :]
        flat = moved.reshape(*x.shape[:batch], x.shape[at], -1)
        rows = places.reshape(*x.shape[:batch], -1, 1)
        taken = torch.gather(flat, batch, rows.expand(*rows.shape[:-1], flat.shape[-1]))
        taken = taken.reshape(*x.shape[:batch], -1, *rest)  # the picked axis is at `batch`
        return taken.movedim(batch, at).reshape(shape)

    return call.kernel(run, "x", "indices", rounds=False)


@executes("gather_along_axis")
def gather_along_axis(call: Call) -> Kernel:
    """One index per element: numpy's take_along_axis."""
    call.needs("x", "indices")
    axis = call.integer("axis", 0)

    def run(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        return torch.gather(x, axis, from_zero(indices, x.shape[axis]))

    return call.kernel(run, "x", "indices", rounds=False)


@executes("gather_nd")
def gather_nd(call: Call) -> Kernel:
    """The slice of x at each vector of `indices`, after `batch_dims` shared axes."""
    call.needs("x", "indices")
    batch = call.integer("batch_dims", 0)

    def run(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        depth = indices.shape[-1]
        if not 0 <= batch < indices.dim() or batch + depth > x.dim():
            raise ValueError(f"batch_dims {batch}, indices {list(indices.shape)}")
        if x.shape[:batch] != indices.shape[:batch]:
            raise ValueError(f"batches {list(x.shape[:batch])}, {list(indices.shape[:batch])}")
        require_size((*indices.shape[:-1], *x.shape[batch + depth :]))
        shared = [
            torch.arange(x.shape[axis]).reshape(
                *[-1 if a == axis else 1 for a in range(indices.dim() - 1)]
            )
            for axis in range(batch)
        ]
        named = [
            from_zero(part, x.shape[batch + place]) for place, part in enumerate(indices.unbind(-1))
        ]
        if not shared and not named:
            raise ValueError("indices of length 0")
        return x[(*shared, *named)]

    return call.kernel(run, "x", "indices", rounds=False)
