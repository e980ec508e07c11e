"""`F.linear`: MIL supports values of rank 1 to 3."""

import numpy as np
import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import Site, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits
from blazepalm.converter.coreml.ops.shape import reshaped


@emits(F.linear)
def emit_linear(site: Site, x: Value, weight: Weight, bias: Weight | None = None) -> Var:
    value = site.var(x)
    given = {"weight": site.stored(weight), "bias": site.optional(bias)}
    if value.rank <= 3:
        return mb.linear(x=value, name=site.name(), **given)
    shape = value.shape
    rows = reshaped(site, value, (int(np.prod(shape[:-1])), shape[-1]), site.name("rows"))
    y = mb.linear(x=rows, name=site.name("product"), **given)
    return reshaped(site, y, (*shape[:-1], y.shape[-1]), site.name())
