"""Sums of products term by term, for accumulators that are not torch's (`accumulation`).

Products of two float16 values are exact in float32.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from blazepalm.reports.backends.mil.accumulation import CORE_AI_SUMS, FLOAT16_SUMS
from blazepalm.reports.backends.mil.storage_types import round_to_float16

Sizes = tuple[int, ...]
AddProduct = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
# x, weight, strides, dilations, groups, without padding or bias → the rounded sums
Convolve = Callable[[torch.Tensor, torch.Tensor, Sizes, Sizes, int], torch.Tensor]
# (…, M, K), (…, K, N), broadcast as torch does, both of rank 2 at least → the rounded sums
Matmul = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# values, axes (not negative, at least one), which are dropped → sums that are yet to be rounded
Sum = Callable[[torch.Tensor, Sizes], torch.Tensor]


def _add_rounded(total: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return round_to_float16(torch.addcmul(total, a, b))


def _add_rounded_product(total: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return round_to_float16(total + round_to_float16(a * b))


def _matmul(add: AddProduct, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    total = a.new_zeros((*batch, a.shape[-2], b.shape[-1]))
    for k in range(a.shape[-1]):
        total = add(total, a[..., :, k : k + 1], b[..., k : k + 1, :])
    return total


def _convolve_in_float64(
    x: torch.Tensor, weight: torch.Tensor, strides: Sizes, dilations: Sizes, groups: int
) -> torch.Tensor:
    convolve = {3: torch.conv1d, 4: torch.conv2d, 5: torch.conv3d}[x.dim()]
    return convolve(x.double(), weight.double(), None, strides, 0, dilations, groups).float()


def _convolve(
    add: AddProduct,
    x: torch.Tensor,
    weight: torch.Tensor,
    strides: Sizes,
    dilations: Sizes,
    groups: int,
) -> torch.Tensor:
    """x (N, C, …), weight (O, C / groups, …); one channel after the other, each row by row."""
    kernel = weight.shape[2:]
    sizes = [
        (x.shape[2 + i] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1
        for i in range(len(kernel))
    ]
    batch, outputs, depth = x.shape[0], weight.shape[0], weight.shape[1]
    seen = x.reshape(batch, groups, depth, 1, *x.shape[2:])
    factors = weight.reshape(1, groups, outputs // groups, depth, *kernel, *(1,) * len(kernel))
    total = x.new_zeros((batch, groups, outputs // groups, *sizes))
    every = slice(None)
    for channel in range(depth):
        for taps in itertools.product(*(range(k) for k in kernel)):
            window = tuple(
                slice(tap * d, tap * d + (size - 1) * s + 1, s)
                for tap, d, s, size in zip(taps, dilations, strides, sizes, strict=True)
            )
            under: Any = (every, every, channel, every, *window)
            factor: Any = (every, every, every, channel, *taps)
            total = add(total, seen[under], factors[factor])
    return total.reshape(batch, outputs, *sizes)


def _sum(
    add: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], x: torch.Tensor, axes: Sizes
) -> torch.Tensor:
    kept = [axis for axis in range(x.dim()) if axis not in axes]
    rows = x.permute(*kept, *axes).reshape(*[x.shape[axis] for axis in kept], -1)
    total = torch.zeros_like(rows[..., 0]) if rows.shape[-1] else rows.sum(-1)
    for term in rows.unbind(-1):
        total = add(total, term)
    return total


# (accumulation, MIL type of the values) → how it is done; what is not there, as torch does
CONVOLUTIONS: dict[tuple[str, str], Convolve] = {
    (FLOAT16_SUMS, "FLOAT16"): partial(_convolve, _add_rounded),
    (CORE_AI_SUMS, "FLOAT16"): lambda *given: round_to_float16(_convolve(torch.addcmul, *given)),
    (CORE_AI_SUMS, "FLOAT32"): _convolve_in_float64,
}
MATMULS: dict[tuple[str, str], Matmul] = {
    (FLOAT16_SUMS, "FLOAT16"): partial(_matmul, _add_rounded),
    (CORE_AI_SUMS, "FLOAT16"): partial(_matmul, _add_rounded_product),
    (CORE_AI_SUMS, "FLOAT32"): partial(_matmul, lambda total, a, b: total + a * b),
}
SUMS: dict[tuple[str, str], Sum] = {
    (FLOAT16_SUMS, "FLOAT16"): partial(_sum, lambda total, x: round_to_float16(total + x)),
    (CORE_AI_SUMS, "FLOAT16"): partial(_sum, torch.add),
    (CORE_AI_SUMS, "FLOAT32"): partial(_sum, torch.add),
}
