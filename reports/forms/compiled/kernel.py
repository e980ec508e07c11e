"""Weights of convolutions and linear layers, in the order that `kernels.cpp` reads."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.reports.forms.compiled.steps import Floats, Map, Window

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Kernel:
    """A convolution: weights (O, I, kh, kw), bias (O,), stride, padding (top, bottom, left, right).
    Depthwise: each output channel has the one input channel of its number.
    """

    weights: Floats
    bias: Floats
    stride: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    depthwise: bool = False

    @property
    def pointwise(self) -> bool:
        return self.weights.shape[2:] == (1, 1) and self.stride == 1 and not any(self.padding)

    def dense(self) -> "Kernel":
        """The same with every input channel for each output, most of them times zero."""
        if not self.depthwise:
            return self
        channels = len(self.weights)
        whole = np.zeros((channels, channels, *self.weights.shape[2:]), np.float32)
        whole[range(channels), range(channels)] = self.weights[:, 0]
        return replace(self, weights=whole, depthwise=False)

    def windows(self, x: Map) -> tuple[Window, Window]:
        """What it reads of a map, down and across."""
        top, bottom, left, right = self.padding
        height, width = self.weights.shape[2:]
        rows = (x.height + top + bottom - height) // self.stride + 1
        columns = (x.width + left + right - width) // self.stride + 1
        return (
            Window(-top, height, self.stride, rows),
            Window(-left, width, self.stride, columns),
        )


def values(tensor: Any) -> Floats:
    found: Floats = tensor.detach().cpu().numpy().astype(np.float32)
    return found


def _bias(layer: Any, channels: int) -> Floats:
    return np.zeros(channels, np.float32) if layer.bias is None else values(layer.bias)


def kernel_of(conv: "nn.Conv2d") -> Kernel:
    """The kernel of a `PaddedConv2d`. Groups that are not depthwise become one with zeros."""
    margin: Any = getattr(conv, "margin", None)
    if margin is None:
        padding: Any = conv.padding
        (top, left), (bottom, right) = padding, padding
    else:
        left, right, top, bottom = margin
    weights, groups = values(conv.weight), conv.groups
    depthwise = groups > 1 and groups == conv.in_channels == conv.out_channels
    if groups > 1 and not depthwise:
        whole = np.zeros((len(weights), conv.in_channels, *weights.shape[2:]), np.float32)
        outputs, inputs = len(weights) // groups, weights.shape[1]
        for group in range(groups):
            own = slice(group * outputs, (group + 1) * outputs)
            whole[own, group * inputs : (group + 1) * inputs] = weights[own]
        weights = whole
    return Kernel(
        weights, _bias(conv, len(weights)), conv.stride[0], (top, bottom, left, right), depthwise
    )


def linear_kernel(layer: "nn.Linear", x: Map) -> Kernel:
    """The kernel over a whole map of a layer that reads its values as height, width, channels."""
    weights = values(layer.weight).reshape(-1, x.height, x.width, x.channels)
    return Kernel(weights.transpose(0, 3, 1, 2), _bias(layer, len(weights)))


def joined(kernels: "list[Kernel]") -> "Kernel | None":
    """One kernel with all outputs, in order; None if they read their map differently."""
    first = kernels[0]
    for each in kernels:
        shape = (each.weights.shape[1:], each.stride, each.padding, each.depthwise)
        if shape != (first.weights.shape[1:], first.stride, first.padding, False):
            return None
    return replace(
        first,
        weights=np.concatenate([each.weights for each in kernels]),
        bias=np.concatenate([each.bias for each in kernels]),
    )


@dataclass(frozen=True)
class Phase:
    """The part of a transposed convolution that gives every stride-th output pixel from (y, x)."""

    y: int
    x: int
    kernel: Kernel
    down: Window
    across: Window


def phases(layer: Any, x: Map) -> tuple[int, int, list[Phase]]:
    """The height and width that a `TransposedConv2d` makes of a map, and its phases: output pixel
    s·i + y gets the rows of the kernel that are y + top (mod s), the last first.
    """
    weights = values(layer.weight).transpose(1, 0, 2, 3)  # (O, I, kh, kw)
    bias = _bias(layer, len(weights))
    step, (top, bottom, left, right) = layer.stride[0], layer.cut
    height = (x.height - 1) * step + weights.shape[2] - top - bottom
    width = (x.width - 1) * step + weights.shape[3] - left - right

    def taps(offset: int, cut: int, size: int, outputs: int) -> tuple[list[int], Window]:
        chosen = list(range((offset + cut) % step, size, step))[::-1]
        begin = (offset + cut) // step - len(chosen) + 1
        return chosen, Window(begin, len(chosen), 1, -(-(outputs - offset) // step))

    found = []
    for i in range(min(step, height)):
        rows, down = taps(i, top, weights.shape[2], height)
        for j in range(min(step, width)):
            columns, across = taps(j, left, weights.shape[3], width)
            found.append(Phase(i, j, Kernel(weights[:, :, rows][..., columns], bias), down, across))
    return height, width, found


def packed(weights: Floats, pixel: int, lanes: int) -> Floats:
    """(O, I, kh, kw) for the matrix product: panels of two vectors of output channels (the last of
    three if their number is odd, or of one if it is 1), in each the rows of the kernel, in each
    what lies side by side in a map of `pixel` floats a pixel, in each the panel's channels.
    """
    outputs, inputs, height, width = weights.shape
    length = (width - 1) * pixel + inputs if width else 0
    vectors = -(-outputs // lanes)
    rows = np.zeros((height, length, vectors * lanes), np.float32)
    for x in range(width):
        rows[:, x * pixel : x * pixel + inputs, :outputs] = weights[:, :, :, x].transpose(2, 1, 0)
    panels, vector = [], 0
    while vector < vectors:
        wide = vectors - vector if vectors - vector in (1, 3) else 2
        panels.append(rows[:, :, vector * lanes : (vector + wide) * lanes].ravel())
        vector += wide
    return np.concatenate(panels)


def packed_depthwise(weights: Floats, lanes: int) -> Floats:
    """(C, 1, kh, kw) as vectors of channels, the last filled up; in each rows, columns, lanes."""
    channels, _, height, width = weights.shape
    vectors = -(-channels // lanes)
    filled = np.zeros((vectors * lanes, height, width), np.float32)
    filled[:channels] = weights[:, 0]
    return filled.reshape(vectors, lanes, height, width).transpose(0, 2, 3, 1)
