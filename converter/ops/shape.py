"""RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE: the same values under other axes.

Kernels: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/reshape.cc
and others in the same folder. Differs from torch in: elements are in N, H, W, C order, and a
leading literal 1 in a shape stands for the batch.
"""

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.geometry import elements
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.ops.values import TO_CHANNELS_LAST
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import ReshapeOptions, SqueezeOptions


@lowers("RESHAPE")
def lower_reshape(op: Operator, context: Context) -> None:
    """The shape is operand 1, or in old files an option."""
    if context.has(op, 1):
        target = context.integers(op, 1)
    else:
        target = context.options(op, ReshapeOptions).new_shape
        target = () if target == (0,) else target  # old files write a scalar this way
    _reshape(op, context, target)


@lowers("SQUEEZE")
def lower_squeeze(op: Operator, context: Context) -> None:
    shape = context.shape_of(op, 0)
    dims = context.options(op, SqueezeOptions).squeeze_dims
    axes = {context.axis(op, axis, len(shape)) for axis in dims}
    axes = axes or {axis for axis, d in enumerate(shape) if d == 1}
    if any(shape[axis] != 1 for axis in axes):
        raise context.invalid(op, f"squeezes axes {sorted(axes)} of shape {list(shape)}")
    if 0 in axes and context.is_batched(op.inputs[0]):
        context.fix_batch(op, "squeezes the batch axis")
        _reshape(op, context, tuple(d for i, d in enumerate(shape) if i not in axes), fixed=True)
    else:
        _reshape(op, context, tuple(d for i, d in enumerate(shape) if i not in axes))


@lowers("EXPAND_DIMS")
def lower_expand_dims(op: Operator, context: Context) -> None:
    shape = context.shape_of(op, 0)
    axes = context.integers(op, 1)
    if len(axes) != 1:
        raise context.invalid(op, f"expands axes {list(axes)}, expected one")
    axis = context.axis(op, axes[0], len(shape) + 1)
    _reshape(op, context, (*shape[:axis], 1, *shape[axis:]))


@lowers("TRANSPOSE")
def lower_transpose(op: Operator, context: Context) -> None:
    shape = context.shape_of(op, 0)
    order = [context.axis(op, axis, len(shape)) for axis in context.integers(op, 1)]
    if sorted(order) != list(range(len(shape))):
        raise context.invalid(op, f"the order {order} does not permute {len(shape)} axes")
    batched = context.is_batched(op.inputs[0])
    if batched and order[0] != 0:
        context.fix_batch(op, "moves the batch axis")
        batched = False
    x, first = context.held(op, 0)
    axes = [TO_CHANNELS_LAST[axis] for axis in order] if first else order
    if axes != list(range(len(shape))):
        x = x.permute(*axes)
    context.leave(op, x, tuple(shape[axis] for axis in order), batched=batched)


def _reshape(
    op: Operator, context: Context, target: tuple[int, ...], *, fixed: bool = False
) -> None:
    """Operand 0 in shape `target`, which may contain one −1. The first axis still counts images if
    its length stays that of the batch.
    """
    shape = context.shape_of(op, 0)
    target = _resolved(op, context, shape, target)
    batched = context.is_batched(op.inputs[0]) and not fixed
    if batched and target[:1] != (context.batch,):
        context.fix_batch(op, f"turns shape {list(shape)} into {list(target)}")
        batched = False
    if target == shape:
        x, first = context.held(op, 0)
        context.leave(op, x, shape, channels_first=first, batched=batched)
        return
    y = context.flat(op, 0).reshape(context.free_batch(target) if batched else target)
    context.leave(op, y, target, batched=batched)


def _resolved(
    op: Operator, context: Context, shape: tuple[int, ...], target: tuple[int, ...]
) -> tuple[int, ...]:
    known = elements(tuple(d for d in target if d != -1))
    if target.count(-1) == 1 and known > 0:
        target = tuple(elements(shape) // known if d == -1 else d for d in target)
    if min(target, default=0) < 0 or elements(target) != elements(shape):
        raise context.invalid(op, f"cannot give shape {list(shape)} the shape {list(target)}")
    return target
