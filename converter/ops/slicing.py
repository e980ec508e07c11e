"""SLICE, STRIDED_SLICE, SPLIT, UNPACK, GATHER: parts of a value.

Kernels:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/strided_slice.cc
and others in the same folder. Differs from TFLite in: the whole batch is taken where the file takes
its one image; and torch has no negative strides, so it slices, then flips.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.geometry import axis_of, in_held_order
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import AxisOptions, SplitOptions, StridedSliceOptions

WHOLE = slice(None)
Item = slice | int | None  # a part of an axis, one index (drops the axis), a new axis


@lowers("SLICE")
def lower_slice(op: Operator, context: Context) -> None:
    shape = context.shape_of(op, 0)
    begin, size = context.integers(op, 1), context.integers(op, 2)
    if not len(begin) == len(size) == len(shape):
        raise context.invalid(op, f"slice {list(begin)}, {list(size)} is invalid for {list(shape)}")
    end = [d if s == -1 else b + s for b, s, d in zip(begin, size, shape, strict=True)]
    if any(not 0 <= b <= e <= d for b, e, d in zip(begin, end, shape, strict=True)):
        raise context.invalid(op, f"slice {list(begin)}, {list(size)} is invalid for {list(shape)}")
    parts = [range(b, e) for b, e in zip(begin, end, strict=True)]
    _take(op, context, _Parts(list(parts), [True] * len(shape), list(range(len(shape)))))


@lowers("STRIDED_SLICE")
def lower_strided_slice(op: Operator, context: Context) -> None:
    _take(op, context, _strided(op, context))


@lowers("SPLIT")
def lower_split(op: Operator, context: Context) -> None:
    """Operands: the axis, the value."""
    shape = context.shape_of(op, 1)
    axes = context.integers(op, 0)
    axis = context.axis(op, axes[0] if len(axes) == 1 else len(shape), len(shape))
    count = context.options(op, SplitOptions).num_splits
    if count != len(op.outputs) or shape[axis] % count:
        raise context.invalid(op, f"splits {shape[axis]} into {len(op.outputs)} parts")
    size = shape[axis] // count
    x, first = context.held(op, 1)
    batched = _batch_kept(op, context, 1, axis, "splits the batch axis")
    parts = torch.split(x, size, axis_of(axis, first))
    result = (*shape[:axis], size, *shape[axis + 1 :])
    for slot in range(count):
        context.leave(op, parts[slot], result, channels_first=first, batched=batched, slot=slot)


@lowers("UNPACK")
def lower_unpack(op: Operator, context: Context) -> None:
    shape = context.shape_of(op, 0)
    axis = context.axis(op, context.options(op, AxisOptions).axis, len(shape))
    if shape[axis] != len(op.outputs):
        raise context.invalid(op, f"unpacks {shape[axis]} parts into {len(op.outputs)} outputs")
    batched = _batch_kept(op, context, 0, axis, "unpacks the batch axis")
    parts = torch.unbind(context.plain(op, 0), axis)
    for slot in range(len(op.outputs)):
        result = (*shape[:axis], *shape[axis + 1 :])
        context.leave(op, parts[slot], result, batched=batched, slot=slot)


@lowers("GATHER")
def lower_gather(op: Operator, context: Context) -> None:
    """With constant indices of any rank."""
    options = context.options(op, AxisOptions)
    if options.batch_dims != 0:
        raise context.unsupported(op, f"batch_dims {options.batch_dims} is not supported, only 0")
    shape, rows = context.shape_of(op, 0), context.shape_of(op, 1)
    axis = context.axis(op, options.axis, len(shape))
    indices = context.constant(op, 1).reshape(-1)
    places = context.integers(op, 1)
    if any(not 0 <= i < shape[axis] for i in places):
        raise context.invalid(op, f"gathers {list(places)} from {shape[axis]} places")
    batched = _batch_kept(op, context, 0, axis, "gathers along the batch axis")
    moved = len(rows) != 1  # the result's axes change
    x, first = (context.plain(op, 0), False) if moved else context.held(op, 0)
    y: Tensor = x.index_select(axis_of(axis, first), context.index(op, "indices", indices))
    result = (*shape[:axis], *rows, *shape[axis + 1 :])
    if moved:
        y = y.reshape(context.free_batch(result) if batched else result)
    context.leave(op, y, result, channels_first=first, batched=batched)


def _batch_kept(op: Operator, context: Context, slot: int, axis: int, why: str) -> bool:
    """Whether the result's first axis still counts images, given that `op` works along `axis`."""
    batched = context.is_batched(op.inputs[slot])
    if batched and axis == 0:
        context.fix_batch(op, why)
        return False
    return batched


class _Parts(NamedTuple):
    """`ranges`: the part taken of each axis. `kept`: whether the axis stays. `order`: the result's
    axes, each an input axis or None for a new one.
    """

    ranges: list[range]
    kept: list[bool]
    order: list[int | None]


def _strided(op: Operator, context: Context) -> _Parts:
    """Decodes the masks of STRIDED_SLICE, one bit per entry of begin, end and strides."""
    options = context.options(op, StridedSliceOptions)
    shape = context.shape_of(op, 0)
    begin, end, strides = (context.integers(op, slot) for slot in (1, 2, 3))
    refused = context.invalid(
        op, f"slices {list(begin)}, {list(end)}, {list(strides)} of {list(shape)}"
    )
    if not len(begin) == len(end) == len(strides) or 0 in strides:
        raise refused
    bits = range(len(begin))
    new = [bool(options.new_axis_mask >> i & 1) for i in bits]
    ellipsis = [i for i in bits if options.ellipsis_mask >> i & 1]
    used = sum(not n for i, n in zip(bits, new, strict=True) if i not in ellipsis)
    if len(ellipsis) > 1 or used > len(shape):
        raise refused
    parts = _Parts([range(d) for d in shape], [True] * len(shape), [])
    axis = 0
    for i in bits:
        if i in ellipsis:
            parts.order.extend(range(axis, axis + len(shape) - used))
            axis += len(shape) - used
        elif new[i]:
            parts.order.append(None)
        else:
            d, stride = shape[axis], strides[i]
            start = None if options.begin_mask >> i & 1 else begin[i]
            stop = None if options.end_mask >> i & 1 else end[i]
            low = slice(start, None, stride).indices(d)[0]
            if options.shrink_axis_mask >> i & 1:
                if stride < 0 or not (start is None or -d <= start < d):
                    raise refused
                parts.ranges[axis] = range(low, low + 1)
                parts.kept[axis] = False
            else:
                if options.offset and stop is not None:
                    stop = max(0, low + stop)
                    if stop > d:  # TFLite's kernel reads beyond the axis
                        raise context.invalid(op, f"ends {stop - d} behind axis {axis} of {d}")
                parts.ranges[axis] = range(*slice(start, stop, stride).indices(d))
                parts.order.append(axis)
            axis += 1
    parts.order.extend(range(axis, len(shape)))
    return parts


def _take(op: Operator, context: Context, parts: _Parts) -> None:
    shape = context.shape_of(op, 0)
    batched = context.is_batched(op.inputs[0])
    if batched and (parts.ranges[0] != range(shape[0]) or parts.order[:1] != [0]):
        context.fix_batch(op, "takes a part of the batch axis")
        batched = False
    moved = parts.order != list(range(len(shape)))
    x, first = (context.plain(op, 0), False) if moved else context.held(op, 0)
    items: list[Item] = [
        _item(part, d) if kept else part[0]
        for part, d, kept in zip(parts.ranges, shape, parts.kept, strict=True)
    ]
    flips = [a for a, part in enumerate(parts.ranges) if part.step < 0 and len(part) > 1]
    if None in parts.order:  # index the axes that stay, and the new ones between them
        items = _with_new_axes(items, parts)
    items = list(in_held_order(tuple(items), first))
    while items and items[-1] == WHOLE:
        items.pop()
    if items:
        x = x[tuple(items)]
    if flips:
        axes = sorted(axis_of(a, first) if not moved else parts.order.index(a) for a in flips)
        x = x.flip(axes)
    result = tuple(1 if a is None else len(parts.ranges[a]) for a in parts.order)
    context.leave(op, x, result, channels_first=first and not moved, batched=batched)


def _item(part: range, size: int) -> slice:
    """The slice of the same positions in ascending order."""
    if part.step < 0:
        part = part[::-1]
    if part == range(size):
        return WHOLE
    if len(part) == 0:
        return slice(0, 0)
    return slice(part[0], part[-1] + 1, part.step if part.step > 1 else None)


def _with_new_axes(items: list[Item], parts: _Parts) -> list[Item]:
    out: list[Item] = []
    axis = 0
    for place in parts.order:
        if place is None:
            out.append(None)
            continue
        while axis <= place:
            out.append(items[axis])
            axis += 1
    return [*out, *items[axis:]]
