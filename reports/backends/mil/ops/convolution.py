"""`conv` in one, two and three dimensions.

coremltools/converters/mil/mil/ops/defs/iOS15/conv.py. Layouts are torch's: x (N, C, …), weight
(O, C / groups, …). Pads that differ before and after are applied separately.
"""

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.convolution_window import (
    Pads,
    pad,
    padded_shape,
    read_convolution,
    resolve_pads,
    with_bias,
)
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.sequence import CONVOLUTIONS

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@executes("conv")
def conv(call: Call) -> Kernel:
    """Slides each kernel over its group of channels."""
    parameters = read_convolution(call)
    strides, dilations, groups = parameters.strides, parameters.dilations, parameters.groups
    convolve = CONVOLVE[parameters.dimensions]
    in_sequence = CONVOLUTIONS.get(call.sums)
    known: dict[tuple[torch.Size, torch.Size], tuple[Pads, tuple[int, ...] | None]] = {}

    def pads_of(x: torch.Tensor, weight: torch.Tensor) -> tuple[Pads, tuple[int, ...] | None]:
        """The pads, and in torch's form if both sides are alike; cached by shape."""
        key = (x.shape, weight.shape)
        if key not in known:
            windows = parameters.windows(weight.shape[2:])
            pads = resolve_pads(parameters.pad_type, parameters.pads, x.shape[2:], windows, strides)
            padded = padded_shape(x.shape, pads)[2:]
            sizes = [(n - w) // s + 1 for n, w, s in zip(padded, windows, strides, strict=True)]
            require_size((x.shape[0], weight.shape[0], *sizes))
            even = all(before == after for before, after in pads) and in_sequence is None
            known[key] = (pads, tuple(before for before, _ in pads) if even else None)
        return known[key]

    def run(
        x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        pads, both = pads_of(x, weight)
        if both is not None:
            return convolve(x, weight, bias, strides, both, dilations, groups)
        padded = pad(x, pads)
        if in_sequence is None:
            return convolve(padded, weight, bias, strides, 0, dilations, groups)
        return with_bias(in_sequence(padded, weight, strides, dilations, groups), bias)

    return call.kernel(run, "x", "weight", "bias")
