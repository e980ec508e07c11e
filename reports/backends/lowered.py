"""The generic torch lowering of a graph: in float64 it is the `oracle`, in float32 `generic`.

One lowering, two precisions. The oracle shares the lowering's idea of every operator, so it
says what float32 costs, not whether the idea is right; that is LiteRT's part. Its depthwise
convolutions are summed tap by tap: torch takes float64 ones channel by channel, several times
as long.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx import GraphModule

from blazepalm.reports.backends.backend import Outputs


@dataclass(frozen=True)
class Lowered:
    """A generic module, fed in its own precision. Its outputs are in TFLite's axis order."""

    name: str
    module: nn.Module
    dtype: torch.dtype
    outputs: tuple[str, ...]

    def run(self, images: np.ndarray) -> Outputs:
        with torch.inference_mode():
            values = self.module(torch.from_numpy(images).to(self.dtype))
        return {name: value.numpy() for name, value in zip(self.outputs, values, strict=True)}


def generic(module: nn.Module, outputs: tuple[str, ...]) -> Lowered:
    """The float32 lowering as it is."""
    return Lowered("generic", module, torch.float32, outputs)


def oracle(module: nn.Module, outputs: tuple[str, ...]) -> Lowered:
    """A float64 copy of the float32 lowering."""
    module = copy.deepcopy(module).double()
    assert isinstance(module, GraphModule)
    for node in module.graph.nodes:
        if node.target is F.conv2d:
            node.target = convolve
    module.recompile()
    return Lowered("oracle", module, torch.float64, outputs)


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Tensor:
    """`F.conv2d`, the same sums in another order where each channel has a kernel of its own."""
    channels, inputs, *kernel = weight.shape
    if inputs != 1 or groups != channels:
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    x = x.permute(0, 2, 3, 1)  # channels last: long runs of memory
    x = F.pad(x, (0, 0, padding[1], padding[1], padding[0], padding[0])).contiguous()
    taps = weight[:, 0].permute(1, 2, 0).contiguous()  # kernel height, width, channels
    height, width = (
        (size - d * (k - 1) - 1) // step + 1
        for size, d, k, step in zip(x.shape[1:3], dilation, kernel, stride, strict=True)
    )
    y = x.new_zeros(len(x), height, width, channels)
    if bias is not None:
        y += bias
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation[0], j * dilation[1]
            part = x[:, top :: stride[0], left :: stride[1]][:, :height, :width]
            y.addcmul_(part, taps[i, j])
    return y.permute(0, 3, 1, 2).contiguous()
