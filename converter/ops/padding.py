"""PAD, PADV2, MIRROR_PAD.

Kernels: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/pad.cc
and mirror_pad.cc. Differs from torch in: TFLite lists the axes first to last, `F.pad` last to
first; and torch mirrors only H and W, without the edge (REFLECT). All else is done by indexing.
"""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.geometry import axis_of, in_held_order
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import MirrorPadOptions

Paddings = tuple[tuple[int, int], ...]  # (before, after) for each axis, in TFLite's order


@lowers("PAD", "PADV2")
def lower_pad(op: Operator, context: Context) -> None:
    paddings, result, batched = _paddings(op, context)
    value = 0.0
    if op.name == "PADV2":
        constant = context.constant(op, 2)
        if constant.size != 1:
            raise context.invalid(op, f"pads with {constant.size} values, expected one")
        value = float(constant.reshape(-1)[0])
    x, first = context.held(op, 0)
    pairs = backwards(in_held_order(paddings, first))
    if pairs:
        x = F.pad(x, pairs, value=value) if value else F.pad(x, pairs)
    context.leave(op, x, result, channels_first=first, batched=batched)


@lowers("MIRROR_PAD")
def lower_mirror_pad(op: Operator, context: Context) -> None:
    reflect = context.options(op, MirrorPadOptions).mode == "REFLECT"
    paddings, result, batched = _paddings(op, context)
    shape = context.shape_of(op, 0)
    if any(max(pair) > d - reflect for pair, d in zip(paddings, shape, strict=True)):
        raise context.invalid(op, f"mirrors {list(paddings)} of shape {list(shape)}")
    x, first = context.held(op, 0)
    pairs = backwards(in_held_order(paddings, first))
    if reflect and first and 0 < len(pairs) <= 4:
        x = F.pad(x, (*pairs, *[0] * (4 - len(pairs))), mode="reflect")
    else:
        x = _mirror(op, context, x, first, paddings, "reflect" if reflect else "symmetric")
    context.leave(op, x, result, channels_first=first, batched=batched)


def backwards(paddings: Paddings) -> tuple[int, ...]:
    """In `F.pad`'s order: pairs from the last axis back to the first padded one."""
    pairs = list(paddings)
    while pairs and pairs[0] == (0, 0):
        pairs.pop(0)
    return tuple(amount for pair in reversed(pairs) for amount in pair)


def _mirror(
    op: Operator, context: Context, x: Tensor, first: bool, paddings: Paddings, mode: str
) -> Tensor:
    for axis, (pair, d) in enumerate(zip(paddings, context.shape_of(op, 0), strict=True)):
        if pair != (0, 0):
            context.check_indices(op, d + sum(pair))
            indices = np.pad(np.arange(d), pair, mode=mode)  # type: ignore[call-overload]
            x = x.index_select(axis_of(axis, first), context.index(op, f"axis{axis}", indices))
    return x


def _paddings(op: Operator, context: Context) -> tuple[Paddings, tuple[int, ...], bool]:
    """Paddings, the padded shape, and whether its first axis still counts images."""
    shape = context.shape_of(op, 0)
    amounts = context.integers(op, 1)
    if len(amounts) != 2 * len(shape) or min(amounts, default=0) < 0:
        raise context.invalid(op, f"paddings {list(amounts)} for shape {list(shape)}")
    paddings = tuple(zip(amounts[::2], amounts[1::2], strict=True))
    result = tuple(d + sum(pair) for d, pair in zip(shape, paddings, strict=True))
    context.check_shape(op, result)
    batched = context.is_batched(op.inputs[0])
    if batched and paddings[0] != (0, 0):
        context.fix_batch(op, "pads the batch axis")
        batched = False
    return paddings, result, batched
