"""MAX_POOL_2D and AVERAGE_POOL_2D → `F.max_pool2d`, `F.avg_pool2d`.

Kernels: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/pooling.cc
Padding never counts: the maximum and the mean cover the image pixels under the window. Differs from
torch in: uneven SAME padding. With a stride, torch's `ceil_mode` lets the last window hang over the
edge, which is equivalent; without a stride, the window is padded evenly and the first row dropped.
"""

import torch.nn.functional as F
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.fused import activate
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.same_padding import KernelWindow, kernel_window
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import Pool2DOptions


@lowers("MAX_POOL_2D", "AVERAGE_POOL_2D")
def lower_pool_2d(op: Operator, context: Context) -> None:
    options = context.options(op, Pool2DOptions)
    batch, height, width, channels = context.shape_of(op, 0, rank=4)
    kernel = (options.filter_h, options.filter_w)
    stride = (options.stride_h, options.stride_w)
    if min(*kernel, *stride) < 1:
        raise context.invalid(op, f"stride {stride}, kernel {kernel}")
    rows = kernel_window(height, kernel[0], stride[0], options.padding)
    columns = kernel_window(width, kernel[1], stride[1], options.padding)
    ceil = any(w.back > w.front and w.stride > 1 for w in (rows, columns))
    padding = (_even(rows), _even(columns))
    x = context.channels_first(op, 0)
    y: Tensor
    if op.name == "MAX_POOL_2D":
        y = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil)
    else:
        y = F.avg_pool2d(x, kernel, stride, padding, ceil, count_include_pad=False)
    drop_h, drop_w = padding[0] - rows.front, padding[1] - columns.front
    if drop_h or drop_w:
        y = y[:, :, drop_h:, drop_w:]
    y = activate(op, context, y, options.activation)
    context.leave(op, y, (batch, rows.output, columns.output, channels), channels_first=True)


def _even(w: KernelWindow) -> int:
    """The padding that torch adds on both sides: the one in front; without a stride, the one
    behind, which may be larger.
    """
    return w.back if w.stride == 1 else w.front
