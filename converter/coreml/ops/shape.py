"""Operations that only change the axes. Those that change nothing emit no operation, and
consecutive reshapes emit one. If the batch is free, one size of a shape is a symbol. Core ML allows
five axes at most, so six-axis intermediates (blocks of depth to space) leave out the first axis, of
length 1.
"""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits
from blazepalm.converter.lowering import require_batch
from blazepalm.models.layers import image_batch

Size = Any  # an int, or the symbol of a free batch
MAX_AXES = 5


@dataclass(frozen=True)
class WithoutBatch:
    """A value of six axes: `inner` holds it without the first, which has length 1."""

    inner: Var


@emits(image_batch, require_batch, "contiguous")
def emit_nothing(context: EmitContext, x: Value, *_: Any) -> Value:
    """A check of the shape, or of how the values lie in memory."""
    return x


@emits(builtins.getattr)
def emit_getattr(context: EmitContext, x: Value, attribute: str) -> tuple[Size, ...]:
    assert attribute == "shape"
    return tuple(x.array.shape if isinstance(x, Weight) else x.shape)


@emits("size")
def emit_size(context: EmitContext, x: Value, dim: int) -> Size:
    return x.shape[dim]


@emits("reshape")
def emit_reshape(context: EmitContext, x: Value, *shape: Any) -> Value:
    wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    if isinstance(x, Weight):
        return Weight(x.path, x.array.reshape(wanted))
    value = context.var(x.inner if isinstance(x, WithoutBatch) else x)
    sizes = resolved(value.shape, wanted)
    if tuple(value.shape) == sizes:
        return value
    if len(sizes) == MAX_AXES + 1 and sizes[0] == 1:
        return WithoutBatch(reshaped(context, value, sizes[1:], context.name()))
    return reshaped(context, value, sizes, context.name())


@emits("flatten")
def emit_flatten(context: EmitContext, x: Value, start_dim: int = 0, end_dim: int = -1) -> Var:
    assert end_dim == -1
    return emit_reshape(context, x, *context.var(x).shape[:start_dim], -1)


@emits("unflatten")
def emit_unflatten(context: EmitContext, x: Value, dim: int, sizes: Sequence[int]) -> Var:
    shape = context.var(x).shape
    axis = dim % len(shape)
    length = resolved((shape[axis],), tuple(sizes))
    return emit_reshape(context, x, *shape[:axis], *length, *shape[axis + 1 :])


@emits("permute")
def emit_permute(context: EmitContext, x: Value, *dims: Any) -> Var | WithoutBatch:
    order = dims[0] if len(dims) == 1 and isinstance(dims[0], tuple | list) else dims
    if isinstance(x, WithoutBatch):
        assert order[0] == 0
        return WithoutBatch(emit_permute(context, x.inner, *[axis - 1 for axis in order[1:]]))
    value = context.var(x)
    if list(order) == list(range(value.rank)):
        return value
    return mb.transpose(x=value, perm=list(order), name=context.name())


@emits("expand")
def emit_expand(context: EmitContext, x: Value, *sizes: int) -> Var:
    value = context.var(x)
    repeats = [
        1 if size in (-1, own) else size for own, size in zip(value.shape, sizes, strict=True)
    ]
    if set(repeats) <= {1}:
        return value
    return mb.tile(x=value, reps=repeats, name=context.name())


def reshaped(context: EmitContext, value: Var, sizes: Sequence[Size], name: str) -> Var:
    """`value` in the shape `sizes`; another reshape right before it is skipped."""
    producer = value.op
    if producer is not None and producer.op_type == "reshape":
        value = producer.x
    shape = [size if isinstance(size, int) else -1 for size in sizes]
    return mb.reshape(x=value, shape=shape, name=name)


def resolved(before: Sequence[Size], wanted: Sequence[Size]) -> tuple[Size, ...]:
    """`wanted` with its −1 filled in: an int, or the batch's symbol."""
    known = [size for size in wanted if not (isinstance(size, int) and size == -1)]
    if len(known) == len(wanted):
        return tuple(wanted)
    missing = _size(_product(before) / _product(known))
    return tuple(missing if isinstance(s, int) and s == -1 else s for s in wanted)


def _product(sizes: Sequence[Size]) -> Size:
    product: Size = 1
    for size in sizes:
        product = product * size
    return product


def _size(size: Size) -> Size:
    """An int if the size is a whole number (sympy has its own integers)."""
    return size if getattr(size, "free_symbols", None) else int(size)
