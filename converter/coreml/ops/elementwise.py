"""Elementwise operations on one or two values. Operations on plain numbers (sizes read from a
shape) are evaluated here.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import Site, Value, Weight
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
    def emit(site: Site, a: Value, b: Value) -> Value:
        if not isinstance(a, Var | Weight) and not isinstance(b, Var | Weight):
            return function(a, b)
        return getattr(mb, name)(x=site.var(a), y=site.var(b), name=site.name())

    return emit


def _unary(name: str) -> Callable[..., Value]:
    def emit(site: Site, x: Value) -> Value:
        return getattr(mb, name)(x=site.var(x), name=site.name())

    return emit


def _of_positive(name: str) -> Callable[..., Value]:
    def emit(site: Site, x: Value) -> Value:
        nothing = site.dtype.type(0)  # by default MIL adds a small epsilon to x
        return getattr(mb, name)(x=site.var(x), epsilon=nothing, name=site.name())

    return emit


for _function, _name in (BINARY | COMPARISONS).items():
    emits(_function)(_binary(_function, _name))
for _function, _name in UNARY.items():
    emits(_function)(_unary(_name))
for _function, _name in OF_POSITIVE.items():
    emits(_function)(_of_positive(_name))


@emits(torch.neg)
def emit_neg(site: Site, x: Value) -> Var:
    return mb.mul(x=site.var(x), y=site.dtype.type(-1), name=site.name())


@emits(torch.where)
def emit_where(site: Site, condition: Value, a: Value, b: Value) -> Var:
    return mb.select(cond=site.var(condition), a=site.var(a), b=site.var(b), name=site.name())
