"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN over constant axes.

Kernels: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/reduce.cc
Differs from torch in: without an axis, TFLite reduces nothing, torch everything; and the remaining
axes must come out in TFLite's order.
"""

from collections.abc import Callable

from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.geometry import CHANNELS_FIRST_AXIS, axis_of
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import ReducerOptions

REDUCERS: dict[str, Callable[[Tensor, tuple[int, ...], bool], Tensor]] = {
    "MEAN": lambda x, axes, keep: x.mean(axes, keepdim=keep),
    "SUM": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "REDUCE_MAX": lambda x, axes, keep: x.amax(axes, keepdim=keep),
    "REDUCE_MIN": lambda x, axes, keep: x.amin(axes, keepdim=keep),
}


@lowers(*REDUCERS)
def lower_reduction(op: Operator, context: Context) -> None:
    keep = context.options(op, ReducerOptions).keep_dims
    shape = context.shape_of(op, 0)
    axes = sorted({context.axis(op, axis, len(shape)) for axis in context.integers(op, 1)})
    left = [axis for axis in range(len(shape)) if axis not in axes]
    x, first = context.held(op, 0)
    if first and not keep:
        held = [CHANNELS_FIRST_AXIS[axis] for axis in left]
        if held != sorted(held):
            x, first = context.plain(op, 0), False
    batched = context.is_batched(op.inputs[0])
    if batched and 0 in axes:
        context.fix_batch(op, "reduces the batch axis")
        batched = False
    if axes:
        x = REDUCERS[op.name](x, tuple(sorted(axis_of(axis, first) for axis in axes)), keep)
    result = tuple(1 if axis in axes else d for axis, d in enumerate(shape))
    if not keep:
        result = tuple(shape[axis] for axis in left)
    context.leave(op, x, result, channels_first=first and len(result) == 4, batched=batched)
