"""Activations. MIL's `prelu` takes one slope per channel, on ranks 3 to 5; other shapes become a
comparison and a selection, as torch records them.
"""

import torch
import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits

SIXTH = 1.0 / 6.0


@emits(F.relu)
def emit_relu(context: EmitContext, x: Value, inplace: bool = False) -> Var:
    return mb.relu(x=context.var(x), name=context.name())


@emits(F.relu6)
def emit_relu6(context: EmitContext, x: Value, inplace: bool = False) -> Var:
    return mb.relu6(x=context.var(x), name=context.name())


@emits(F.hardtanh)
def emit_hardtanh(
    context: EmitContext,
    x: Value,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> Var:
    """torch records ReLU6 as hardtanh from 0 to 6."""
    if (min_val, max_val) == (0.0, 6.0):
        return mb.relu6(x=context.var(x), name=context.name())
    low, high = context.dtype.type(min_val), context.dtype.type(max_val)
    return mb.clip(x=context.var(x), alpha=low, beta=high, name=context.name())


@emits(F.prelu)
def emit_prelu(context: EmitContext, x: Value, weight: Weight) -> Var:
    value = context.var(x)
    slope = Weight(weight.path, weight.array)
    if value.rank in (3, 4, 5):
        if slope.array.size != value.shape[1]:  # one slope for all channels
            slope.array = slope.array.repeat(value.shape[1])
        return mb.prelu(x=value, alpha=context.stored(slope), name=context.name())
    product = mb.mul(x=value, y=context.stored(slope), name=context.name("product"))
    zero = context.dtype.type(0)
    negative = mb.less(x=value, y=zero, name=context.name("negative"))
    return mb.select(cond=negative, a=product, b=value, name=context.name())


@emits(F.leaky_relu)
def emit_leaky_relu(
    context: EmitContext, x: Value, negative_slope: float = 0.01, inplace: bool = False
) -> Var:
    slope = context.dtype.type(negative_slope)
    return mb.leaky_relu(x=context.var(x), alpha=slope, name=context.name())


@emits(F.elu)
def emit_elu(context: EmitContext, x: Value, alpha: float = 1.0, inplace: bool = False) -> Var:
    return mb.elu(x=context.var(x), alpha=context.dtype.type(alpha), name=context.name())


@emits(F.hardswish)
def emit_hardswish(context: EmitContext, x: Value, inplace: bool = False) -> Var:
    """x · clip(x / 6 + 1/2, 0, 1)."""
    value = context.var(x)
    alpha, beta = context.dtype.type(SIXTH), context.dtype.type(0.5)
    gate = mb.sigmoid_hard(x=value, alpha=alpha, beta=beta, name=context.name("gate"))
    return mb.mul(x=value, y=gate, name=context.name())


@emits(torch.tanh)
def emit_tanh(context: EmitContext, x: Value) -> Var:
    return mb.tanh(x=context.var(x), name=context.name())


@emits(torch.sigmoid, "sigmoid")
def emit_sigmoid(context: EmitContext, x: Value) -> Var:
    return mb.sigmoid(x=context.var(x), name=context.name())


@emits(torch.softmax)
def emit_softmax(context: EmitContext, x: Value, dim: int) -> Var:
    return mb.softmax(x=context.var(x), axis=dim, name=context.name())
