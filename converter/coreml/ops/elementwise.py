"""Elementwise operations on one or two values. Operations on plain numbers (sizes read from a
shape) are evaluated here.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits

BINARY: dict[Any, str] = {
    operator.add: "add",
    operator.sub: "sub",
    operator.mul: "mul",
    operator.truediv: "real_div",
    torch.maximum: "maximum",
    torch.minimum: "minimum",
    torch.pow: "pow",
}
UNARY: dict[Any, str] = {
    torch.abs: "abs",
    torch.exp: "exp",
    torch.sqrt: "sqrt",
    torch.square: "square",
    torch.sin: "sin",
    torch.cos: "cos",
    torch.floor: "floor",
    torch.ceil: "ceil",
    torch.round: "round",  # both round halves to even
}
COMPARISONS: dict[Any, str] = {
    operator.lt: "less",
    operator.le: "less_equal",
    operator.gt: "greater",
    operator.ge: "greater_equal",
}
OF_POSITIVE: dict[Any, str] = {torch.log: "log", torch.rsqrt: "rsqrt"}


def _binary(function: Any, name: str) -> Callable[..., Value]:
    def emit(context: EmitContext, a: Value, b: Value) -> Value:
        if not isinstance(a, Var | Weight) and not isinstance(b, Var | Weight):
            return function(a, b)
        return getattr(mb, name)(x=context.var(a), y=context.var(b), name=context.name())

    return emit


def _unary(name: str) -> Callable[..., Value]:
    def emit(context: EmitContext, x: Value) -> Value:
        return getattr(mb, name)(x=context.var(x), name=context.name())

    return emit


def _of_positive(name: str) -> Callable[..., Value]:
    def emit(context: EmitContext, x: Value) -> Value:
        nothing = context.dtype.type(0)  # MIL would add a little to x
        return getattr(mb, name)(x=context.var(x), epsilon=nothing, name=context.name())

    return emit


for _function, _name in (BINARY | COMPARISONS).items():
    emits(_function)(_binary(_function, _name))
for _function, _name in UNARY.items():
    emits(_function)(_unary(_name))
for _function, _name in OF_POSITIVE.items():
    emits(_function)(_of_positive(_name))


@emits(torch.neg)
def emit_neg(context: EmitContext, x: Value) -> Var:
    return mb.mul(x=context.var(x), y=context.dtype.type(-1), name=context.name())


@emits(torch.where)
def emit_where(context: EmitContext, condition: Value, a: Value, b: Value) -> Var:
    return mb.select(
        cond=context.var(condition), a=context.var(a), b=context.var(b), name=context.name()
    )
