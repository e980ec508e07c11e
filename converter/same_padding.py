"""How a kernel moves along one axis, and TFLite's padding, in Python integers.

SAME: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/padding.h
TFLite puts the odd pixel at the end (below, to the right); torch pads both sides alike.
"""

from typing import NamedTuple


class KernelWindow(NamedTuple):
    """How a kernel moves along one axis: sizes before and after, zeros in front and behind."""

    size: int
    output: int
    front: int
    back: int
    stride: int

    @property
    def padding(self) -> int:
        """The zeros on both sides together."""
        return self.front + self.back


def kernel_window(
    size: int, kernel: int, stride: int, padding: str, dilation: int = 1
) -> KernelWindow:
    """The window of TFLite's `padding` (`"SAME"` or `"VALID"`) along one axis."""
    reach = (kernel - 1) * dilation + 1
    if padding == "VALID":
        return KernelWindow(size, max(0, (size - reach + stride) // stride), 0, 0, stride)
    output = -(-size // stride)
    total = max(0, (output - 1) * stride + reach - size)
    return KernelWindow(size, output, total // 2, total - total // 2, stride)
