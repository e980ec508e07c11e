"""Arithmetic of shapes that several operator families share, in Python integers.

SAME padding: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/padding.h
TFLite puts the odd pixel behind (below, to the right); torch pads both sides alike.
"""

import math
from typing import NamedTuple

MAX_ELEMENTS = 1 << 28  # of one value: 1 GiB of float32; nothing of this kind needs a tenth

# where the axes N, H, W, C of a value held as N, C, H, W are
CHANNELS_FIRST_AXIS = (0, 2, 3, 1)


def elements(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def axis_of(axis: int, channels_first: bool) -> int:
    """TFLite's `axis` in the order in which the value is held."""
    return CHANNELS_FIRST_AXIS[axis] if channels_first else axis


def in_held_order(items: tuple, channels_first: bool) -> tuple:  # type: ignore[type-arg]
    """One item an axis, from TFLite's order into the order in which the value is held."""
    return tuple(items[i] for i in (0, 3, 1, 2)) if channels_first else items


class Window(NamedTuple):
    """How a kernel moves along one axis: sizes before and after, zeros in front and behind."""

    size: int
    output: int
    front: int
    back: int
    stride: int


def window(size: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> Window:
    """The window of TFLite's `padding` (`"SAME"` or `"VALID"`) along one axis."""
    reach = (kernel - 1) * dilation + 1
    if padding == "VALID":
        return Window(size, max(0, (size - reach + stride) // stride), 0, 0, stride)
    output = -(-size // stride)
    total = max(0, (output - 1) * stride + reach - size)
    return Window(size, output, total // 2, total - total // 2, stride)
