"""GREATER, LESS … and SELECT: one value where a condition holds, another where it does not.

Kernels:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/comparisons.cc
and select.cc in the same folder. Not supported: the old SELECT with a vector of conditions along
the first axis, which is refused.
"""

import operator
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.elementwise import align, batch_survives
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator

COMPARISONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "GREATER": operator.gt,
    "GREATER_EQUAL": operator.ge,
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
}


@lowers(*COMPARISONS)
def lower_comparison(op: Operator, context: Context) -> None:
    both = align(op, context)
    y = COMPARISONS[op.name](*both.proxies)
    context.leave(op, y, both.shape, channels_first=both.channels_first, batched=both.batched)


@lowers("SELECT", "SELECT_V2")
def lower_select(op: Operator, context: Context) -> None:
    """Operands: condition, value where it holds, value where not."""
    shapes = [context.shape_of(op, slot) for slot in range(3)]
    if op.name == "SELECT" and len(shapes[0]) not in (0, len(shapes[1])):
        raise context.unsupported(op, f"selects rows by a condition of shape {list(shapes[0])}")
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(str(list(s)) for s in shapes)
        raise context.invalid(op, f"shapes {listed} do not broadcast") from None
    computed = [slot for slot in range(3) if not context.is_constant(op.inputs[slot])]
    first = (
        len(shape) == 4
        and any(context.is_channels_first(op.inputs[slot]) for slot in computed)
        and all(len(shapes[slot]) in (0, 4) for slot in computed)
    )
    condition, when, otherwise = (
        context.broadcastable(op, slot, channels_first=first) for slot in range(3)
    )
    y = torch.where(condition, when, otherwise)
    batched = batch_survives(op, context, shapes, len(shape))
    context.leave(op, y, shape, channels_first=first, batched=batched)
