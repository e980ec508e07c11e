"""Elementwise operators on one or two values, broadcast as in numpy.

Differs from torch in: shapes align at their last axes, which in TFLite are H, W, C; an operand of
lower rank must be transposed to match a value held as N, C, H, W.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.fused import activate
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import BinaryOptions

WITH_ACTIVATION: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ADD": operator.add,
    "SUB": operator.sub,
    "MUL": operator.mul,
    "DIV": operator.truediv,
}
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "MAXIMUM": torch.maximum,
    "MINIMUM": torch.minimum,
    "SQUARED_DIFFERENCE": lambda a, b: torch.square(a - b),
    "POW": torch.pow,
}
UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "ABS": torch.abs,
    "NEG": torch.neg,
    "EXP": torch.exp,
    "LOG": torch.log,
    "SQRT": torch.sqrt,
    "RSQRT": torch.rsqrt,
    "SQUARE": torch.square,
    "SIN": torch.sin,
    "COS": torch.cos,
    "FLOOR": torch.floor,
    "CEIL": torch.ceil,
    "ROUND": torch.round,  # both round halves to even
}


@dataclass(frozen=True)
class Aligned:
    """Operands that torch broadcasts as TFLite does, and the properties of the result."""

    proxies: tuple[Tensor, ...]
    shape: tuple[int, ...]
    channels_first: bool
    batched: bool


def align(op: Operator, context: Context, role: str = "constant", operands: int = 2) -> Aligned:
    """The first operands of `op`; a constant becomes the parameter `role`."""
    slots = range(operands)
    shapes = [context.shape_of(op, slot) for slot in slots]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        *others, last = (str(list(shape)) for shape in shapes)
        listed = f"{', '.join(others)} and {last}"
        raise context.invalid(op, f"shapes {listed} do not broadcast") from None
    computed = [slot for slot in slots if not context.is_constant(op.inputs[slot])]
    first = (
        len(shape) == 4
        and any(context.is_channels_first(op.inputs[slot]) for slot in computed)
        and all(len(shapes[slot]) in (0, 4) for slot in computed)
    )
    held = (context.broadcastable(op, slot, channels_first=first, role=role) for slot in slots)
    return Aligned(tuple(held), shape, first, batch_survives(op, context, shapes, len(shape)))


@lowers(*WITH_ACTIVATION)
def lower_arithmetic(op: Operator, context: Context) -> None:
    both = align(op, context)
    y = WITH_ACTIVATION[op.name](*both.proxies)
    y = activate(op, context, y, context.options(op, BinaryOptions).activation)
    context.leave(op, y, both.shape, channels_first=both.channels_first, batched=both.batched)


@lowers(*BINARY)
def lower_binary(op: Operator, context: Context) -> None:
    both = align(op, context)
    y = BINARY[op.name](*both.proxies)
    context.leave(op, y, both.shape, channels_first=both.channels_first, batched=both.batched)


@lowers(*UNARY)
def lower_unary(op: Operator, context: Context) -> None:
    x, first = context.held(op, 0)
    context.leave(op, UNARY[op.name](x), context.shape_of(op, 0), channels_first=first)


@lowers("CAST")
def lower_cast(op: Operator, context: Context) -> None:
    """From float32 to float32, a leftover of some converters."""
    x, first = context.held(op, 0)
    context.leave(op, x, context.shape_of(op, 0), channels_first=first)


def batch_survives(
    op: Operator, context: Context, shapes: list[tuple[int, ...]], rank: int
) -> bool:
    """Whether the result's first axis counts images; fixes the batch if one operand's images meet
    another's rows. `shapes` are the operands' shapes, in order.
    """
    batched = [context.is_batched(op.inputs[slot]) for slot in range(len(shapes))]
    for shape, counts in zip(shapes, batched, strict=True):
        lost = len(shape) < rank if counts else len(shape) == rank and rank > 0 and shape[0] != 1
        if any(batched) and lost:
            context.fix_batch(op, "broadcasts along the batch axis")
            return False
    return any(batched)
