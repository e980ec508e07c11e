"""Sums of products with a float16 accumulator: rounded to float16 after every step, in the
order of the terms. Hardware sums in other orders and in blocks; this is the bad end of it, and
as such a bound. Products of two float16 values are exact in float32.
"""

import itertools

import torch

from blazepalm.reports.backends.mil.storage_types import round_to_float16


def _accumulate(total: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return round_to_float16(torch.addcmul(total, a, b))


def matmul_float16(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(…, M, K) × (…, K, N), broadcast as `torch.matmul` does; both of rank 2 at least."""
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    total = a.new_zeros((*batch, a.shape[-2], b.shape[-1]))
    for k in range(a.shape[-1]):
        total = _accumulate(total, a[..., :, k : k + 1], b[..., k : k + 1, :])
    return total


def convolve_float16(
    x: torch.Tensor,
    weight: torch.Tensor,
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    groups: int,
) -> torch.Tensor:
    """Convolution without padding or bias: x (N, C, …), weight (O, C / groups, …)."""
    kernel = weight.shape[2:]
    sizes = [
        (x.shape[2 + i] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1
        for i in range(len(kernel))
    ]
    batch, outputs, depth = x.shape[0], weight.shape[0], weight.shape[1]
    factors = weight.reshape(1, groups, outputs // groups, depth, -1, *(1,) * len(kernel))
    total = x.new_zeros((batch, groups, outputs // groups, *sizes))
    for place, taps in enumerate(itertools.product(*(range(k) for k in kernel))):
        window = tuple(
            slice(tap * d, tap * d + (size - 1) * s + 1, s)
            for tap, d, s, size in zip(taps, dilations, strides, sizes, strict=True)
        )
        seen = x[(slice(None), slice(None), *window)].reshape(batch, groups, depth, 1, *sizes)
        for channel in range(depth):
            total = _accumulate(total, seen[:, :, channel], factors[:, :, :, channel, place])
    return total.reshape(batch, outputs, *sizes)


def sum_float16(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """The sum over `axes` (not negative, at least one), which are dropped."""
    kept = [axis for axis in range(x.dim()) if axis not in axes]
    rows = x.permute(*kept, *axes).reshape(*[x.shape[axis] for axis in kept], -1)
    total = torch.zeros_like(rows[..., 0]) if rows.shape[-1] else rows.sum(-1)
    for term in rows.unbind(-1):
        total = round_to_float16(total + term)
    return total
