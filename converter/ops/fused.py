"""The activation fused into convolutions, sums, pools and other operators.

https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/internal/common.h
"""

import torch.nn.functional as F
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.tflite.graph import Operator


def activate(op: Operator, context: Context, x: Tensor, activation: str) -> Tensor:
    """`x` after the fused activation of `op`; the activation has the schema's name."""
    if activation == "NONE":
        return x
    if activation == "RELU":
        return F.relu(x)
    if activation == "RELU6":
        return F.relu6(x)
    if activation == "RELU_N1_TO_1":
        return F.hardtanh(x, -1.0, 1.0)
    raise context.unsupported(
        op, f"the fused activation {activation} is not supported: LiteRT's kernels ignore it"
    )
