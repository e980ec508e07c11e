"""Activations → torch.nn.functional, and the activations fused into other operators.

Kernels:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/activations.cc
Differs from torch in: PRELU broadcasts its slope like any operand, but `F.prelu` takes one slope
per channel. The common shapes map to it, the rest to a comparison.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.elementwise import align
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import LeakyReluOptions, SoftmaxOptions

POINTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "RELU": F.relu,
    "RELU6": F.relu6,
    "RELU_N1_TO_1": lambda x: F.hardtanh(x, -1.0, 1.0),
    "TANH": torch.tanh,
    "LOGISTIC": torch.sigmoid,
    "HARD_SWISH": F.hardswish,
    "ELU": F.elu,
}


@lowers(*POINTWISE)
def lower_activation(op: Operator, context: Context) -> None:
    x, first = context.held(op, 0)
    context.leave(op, POINTWISE[op.name](x), context.shape_of(op, 0), channels_first=first)


@lowers("LEAKY_RELU")
def lower_leaky_relu(op: Operator, context: Context) -> None:
    x, first = context.held(op, 0)
    alpha = context.options(op, LeakyReluOptions).alpha
    context.leave(op, F.leaky_relu(x, alpha), context.shape_of(op, 0), channels_first=first)


@lowers("PRELU")
def lower_prelu(op: Operator, context: Context) -> None:
    shape, slope = context.shape_of(op, 0), context.shape_of(op, 1)
    shared = len(slope) > 0 and set(slope[:-1]) <= {1} and slope[-1] in (1, *shape[-1:])
    if shared and len(shape) in (2, 4):  # torch has channels second
        x = context.channels_first(op, 0) if len(shape) == 4 else context.plain(op, 0)
        y = F.prelu(x, context.parameter(op, 1, "slope", "11C→C"))
        context.leave(op, y, shape, channels_first=len(shape) == 4)
        return
    both = align(op, context, role="slope")
    x, factor = both.proxies
    y = torch.where(x < 0, x * factor, x)
    context.leave(op, y, both.shape, channels_first=both.channels_first, batched=both.batched)


MAX_BETA = 1e6  # beyond, torch's products overflow where TFLite's differences do not


@lowers("SOFTMAX")
def lower_softmax(op: Operator, context: Context) -> None:
    """Over the last axis, the channels of an image."""
    beta = context.options(op, SoftmaxOptions).beta
    if not abs(beta) <= MAX_BETA:
        raise context.unsupported(op, f"has beta {beta:g}, at most {MAX_BETA:g} is computed alike")
    shape = context.shape_of(op, 0)
    x, first = context.held(op, 0)
    if len(shape) == 1 and context.is_batched(op.inputs[0]):
        context.fix_batch(op, "normalises over the batch axis")
    if beta != 1.0:
        x = x * beta
    batched = len(shape) > 1 and context.is_batched(op.inputs[0])
    y = torch.softmax(x, 1 if first else len(shape) - 1)
    context.leave(op, y, shape, channels_first=first, batched=batched)
