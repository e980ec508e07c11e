"""CONCATENATION and PACK: several values in one.

Kernels:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/concatenation.cc
and pack.cc. Differs from TFLite in: a constant joined with batched values is repeated per image.
"""

import torch
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.geometry import axis_of
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import AxisOptions


@lowers("CONCATENATION")
def lower_concatenation(op: Operator, context: Context) -> None:
    options = context.options(op, AxisOptions)
    if options.activation != "NONE":  # LiteRT refuses it, too
        raise context.invalid(op, f"has the activation {options.activation}, which it cannot have")
    shape = context.shape_of(op, 0)
    axis = context.axis(op, options.axis, len(shape))
    shapes = [context.shape_of(op, slot, rank=len(shape)) for slot in range(len(op.inputs))]
    if any(_without(s, axis) != _without(shape, axis) for s in shapes):
        raise context.invalid(op, f"joins shapes {[list(s) for s in shapes]} along axis {axis}")
    first = any(context.is_channels_first(tensor) for tensor in op.inputs)
    values, batched = _images(op, context, first, axis)
    y = values[0] if len(values) == 1 else torch.cat(values, axis_of(axis, first))
    result = tuple(sum(s[axis] for s in shapes) if i == axis else d for i, d in enumerate(shape))
    context.leave(op, y, result, channels_first=first, batched=batched)


@lowers("PACK")
def lower_pack(op: Operator, context: Context) -> None:
    shape = context.shape_of(op, 0)
    axis = context.axis(op, context.options(op, AxisOptions).axis, len(shape) + 1)
    if any(context.shape_of(op, slot) != shape for slot in range(len(op.inputs))):
        raise context.invalid(op, "packs values of different shapes")
    values, batched = _images(op, context, False, axis)
    result = (*shape[:axis], len(values), *shape[axis:])
    context.leave(op, torch.stack(values, axis), result, batched=batched)


def _images(
    op: Operator, context: Context, channels_first: bool, axis: int
) -> tuple[list[Tensor], bool]:
    """All operands in one order of axes, and whether the result still counts images."""
    batched = [context.is_batched(tensor) for tensor in op.inputs]
    values = [
        context.channels_first(op, slot) if channels_first else context.plain(op, slot)
        for slot in range(len(op.inputs))
    ]
    if not any(batched):
        return values, False
    if axis == 0:
        context.fix_batch(op, "joins along the batch axis")
        return values, False
    if not all(batched):
        if context.batch != 1:
            context.fix_batch(op, "joins a constant with the images of a batch")
            return values, False
        images = values[batched.index(True)].size(0)
        for slot, (value, counts) in enumerate(zip(values, batched, strict=True)):
            if not counts:
                rank = len(context.shape_of(op, slot))
                values[slot] = value.expand(images, *[-1] * (rank - 1))
    return values, True


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])
