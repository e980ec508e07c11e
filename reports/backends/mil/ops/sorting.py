"""`topk`, `argsort`, `cumsum`: orders and running sums along an axis.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_operation.py, iOS16 and iOS17 (`topk`). The
order of equal values is undefined in Core ML; here the lower index comes first.
"""

import torch

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.storage_types import cast_to, round_to_float16


@executes("topk")
def topk(call: Call) -> Kernel:
    """The `k` largest (smallest, if `ascending`) along `axis`, sorted, and their indices."""
    call.needs("x")
    k, axis = call.integer("k", 1), call.integer("axis", -1)
    descending = not call.flag("ascending")
    with_indices = call.flag("return_indices", True)
    outputs = call.operation.outputs
    if len(outputs) != 1 + with_indices:
        raise call.invalid(f"has {len(outputs)} outputs")
    store = cast_to("INT64", outputs[-1].type.dtype)

    def run(x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        count = x.shape[axis] if k == -1 else k
        values, indices = torch.sort(x, dim=axis, descending=descending, stable=True)
        values = values.narrow(axis, 0, count)
        return (values, store(indices.narrow(axis, 0, count))) if with_indices else values

    return call.kernel(run, "x", rounds=False)


@executes("argsort")
def argsort(call: Call) -> Kernel:
    """The indices that sort x along `axis`, largest first unless `ascending`."""
    call.needs("x")
    axis = call.integer("axis", -1)
    descending = not call.flag("ascending")
    storage_type = call.storage_type
    return call.kernel(
        lambda x: torch.argsort(x, dim=axis, descending=descending, stable=True).to(storage_type),
        "x",
        rounds=False,
    )


@executes("cumsum")
def cumsum(call: Call) -> Kernel:
    """Running sums along `axis`; `exclusive` leaves out the element itself, `reverse` starts at the
    end.
    """
    call.needs("x")
    axis = call.integer("axis", 0)
    exclusive, backwards = call.flag("exclusive"), call.flag("reverse")
    storage_type = call.storage_type
    in_float16 = call.sums_in_float16

    def run(x: torch.Tensor) -> torch.Tensor:
        x = x.flip(axis) if backwards else x
        total = (
            _running_float16(x, axis) if in_float16 else torch.cumsum(x, axis, dtype=storage_type)
        )
        if exclusive and x.shape[axis]:
            first = torch.zeros_like(total.narrow(axis, 0, 1))
            total = torch.cat((first, total.narrow(axis, 0, x.shape[axis] - 1)), axis)
        return total.flip(axis) if backwards else total

    return call.kernel(run, "x")


def _running_float16(x: torch.Tensor, axis: int) -> torch.Tensor:
    sums: list[torch.Tensor] = []
    for term in x.unbind(axis):
        sums.append(round_to_float16(sums[-1] + term) if sums else term)
    return torch.stack(sums, axis)
