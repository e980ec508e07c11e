"""`topk`, `argsort`, `cumsum`: orders and running sums along an axis.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_operation.py, iOS16 and iOS17 (`topk`). The
gap: which of several equal values comes first is not defined; here the one of lower index does.
"""

import torch

from blazepalm.reports.backends.mil.call import Site
from blazepalm.reports.backends.mil.executors import Kernel, executes
from blazepalm.reports.backends.mil.storage_types import cast_to, round_to_float16


@executes("topk")
def topk(site: Site) -> Kernel:
    """The `k` largest (smallest, if `ascending`) along `axis`, sorted, and their indices."""
    site.needs("x")
    k, axis = site.integer("k", 1), site.integer("axis", -1)
    descending = not site.flag("ascending")
    with_indices = site.flag("return_indices", True)
    outputs = site.operation.outputs
    if len(outputs) != 1 + with_indices:
        raise site.invalid(f"has {len(outputs)} outputs")
    store = cast_to("INT64", outputs[-1].type.dtype)

    def run(x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        count = x.shape[axis] if k == -1 else k
        values, indices = torch.sort(x, dim=axis, descending=descending, stable=True)
        values = values.narrow(axis, 0, count)
        return (values, store(indices.narrow(axis, 0, count))) if with_indices else values

    return site.kernel(run, "x", rounds=False)


@executes("argsort")
def argsort(site: Site) -> Kernel:
    """The indices that sort x along `axis`, largest first unless `ascending`."""
    site.needs("x")
    axis = site.integer("axis", -1)
    descending = not site.flag("ascending")
    carrier = site.carrier
    return site.kernel(
        lambda x: torch.argsort(x, dim=axis, descending=descending, stable=True).to(carrier),
        "x",
        rounds=False,
    )


@executes("cumsum")
def cumsum(site: Site) -> Kernel:
    """Running sums along `axis`; `exclusive` of the element itself; from the end if `reverse`."""
    site.needs("x")
    axis = site.integer("axis", 0)
    exclusive, backwards = site.flag("exclusive"), site.flag("reverse")
    carrier = site.carrier
    in_float16 = site.sums_in_float16

    def run(x: torch.Tensor) -> torch.Tensor:
        x = x.flip(axis) if backwards else x
        total = _running_float16(x, axis) if in_float16 else torch.cumsum(x, axis, dtype=carrier)
        if exclusive and x.shape[axis]:
            first = torch.zeros_like(total.narrow(axis, 0, 1))
            total = torch.cat((first, total.narrow(axis, 0, x.shape[axis] - 1)), axis)
        return total.flip(axis) if backwards else total

    return site.kernel(run, "x")


def _running_float16(x: torch.Tensor, axis: int) -> torch.Tensor:
    sums: list[torch.Tensor] = []
    for term in x.unbind(axis):
        sums.append(round_to_float16(sums[-1] + term) if sums else term)
    return torch.stack(sums, axis)
