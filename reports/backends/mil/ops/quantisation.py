"""`quantize` and `dequantize` at run time: int8 and uint8, with one scale or one per entry of an
axis.

coremltools/converters/mil/mil/ops/defs/iOS17/quantization_ops.py. Rounds to nearest, halves to
even.
"""

import torch

from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.storage_types import STORAGE_TYPES, TYPE_NAMES


def _spread(call: Call, parameter: str) -> torch.Tensor | None:
    """A scale or zero point shaped to broadcast along `axis`, in float32."""
    values = call.tensor(parameter)
    if values is None:
        return None
    if values.dim() == 0:
        return values.float()
    rank = call.rank("input")
    axis = call.integer("axis") % rank
    return values.float().reshape([-1 if a == axis else 1 for a in range(rank)])


def _scale_and_zero(call: Call) -> tuple[torch.Tensor, torch.Tensor | None]:
    scale = _spread(call, "scale")
    if scale is None:
        raise call.invalid("has no scale")
    return scale, _spread(call, "zero_point")


@executes("quantize")
def quantize(call: Call) -> Kernel:
    """clip(round(input / scale) + zero_point)."""
    call.needs("input")
    scale, zero = _scale_and_zero(call)
    target = TYPE_NAMES.get(call.text("output_dtype"), "")
    if target not in ("INT8", "UINT8") or target != call.result:
        raise call.invalid(f"output_dtype is {target}, but its result is declared {call.result}")
    storage_type = STORAGE_TYPES[target]
    limits = torch.iinfo(storage_type)
    offset = () if zero is None else zero.shape

    def run(values: torch.Tensor) -> torch.Tensor:
        require_size(torch.broadcast_shapes(values.shape, scale.shape, offset))
        steps = torch.round(values / scale)
        steps = steps if zero is None else steps + zero
        return steps.clamp(limits.min, limits.max).to(storage_type)

    return call.kernel(run, "input", rounds=False)


@executes("dequantize")
def dequantize(call: Call) -> Kernel:
    """scale · (input − zero_point)."""
    call.needs("input")
    scale, zero = _scale_and_zero(call)
    offset = () if zero is None else zero.shape

    def run(values: torch.Tensor) -> torch.Tensor:
        require_size(torch.broadcast_shapes(values.shape, scale.shape, offset))
        steps = values.float()
        steps = steps if zero is None else steps - zero
        return steps * scale

    return call.kernel(run, "input")
