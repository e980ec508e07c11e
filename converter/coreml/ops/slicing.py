"""Parts of a value. A crop after a transposed convolution becomes the convolution's own cropping,
which is what TFLite's SAME means.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits
from blazepalm.converter.coreml.ops.transposed import cut_off


@emits(operator.getitem)
def emit_getitem(context: EmitContext, x: Value, index: Any) -> Value:
    """One of several results, or `x[:, 2:, None, 0]`: slices of positive step, indices (each
    drops its axis), new axes.
    """
    if not isinstance(x, Var):
        return x[index]
    items = list(index) if isinstance(index, tuple) else [index]
    places = [item for item in items if item is not None]
    parts = [_part(item, d) for item, d in zip(places, x.shape[: len(places)], strict=True)]
    y = _sliced(context, context.var(x), parts)
    new = [axis for axis, item in enumerate(_after(items)) if item is None]
    return mb.expand_dims(x=y, axes=new, name=context.name("new_axes")) if new else y


def _after(items: Sequence[Any]) -> list[Any]:
    """The items that produce an axis; an index does not."""
    return [item for item in items if item is None or isinstance(item, slice)]


def _part(item: Any, size: int) -> tuple[int, int, int, bool]:
    """(begin, end, stride, whether the axis is dropped)."""
    if isinstance(item, slice):
        return (*item.indices(size), False)
    place = item + size if item < 0 else item
    return place, place + 1, 1, True


def _sliced(context: EmitContext, x: Var, parts: Sequence[tuple[int, int, int, bool]]) -> Var:
    untouched = [part == (0, d, 1, False) for part, d in zip(parts, x.shape, strict=False)]
    if all(untouched):
        return x
    cut = cut_off(context, x, parts)
    if cut is not None:
        return cut
    parts = [*parts, *((0, d, 1, False) for d in x.shape[len(parts) :])]
    whole = [part == (0, d, 1, False) for part, d in zip(parts, x.shape, strict=True)]
    return mb.slice_by_index(
        x=x,
        begin=[0 if all_ else part[0] for part, all_ in zip(parts, whole, strict=True)],
        end=[0 if all_ else part[1] for part, all_ in zip(parts, whole, strict=True)],
        stride=[part[2] for part in parts],
        begin_mask=whole,
        end_mask=whole,
        squeeze_mask=[part[3] for part in parts],
        name=context.name(),
    )


@emits(torch.split, "split")
def emit_split(
    context: EmitContext, x: Value, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> Any:
    value, sizes = context.var(x), split_size_or_sections
    if isinstance(sizes, int):
        sizes = [sizes] * (value.shape[dim] // sizes)
    if len(sizes) == 1:
        return (value,)
    return mb.split(x=value, split_sizes=list(sizes), axis=dim, name=context.name())


@emits(torch.unbind)
def emit_unbind(context: EmitContext, x: Value, dim: int = 0) -> tuple[Var, ...]:
    value = context.var(x)
    before = [(0, d, 1, False) for d in value.shape[:dim]]
    return tuple(
        _sliced(context, value, [*before, (place, place + 1, 1, True)])
        for place in range(value.shape[dim])
    )


@emits("index_select")
def emit_index_select(context: EmitContext, x: Value, dim: int, index: Weight) -> Var:
    places = Weight(index.path, index.array.astype(np.int32))
    return mb.gather(
        x=context.var(x), indices=context.stored(places), axis=dim, name=context.name()
    )


@emits("flip")
def emit_flip(context: EmitContext, x: Value, dims: Sequence[int]) -> Var:
    return mb.reverse(x=context.var(x), axes=list(dims), name=context.name())
