"""Activations. MIL's `prelu` takes one slope per channel, on ranks 3 to 5; other shapes become a
comparison and a selection, as torch records them.
"""

import torch
import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import Site, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits

SIXTH = 1.0 / 6.0


@emits(F.relu)
def emit_relu(site: Site, x: Value, inplace: bool = False) -> Var:
    return mb.relu(x=site.var(x), name=site.name())


@emits(F.relu6)
def emit_relu6(site: Site, x: Value, inplace: bool = False) -> Var:
    return mb.relu6(x=site.var(x), name=site.name())


@emits(F.hardtanh)
def emit_hardtanh(
    site: Site, x: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Var:
    """torch records ReLU6 as hardtanh from 0 to 6."""
    if (min_val, max_val) == (0.0, 6.0):
        return mb.relu6(x=site.var(x), name=site.name())
    low, high = site.dtype.type(min_val), site.dtype.type(max_val)
    return mb.clip(x=site.var(x), alpha=low, beta=high, name=site.name())


@emits(F.prelu)
def emit_prelu(site: Site, x: Value, weight: Weight) -> Var:
    value = site.var(x)
    slope = Weight(weight.path, weight.array)
    if value.rank in (3, 4, 5):
        if slope.array.size != value.shape[1]:  # one slope for all channels
            slope.array = slope.array.repeat(value.shape[1])
        return mb.prelu(x=value, alpha=site.stored(slope), name=site.name())
    product = mb.mul(x=value, y=site.stored(slope), name=site.name("product"))
    zero = site.dtype.type(0)
    negative = mb.less(x=value, y=zero, name=site.name("negative"))
    return mb.select(cond=negative, a=product, b=value, name=site.name())


@emits(F.leaky_relu)
def emit_leaky_relu(
    site: Site, x: Value, negative_slope: float = 0.01, inplace: bool = False
) -> Var:
    slope = site.dtype.type(negative_slope)
    return mb.leaky_relu(x=site.var(x), alpha=slope, name=site.name())


@emits(F.elu)
def emit_elu(site: Site, x: Value, alpha: float = 1.0, inplace: bool = False) -> Var:
    return mb.elu(x=site.var(x), alpha=site.dtype.type(alpha), name=site.name())


@emits(F.hardswish)
def emit_hardswish(site: Site, x: Value, inplace: bool = False) -> Var:
    """x · clip(x / 6 + 1/2, 0, 1)."""
    value = site.var(x)
    alpha, beta = site.dtype.type(SIXTH), site.dtype.type(0.5)
    gate = mb.sigmoid_hard(x=value, alpha=alpha, beta=beta, name=site.name("gate"))
    return mb.mul(x=value, y=gate, name=site.name())


@emits(torch.tanh)
def emit_tanh(site: Site, x: Value) -> Var:
    return mb.tanh(x=site.var(x), name=site.name())


@emits(torch.sigmoid, "sigmoid")
def emit_sigmoid(site: Site, x: Value) -> Var:
    return mb.sigmoid(x=site.var(x), name=site.name())


@emits(torch.softmax)
def emit_softmax(site: Site, x: Value, dim: int) -> Var:
    return mb.softmax(x=site.var(x), axis=dim, name=site.name())
