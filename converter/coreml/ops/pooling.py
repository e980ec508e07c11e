"""Pools: padding never counts, neither in the maximum nor in the mean."""

import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.convolution import Pair, pair
from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value
from blazepalm.converter.coreml.ops.emitters import emits


@emits(F.max_pool2d)
def emit_max_pool2d(
    context: EmitContext,
    x: Value,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Var:
    assert pair(dilation) == (1, 1) and not return_indices  # TFLite has neither
    window = _window(kernel_size, stride, padding, ceil_mode)
    return mb.max_pool(x=context.var(x), name=context.name(), **window)


@emits(F.avg_pool2d)
def emit_avg_pool2d(
    context: EmitContext,
    x: Value,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Var:
    window = _window(kernel_size, stride, padding, ceil_mode)
    window["exclude_padding_from_average"] = not count_include_pad
    return mb.avg_pool(x=context.var(x), name=context.name(), **window)


def _window(kernel: Pair, stride: Pair | None, padding: Pair, ceil_mode: bool) -> dict[str, object]:
    rows, columns = pair(padding)
    padded = rows or columns
    return {
        "kernel_sizes": list(pair(kernel)),
        "strides": list(pair(kernel if stride is None else stride)),
        "pad_type": "custom" if padded or ceil_mode else "valid",
        "pad": [rows, rows, columns, columns],
        "ceil_mode": ceil_mode,
    }
