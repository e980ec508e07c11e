"""`F.pad`: torch lists the axes last to first, MIL first to last."""

from collections.abc import Sequence

import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value
from blazepalm.converter.coreml.ops.emitters import emits


@emits(F.pad)
def emit_pad(
    context: EmitContext,
    x: Value,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Var:
    """Pads a value of rank 5 or less; MIL mirrors (`reflect`) and repeats (`replicate`) only the
    last two axes, as torch does for an image.
    """
    if not any(pad):
        return context.var(x)
    pairs = [pad[i : i + 2] for i in range(0, len(pad), 2)]
    amounts = [amount for both in reversed(pairs) for amount in both]
    constant = context.dtype.type(value or 0)
    return mb.pad(
        x=context.var(x), pad=amounts, mode=mode, constant_val=constant, name=context.name()
    )
