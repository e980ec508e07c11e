"""GREATER, LESS … and SELECT: one value where a condition holds, another where it does not.

Kernels:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/comparisons.cc
and select.cc in the same folder. Not supported: the old SELECT with a vector of conditions along
the first axis, which is refused.
"""

import operator
from collections.abc import Callable

import torch
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.elementwise import align
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
    rows, values = context.shape_of(op, 0), context.shape_of(op, 1)
    if op.name == "SELECT" and len(rows) not in (0, len(values)):
        raise context.unsupported(op, f"selects rows by a condition of shape {list(rows)}")
    all_three = align(op, context, operands=3)
    condition, when, otherwise = all_three.proxies
    y = torch.where(condition, when, otherwise)
    context.leave(
        op,
        y,
        all_three.shape,
        channels_first=all_three.channels_first,
        batched=all_three.batched,
    )
