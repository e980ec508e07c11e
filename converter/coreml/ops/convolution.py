"""`F.conv2d` → `conv`. The zeros of an `F.pad` around its input become its own padding: in the
TFLite file, too, the margin of SAME belongs to the convolution.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var
from torch.fx import Node

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits

Pair = int | Sequence[int]


def pair(value: Pair) -> tuple[int, int]:
    """torch accepts one number for both axes."""
    both = (value,) if isinstance(value, int) else tuple(value)
    return (both[0], both[-1])


@emits(torch.conv2d)
def emit_conv2d(
    context: EmitContext,
    x: Value,
    weight: Weight,
    bias: Weight | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Var:
    rows, columns = pair(padding)
    pad = [rows, rows, columns, columns]  # top, bottom, left, right
    margin = zeros_round(context.source())
    if margin is not None:
        x = context.values[context.source().all_input_nodes[0]]
        pad = [a + b for a, b in zip(pad, margin, strict=True)]
    padded = {"pad_type": "custom", "pad": pad} if any(pad) else {"pad_type": "valid"}
    return mb.conv(
        x=context.var(x),
        weight=context.stored(weight),
        bias=context.optional(bias),
        strides=list(pair(stride)),
        dilations=list(pair(dilation)),
        groups=groups,
        name=context.name(),
        **padded,
    )


def zeros_round(node: Node) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) if `node` is an `F.pad` of height and width by zeros."""
    if node.target is not F.pad or node.kwargs.get("mode", "constant") != "constant":
        return None
    amounts = tuple(node.args[1])  # type: ignore[arg-type]
    if node.kwargs.get("value") or any(amounts[4:]) or min(amounts) < 0:
        return None
    left, right, top, bottom = (*amounts, 0, 0)[:4]
    return top, bottom, left, right
