"""TRANSPOSE_CONV and MediaPipe's Convolution2DTransposeBias → `F.conv_transpose2d`.

https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/transpose_conv.cc
https://github.com/google-ai-edge/mediapipe/blob/c27a7c1e1064e66427ad0656f776155ab456f90b/mediapipe/util/tflite/operations/transpose_conv_bias.cc
Every input pixel is spread over the kernel; TFLite keeps a part of the given size. Differs from
torch in: SAME may crop unevenly (more at the end), and the two operators compute it differently.
"""

import torch.nn.functional as F

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.convolution import bias_of
from blazepalm.converter.ops.fused import activate
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.same_padding import kernel_window
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import (
    Convolution2DTransposeBiasOptions,
    TransposeConvOptions,
)


@lowers("TRANSPOSE_CONV")
def lower_transpose_conv(op: Operator, context: Context) -> None:
    """Operands: output shape, kernel O, H, W, I, data, and since version 3 a bias."""
    options = context.options(op, TransposeConvOptions)
    shape = context.integers(op, 0)
    batch = context.shape_of(op, 2, rank=4)[0]
    outputs, kernel_h, kernel_w, _ = context.shape_of(op, 1, rank=4)
    if len(shape) != 4 or (shape[0], shape[3]) != (batch, outputs):
        raise context.invalid(op, f"an output of shape {list(shape)} for {outputs} channels")
    stride = (options.stride_h, options.stride_w)
    _check(op, context, 2, stride)
    # the convolution from the output's size, of which this one is the way back
    rows = kernel_window(shape[1], kernel_h, stride[0], options.padding)
    columns = kernel_window(shape[2], kernel_w, stride[1], options.padding)
    size = context.shape_of(op, 2)[1:3]
    if (rows.output, columns.output) != size:
        raise context.invalid(
            op,
            f"stride {stride} and {options.padding} padding do not lead from {shape[1:3]} back to "
            f"{size}",
        )
    cut = (rows.padding, columns.padding)
    _spread(op, context, 2, 3, stride, cut, (shape[1], shape[2]), options.activation)


@lowers("Convolution2DTransposeBias")
def lower_convolution_2d_transpose_bias(op: Operator, context: Context) -> None:
    """Operands: data, kernel O, H, W, I, bias."""
    options = context.options(op, Convolution2DTransposeBiasOptions)
    _, height, width, _ = context.shape_of(op, 0, rank=4)
    _, kernel_h, kernel_w, _ = context.shape_of(op, 1, rank=4)
    stride = (options.stride_h, options.stride_w)
    _check(op, context, 0, stride)
    cut = (0, 0)
    if options.padding == "SAME":
        cut = (
            max(0, kernel_h - (height - 1) % stride[0] - 1),
            max(0, kernel_w - (width - 1) % stride[1] - 1),
        )
    size = (
        stride[0] * (height - 1) + kernel_h - cut[0],
        stride[1] * (width - 1) + kernel_w - cut[1],
    )
    _spread(op, context, 0, 2, stride, cut, size, "NONE")


def _check(op: Operator, context: Context, data: int, stride: tuple[int, int]) -> None:
    channels = context.shape_of(op, data)[3]
    _, kernel_h, kernel_w, inputs = context.shape_of(op, 1)
    if inputs != channels:
        raise context.invalid(op, f"a kernel of {inputs} channels does not fit {channels}")
    if min(*stride, kernel_h, kernel_w) < 1:
        raise context.invalid(op, f"stride {stride}, kernel {(kernel_h, kernel_w)}")


def _spread(
    op: Operator,
    context: Context,
    data: int,
    bias: int,
    stride: tuple[int, int],
    cut: tuple[int, int],
    size: tuple[int, int],
    activation: str,
) -> None:
    """The transposed convolution without its first cut // 2 rows and columns, cropped to `size`.
    Rows that no pixel reaches hold the bias: torch calls them output padding.
    """
    batch, height, width, _ = context.shape_of(op, data)
    outputs, kernel_h, kernel_w, _ = context.shape_of(op, 1)
    top, left = cut[0] // 2, cut[1] // 2
    whole = (stride[0] * (height - 1) + kernel_h, stride[1] * (width - 1) + kernel_w)
    context.check_size(op, (batch, *whole, outputs))
    missing_h, missing_w = top + size[0] - whole[0], left + size[1] - whole[1]
    beyond = (max(0, missing_h), max(0, missing_w))
    if beyond[0] >= stride[0] or beyond[1] >= stride[1] or min(size) < 1:
        raise context.invalid(op, f"stride {stride} does not map {(height, width)} to {size}")
    x = context.channels_first(op, data)
    weight = context.parameter(op, 1, "weight", "OHWI→IOHW")
    y = F.conv_transpose2d(x, weight, bias_of(op, context, bias, outputs), stride, 0, beyond)
    if top or left or missing_h < 0 or missing_w < 0:
        y = y[:, :, top : top + size[0], left : left + size[1]]
    y = activate(op, context, y, activation)
    context.leave(op, y, (batch, *size, outputs), channels_first=True)
