"""DEPTH_TO_SPACE and SPACE_TO_DEPTH: blocks of pixels to channels and back.

Kernels:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/depth_to_space.cc
and space_to_depth.cc. Differs from torch in: TFLite orders channels as (row, column, channel) of
the block, torch's pixel_shuffle as (channel, row, column).
"""

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import BlockOptions


@lowers("DEPTH_TO_SPACE")
def lower_depth_to_space(op: Operator, context: Context) -> None:
    b = context.options(op, BlockOptions).block_size
    batch, height, width, depth = context.shape_of(op, 0, rank=4)
    if b < 1 or depth % (b * b):
        raise context.invalid(op, f"{depth} channels do not make blocks of {b} × {b}")
    c = depth // (b * b)
    x = context.channels_first(op, 0).reshape(-1, b, b, c, height, width)
    x = x.permute(0, 3, 4, 1, 5, 2)  # (N, c, H, b, W, b)
    x = x.reshape(-1, c, height * b, width * b)
    context.leave(op, x, (batch, height * b, width * b, c), channels_first=True)


@lowers("SPACE_TO_DEPTH")
def lower_space_to_depth(op: Operator, context: Context) -> None:
    b = context.options(op, BlockOptions).block_size
    batch, height, width, c = context.shape_of(op, 0, rank=4)
    if b < 1 or height % b or width % b:
        raise context.invalid(op, f"{(height, width)} does not divide into blocks of {b} × {b}")
    x = context.channels_first(op, 0).reshape(-1, c, height // b, b, width // b, b)
    x = x.permute(0, 3, 5, 1, 2, 4)  # (N, b, b, c, H/b, W/b)
    x = x.reshape(-1, b * b * c, height // b, width // b)
    context.leave(op, x, (batch, height // b, width // b, b * b * c), channels_first=True)
