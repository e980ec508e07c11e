"""`scatter`, `scatter_along_axis`, `scatter_nd`: change elements at computed indices.

coremltools/converters/mil/mil/ops/defs/iOS15/scatter_gather.py. All three are one operation on
rows: data (R, …) and one index per row of updates. If several updates have the same index, `update`
keeps the last, and the other modes combine all.
"""

import math

import torch

from blazepalm.reports.backends.mil.bounds import from_zero
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel

MODES = ("update", "add", "sub", "mul", "div", "max", "min")
REDUCE = {"mul": "prod", "max": "amax", "min": "amin"}


def scatter_rows(
    data: torch.Tensor, index: torch.Tensor, updates: torch.Tensor, mode: str
) -> torch.Tensor:
    """data (R, S), index (M,) int64, updates (M, S) → (R, S)."""
    if mode == "update":
        result = data.clone()
        result[index] = updates
        return result
    if mode in ("add", "sub"):
        return data.index_add(0, index, updates, alpha=1 if mode == "add" else -1)
    places = index[:, None].expand_as(updates)
    if mode == "div":
        divisor = torch.ones_like(data).scatter_reduce(0, places, updates, "prod")
        if data.is_floating_point():
            return data / divisor
        return torch.div(data, divisor, rounding_mode="trunc")
    return data.scatter_reduce(0, places, updates, REDUCE[mode])


@executes("scatter")
def scatter(call: Call) -> Kernel:
    """Applies slices of `updates` at `indices` of `axis`."""
    call.needs("data", "indices", "updates")
    axis = call.integer("axis", 0)
    mode = call.text("mode", "add", among=MODES)

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        at = axis % data.dim()
        rows = data.movedim(at, 0)
        index = from_zero(indices, data.shape[at])
        result = scatter_rows(
            rows.reshape(rows.shape[0], -1),
            index,
            updates.movedim(at, 0).reshape(index.numel(), -1),
            mode,
        )
        return result.reshape(rows.shape).movedim(0, at)

    return call.kernel(run, "data", "indices", "updates")


@executes("scatter_along_axis")
def scatter_along_axis(call: Call) -> Kernel:
    """One index per element of `updates`."""
    call.needs("data", "indices", "updates")
    axis = call.integer("axis", 0)
    mode = call.text("mode", "add", among=MODES)

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        at = axis % data.dim()
        places = list(torch.meshgrid(*[torch.arange(n) for n in indices.shape], indexing="ij"))
        places[at] = from_zero(indices, data.shape[at])
        linear = torch.zeros_like(places[at])
        for place, size in zip(places, data.shape, strict=True):
            linear = linear * size + place
        result = scatter_rows(data.reshape(-1, 1), linear.reshape(-1), updates.reshape(-1, 1), mode)
        return result.reshape(data.shape)

    return call.kernel(run, "data", "indices", "updates")


@executes("scatter_nd")
def scatter_nd(call: Call) -> Kernel:
    """Updates the slice of `data` at each vector of `indices`."""
    call.needs("data", "indices", "updates")
    mode = call.text("mode", "add", among=MODES)

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        depth = indices.shape[-1]
        linear = torch.zeros(indices.shape[:-1], dtype=torch.int64)
        for place, size in zip(indices.unbind(-1), data.shape, strict=False):
            linear = linear * size + from_zero(place, size)
        rows = data.reshape(math.prod(data.shape[:depth]), -1)
        result = scatter_rows(rows, linear.reshape(-1), updates.reshape(linear.numel(), -1), mode)
        return result.reshape(data.shape)

    return call.kernel(run, "data", "indices", "updates")
