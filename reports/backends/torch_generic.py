"""Runs the generic torch lowering of a graph: in float64 as `oracle`, in float32 as `generic`.

The oracle shares the lowering's interpretation of every operator, so it measures what float32
costs, not whether the interpretation is right; LiteRT checks that. The oracle computes pointwise
convolutions as matrix products and sums depthwise ones tap by tap: in float64, torch unfolds the
input and runs depthwise ones channel by channel, which takes several times as long.
"""

import copy
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx import GraphModule

from blazepalm.reports.backends.backend import (
    FLOAT32,
    FLOAT64,
    REFERENCE,
    WITNESS,
    Outputs,
    Registration,
    split_inputs,
)
from blazepalm.reports.backends.names import GENERIC, ORACLE

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Lowered:
    """A generic module, run in precision `dtype`. Its outputs are in TFLite's axis order; `inputs`
    are the shapes of the file's inputs.
    """

    name: str
    module: nn.Module
    dtype: torch.dtype
    outputs: tuple[str, ...]
    inputs: Shapes = ()

    def run(self, images: np.ndarray) -> Outputs:
        given = (torch.from_numpy(x).to(self.dtype) for x in split_inputs(images, self.inputs))
        with torch.inference_mode():
            values = self.module(*given)
        return {name: value.numpy() for name, value in zip(self.outputs, values, strict=True)}


def generic(module: nn.Module, outputs: tuple[str, ...], inputs: Shapes = ()) -> Lowered:
    """The float32 lowering as a backend."""
    return Lowered(GENERIC, module, torch.float32, outputs, inputs)


def oracle(module: GraphModule, outputs: tuple[str, ...], inputs: Shapes = ()) -> Lowered:
    return Lowered(ORACLE, doubled(module), torch.float64, outputs, inputs)


def doubled(module: GraphModule) -> GraphModule:
    """A float64 copy of the float32 lowering, its convolutions made fast."""
    module = copy.deepcopy(module).double()
    for node in module.graph.nodes:
        if node.target is F.conv2d:
            node.target = convolve
    module.recompile()
    return module


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Tensor:
    """`F.conv2d` with a channels-last result; pointwise and depthwise kernels add the same
    products in a different order.
    """
    channels, inputs, *kernel = weight.shape
    depthwise = inputs == 1 and groups == channels
    pointwise = kernel == [1, 1] and groups == 1 and stride == (1, 1) and not any(padding)
    if not depthwise and not pointwise:
        y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
        return y.contiguous(memory_format=torch.channels_last)
    if any(padding):
        x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    x = x.permute(0, 2, 3, 1).contiguous()
    if pointwise:
        return F.linear(x, weight[:, :, 0, 0], bias).permute(0, 3, 1, 2)
    taps = weight[:, 0].permute(1, 2, 0).contiguous()  # kernel height, width, channels
    height, width = (
        (size - d * (k - 1) - 1) // step + 1
        for size, d, k, step in zip(x.shape[1:3], dilation, kernel, stride, strict=True)
    )
    y = x.new_zeros(channels) if bias is None else bias
    for i, j in product(*(range(k) for k in kernel)):
        top, left = i * dilation[0], j * dilation[1]
        part = x[:, top :: stride[0], left :: stride[1]][:, :height, :width]
        y = torch.addcmul(y, part, taps[i, j]) if y.ndim == 1 else y.addcmul_(part, taps[i, j])
    return y.permute(0, 3, 1, 2)


BACKENDS = (
    Registration(
        ORACLE,
        "the generic torch lowering in float64",
        FLOAT64,
        lambda opening: oracle(opening.converted.generic, opening.outputs, opening.input_shapes),
        REFERENCE,
    ),
    Registration(
        GENERIC,
        "the generic torch lowering",
        FLOAT32,
        lambda opening: generic(opening.converted.generic, opening.outputs, opening.input_shapes),
        WITNESS,
        every_picture=False,  # conversion has proved that the readable module has the same bits
    ),
)
