"""`F.linear`: MIL supports values of rank 1 to 3."""

import numpy as np
import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits
from blazepalm.converter.coreml.ops.shape import reshaped


@emits(F.linear)
def emit_linear(context: EmitContext, x: Value, weight: Weight, bias: Weight | None = None) -> Var:
    value = context.var(x)
    given = {"weight": context.stored(weight), "bias": context.optional(bias)}
    if value.rank <= 3:
        return mb.linear(x=value, name=context.name(), **given)
    shape = value.shape
    rows = reshaped(context, value, (int(np.prod(shape[:-1])), shape[-1]), context.name("rows"))
    y = mb.linear(x=rows, name=context.name("product"), **given)
    return reshaped(context, y, (*shape[:-1], y.shape[-1]), context.name())
