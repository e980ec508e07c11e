"""`F.conv_transpose2d` → `conv_transpose`. MIL has no output padding: rows that no pixel reaches
hold the bias, so zero rows are added before the bias.
"""

from collections.abc import Sequence

import torch
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.convolution import Pair, pair
from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.emitters import emits


@emits(torch.conv_transpose2d)
def emit_conv_transpose2d(
    context: EmitContext,
    x: Value,
    weight: Weight,
    bias: Weight | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
) -> Var:
    rows, columns = pair(padding)
    below, right = pair(output_padding)
    beyond = bool(below or right)
    y = mb.conv_transpose(
        x=context.var(x),
        weight=context.stored(weight),
        bias=None if beyond else context.optional(bias),
        strides=list(pair(stride)),
        pad_type="custom",
        pad=[rows, rows, columns, columns],
        dilations=list(pair(dilation)),
        groups=groups,
        name=context.name("product" if beyond else ""),
    )
    if not beyond:
        return y
    y = mb.pad(x=y, pad=[0, below, 0, right], name=context.name("" if bias is None else "beyond"))
    if bias is None:
        return y
    column = Weight(bias.path, bias.array.reshape(-1, 1, 1))
    return mb.add(x=y, y=context.stored(column), name=context.name())


def cut_off(
    context: EmitContext, x: Var, parts: Sequence[tuple[int, int, int, bool]]
) -> Var | None:
    """A range of rows and columns of `x`: if a transposed convolution made `x` and nothing else
    reads it, the same convolution, cropped; else None.
    """
    op = x.op
    if op is None or op.op_type != "conv_transpose" or len(parts) != 4:
        return None
    readers = [node for node in context.source().users if node.target is not getattr]
    if readers != [context.node]:
        return None
    whole = [(0, d, 1, False) for d in x.shape]
    if list(parts[:2]) != whole[:2] or any(part[2:] != (1, False) for part in parts):
        return None
    (top, bottom), (left, right) = (
        (part[0], size - part[1]) for part, size in zip(parts[2:], x.shape[2:], strict=True)
    )
    pad = [a + b for a, b in zip(op.pad.val, (top, bottom, left, right), strict=True)]
    inputs = {name: var for name, var in op.inputs.items() if var is not None and name != "pad"}
    op.enclosing_block.remove_ops([op])
    return mb.conv_transpose(**inputs, pad=pad, name=op.name)
