"""Joins several values into one."""

from collections.abc import Sequence

import torch
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value
from blazepalm.converter.coreml.ops.emitters import emits


@emits(torch.cat)
def emit_cat(context: EmitContext, tensors: Sequence[Value], dim: int = 0) -> Var:
    values = [context.var(value) for value in tensors]
    return (
        values[0] if len(values) == 1 else mb.concat(values=values, axis=dim, name=context.name())
    )


@emits(torch.stack)
def emit_stack(context: EmitContext, tensors: Sequence[Value], dim: int = 0) -> Var:
    return mb.stack(values=[context.var(value) for value in tensors], axis=dim, name=context.name())
