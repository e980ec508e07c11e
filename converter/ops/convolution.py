"""CONV_2D and DEPTHWISE_CONV_2D → `F.conv2d`.

Kernels: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/conv.cc
and depthwise_conv.cc in the same folder. Differs from torch in: uneven SAME padding (stride 2 on an
even size) puts the odd row below and to the right; torch's padding is even, so uneven zeros are
added before the convolution.
"""

import torch.nn.functional as F
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.fused import activate
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.same_padding import KernelWindow, kernel_window
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import Conv2DOptions, DepthwiseConv2DOptions


@lowers("CONV_2D")
def lower_conv_2d(op: Operator, context: Context) -> None:
    """Kernel O, H, W, I. If I is a proper divisor of the input's channels, it is grouped."""
    options = context.options(op, Conv2DOptions)
    channels = context.shape_of(op, 0, rank=4)[3]
    outputs, height, width, inputs = context.shape_of(op, 1, rank=4)
    groups = channels // inputs if inputs else 0
    if groups * inputs != channels or groups == 0 or outputs % groups:
        raise context.invalid(
            op, f"a kernel of {outputs} × {inputs} channels does not fit {channels} channels"
        )
    weight = context.parameter(op, 1, "weight", "OHWI→OIHW")
    _convolve(op, context, options, weight, (height, width), outputs, groups)


@lowers("DEPTHWISE_CONV_2D")
def lower_depthwise_conv_2d(op: Operator, context: Context) -> None:
    """Kernel 1, H, W, C·M: input channel c gives the outputs c·M … c·M + M − 1."""
    options = context.options(op, DepthwiseConv2DOptions)
    channels = context.shape_of(op, 0, rank=4)[3]
    one, height, width, outputs = context.shape_of(op, 1, rank=4)
    if one != 1 or channels == 0 or outputs % channels:
        raise context.invalid(
            op, f"a kernel of {one} × {outputs} channels does not fit {channels} channels"
        )
    weight = context.parameter(op, 1, "weight", "1HWO→O1HW")
    _convolve(op, context, options, weight, (height, width), outputs, channels)


def _convolve(
    op: Operator,
    context: Context,
    options: Conv2DOptions,
    weight: Tensor,
    kernel: tuple[int, int],
    outputs: int,
    groups: int,
) -> None:
    batch, height, width, channels = context.shape_of(op, 0)
    stride = (options.stride_h, options.stride_w)
    dilation = (options.dilation_h, options.dilation_w)
    if min(*stride, *dilation, *kernel) < 1:
        raise context.invalid(op, f"stride {stride}, dilation {dilation}, kernel {kernel}")
    rows = kernel_window(height, kernel[0], stride[0], options.padding, dilation[0])
    columns = kernel_window(width, kernel[1], stride[1], options.padding, dilation[1])
    padded = (rows.front + height + rows.back, columns.front + width + columns.back)
    context.check_size(op, (batch, *padded, channels))
    x = context.channels_first(op, 0)
    x, padding = pad_same(x, rows, columns)
    bias = bias_of(op, context, 2, outputs)
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    y = activate(op, context, y, options.activation)
    context.leave(op, y, (batch, rows.output, columns.output, outputs), channels_first=True)


def pad_same(
    x: Tensor, rows: KernelWindow, columns: KernelWindow
) -> tuple[Tensor, tuple[int, int]]:
    """Splits the zeros of N, C, H, W `x` into those that torch's convolution adds itself and,
    where they are uneven, an explicit margin.
    """
    if rows.front == rows.back and columns.front == columns.back:
        return x, (rows.front, columns.front)
    return F.pad(x, (columns.front, columns.back, rows.front, rows.back)), (0, 0)


def bias_of(op: Operator, context: Context, slot: int, outputs: int) -> Tensor | None:
    """The optional bias, one value per output channel."""
    if not context.has(op, slot):
        return None
    shape = context.shape_of(op, slot)
    if any(d != 1 for d in shape[:-1]) or shape[-1:] != (outputs,):
        raise context.invalid(op, f"a bias of shape {list(shape)} for {outputs} outputs")
    return context.parameter(op, slot, "bias", "as stored" if len(shape) == 1 else "11C→C")
