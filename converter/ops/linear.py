"""FULLY_CONNECTED → `F.linear`.

Kernel:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/fully_connected.cc
Differs from torch in: TFLite flattens an input of any rank in N, H, W, C order, into rows as long
as the kernel is wide.
"""

import torch.nn.functional as F

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.convolution import bias_of
from blazepalm.converter.ops.fused import activate
from blazepalm.converter.ops.geometry import elements
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import FullyConnectedOptions


@lowers("FULLY_CONNECTED")
def lower_fully_connected(op: Operator, context: Context) -> None:
    options = context.options(op, FullyConnectedOptions)
    if options.weights_format != "DEFAULT":
        raise context.unsupported(op, f"weights shuffled as {options.weights_format}")
    shape = context.shape_of(op, 0)
    outputs, inputs = context.shape_of(op, 1, rank=2)
    count = elements(shape)
    if inputs < 1 or count % inputs or (options.keep_num_dims and shape[-1:] != (inputs,)):
        raise context.invalid(
            op, f"a kernel of {outputs} × {inputs} does not fit an input of {list(shape)}"
        )
    batched = context.is_batched(op.inputs[0])
    if options.keep_num_dims:
        x = context.plain(op, 0)
        result: tuple[int, ...] = (*shape[:-1], outputs)
        if batched and len(shape) == 1:
            context.fix_batch(op, "multiplies along the batch axis")
            batched = False
    else:
        rows = count // inputs
        if batched and rows != shape[0]:
            context.fix_batch(op, f"turns {list(shape)} into {rows} rows of {inputs}")
            batched = False
        x = context.flat(op, 0)
        x = x if shape == (rows, inputs) else x.reshape(-1, inputs)
        result = (rows, outputs)
    y = F.linear(
        x, context.parameter(op, 1, "weight", "as stored"), bias_of(op, context, 2, outputs)
    )
    y = activate(op, context, y, options.activation)
    context.leave(op, y, result, batched=batched)
