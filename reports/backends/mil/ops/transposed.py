"""`conv_transpose` in one, two and three dimensions.

coremltools/converters/mil/mil/ops/defs/iOS15/conv.py; weight (C, O / groups, …) as torch has it.
The whole result is (D − 1)·stride + (K − 1)·dilation + 1 long; pads crop it. If `output_shape` or
`same` states a length, total // 2 is cropped in front and the rest behind (a longer one is filled
with zeros), as in the gradient of a SAME convolution.
"""

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.accumulation import FLOAT16_SUMS
from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.convolution_window import Pads, read_convolution, with_bias
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.sequence import CONVOLUTIONS

CONVOLVE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@executes("conv_transpose")
def conv_transpose(call: Call) -> Kernel:
    """Adds each kernel, times the element, where the element lies."""
    parameters = read_convolution(call)
    dimensions, strides, dilations = parameters.dimensions, parameters.strides, parameters.dilations
    asked = None
    if call.has("output_shape"):
        asked = call.integers("output_shape", length=dimensions + 2)[2:]
        if min(asked) < 1:
            raise call.invalid(f"output_shape ends in {list(asked)}")
    convolve = CONVOLVE[dimensions]
    in_float16 = call.sums_in_float16

    def run(
        x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        windows = parameters.windows(weight.shape[2:])
        whole = tuple(
            (size - 1) * s + w for size, s, w in zip(x.shape[2:], strides, windows, strict=True)
        )
        wanted = asked
        if wanted is None and parameters.pad_type in ("same", "same_lower"):
            wanted = tuple(size * s for size, s in zip(x.shape[2:], strides, strict=True))
        crops = _crops(parameters.pad_type, parameters.pads, whole, wanted)
        require_size((x.shape[0], weight.shape[1] * parameters.groups, *whole))
        if in_float16:
            result = with_bias(
                _transpose_float16(x, weight, strides, dilations, parameters.groups), bias
            )
        else:
            result = convolve(x, weight, bias, strides, 0, 0, parameters.groups, dilations)
        if min(c for pair in crops for c in pair) < 0:
            return _cropped_or_grown(result, crops, bias)
        kept = [slice(b, n - a) for (b, a), n in zip(crops, whole, strict=True)]
        return result[(slice(None), slice(None), *kept)]

    return call.kernel(run, "x", "weight", "bias")


def _crops(kind: str, custom: Pads, whole: tuple[int, ...], wanted: tuple[int, ...] | None) -> Pads:
    """What to take off before and after; negative where something is to be added."""
    if wanted is None:
        return custom
    crops = []
    for (before, _), length, target in zip(custom, whole, wanted, strict=True):
        total = length - target
        if kind == "same":
            before = max(total, 0) // 2
        elif kind == "same_lower":
            before = max(total, 0) - max(total, 0) // 2
        crops.append((before, total - before))
    return tuple(crops)


def _cropped_or_grown(result: torch.Tensor, crops: Pads, bias: torch.Tensor | None) -> torch.Tensor:
    """No product reaches what is added, but the bias does."""
    require_size(
        tuple(result.shape[:2])
        + tuple(n - b - a for n, (b, a) in zip(result.shape[2:], crops, strict=True))
    )
    if bias is not None:
        shift = bias.reshape(-1, *(1,) * len(crops))
        result = result - shift
    result = F.pad(result, [-side for pair in reversed(crops) for side in pair])
    return result if bias is None else result + shift


def _transpose_float16(
    x: torch.Tensor,
    weight: torch.Tensor,
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    groups: int,
) -> torch.Tensor:
    """A plain convolution of the input, spread out with zeros, with the kernels turned round."""
    spread = x.new_zeros(
        (*x.shape[:2], *((n - 1) * s + 1 for n, s in zip(x.shape[2:], strides, strict=True)))
    )
    spread[(slice(None), slice(None), *[slice(None, None, s) for s in strides])] = x
    margins = [(k - 1) * d for k, d in zip(weight.shape[2:], dilations, strict=True)]
    spread = F.pad(spread, [m for margin in reversed(margins) for m in (margin, margin)])
    inputs, outputs = weight.shape[:2]
    turned = weight.flip(tuple(range(2, weight.dim())))
    turned = turned.reshape(groups, inputs // groups, outputs, *weight.shape[2:]).transpose(1, 2)
    turned = turned.reshape(groups * outputs, inputs // groups, *weight.shape[2:])
    convolve = CONVOLUTIONS[FLOAT16_SUMS, "FLOAT16"]
    return convolve(spread, turned, (1,) * len(strides), dilations, groups)
