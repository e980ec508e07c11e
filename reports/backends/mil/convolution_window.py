"""Arithmetic of the sliding windows of convolution and pooling, in Python integers.

MIL's `pad_type`: `valid`, `custom` (before and after, one pair per dimension), `same` (the odd
element behind) and `same_lower` (the odd element in front); see `spatial_dimensions_out_shape` in
coremltools/converters/mil/mil/ops/defs/_utils.py. torch pads both sides alike.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from blazepalm.converter.same_padding import kernel_window
from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call

PAD_TYPES = ("valid", "custom", "same", "same_lower")

Pads = tuple[tuple[int, int], ...]  # (before, after) of each spatial dimension


def read_pads(call: Call, dimensions: int) -> tuple[str, Pads]:
    """`pad_type` and the custom pads (zeros for the other types)."""
    kind = call.text("pad_type", "valid").lower()
    if kind not in PAD_TYPES:
        raise call.invalid(f"pad_type is {kind!r}, expected {' or '.join(PAD_TYPES)}")
    flat = (0,) * (2 * dimensions)
    if kind == "custom":
        flat = call.integers("pad", flat, length=2 * dimensions)
    if min(flat, default=0) < 0:
        raise call.invalid(f"pad is {list(flat)}")
    return kind, tuple(zip(flat[::2], flat[1::2], strict=True))


@dataclass(frozen=True)
class Convolution:
    """What `conv` and `conv_transpose` are told alike; `pads` are the custom ones."""

    dimensions: int
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int
    pad_type: str
    pads: Pads

    def windows(self, kernel: tuple[int, ...]) -> tuple[int, ...]:
        """The extents of a kernel of these spatial sizes, including dilation."""
        return tuple((k - 1) * d + 1 for k, d in zip(kernel, self.dilations, strict=True))


def read_convolution(call: Call) -> Convolution:
    """The parameters of a convolution in one, two or three dimensions."""
    call.needs("x", "weight")
    dimensions = call.rank("x") - 2
    if dimensions not in (1, 2, 3) or call.rank("weight") != dimensions + 2:
        raise call.invalid(f"x has rank {call.rank('x')}, weight {call.rank('weight')}")
    ones = (1,) * dimensions
    strides = call.integers("strides", ones, length=dimensions)
    dilations = call.integers("dilations", ones, length=dimensions)
    groups = call.integer("groups", 1)
    if min(*strides, *dilations, groups) < 1:
        raise call.invalid(f"strides {strides}, dilations {dilations}, groups {groups}")
    return Convolution(dimensions, strides, dilations, groups, *read_pads(call, dimensions))


def with_bias(total: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """A rounded sum of products (N, C, …) and the bias of each channel, yet to be rounded."""
    return total if bias is None else total + bias.reshape(-1, *(1,) * (total.dim() - 2))


def resolve_pads(
    kind: str,
    custom: Pads,
    sizes: tuple[int, ...],
    windows: tuple[int, ...],
    strides: tuple[int, ...],
) -> Pads:
    """The pads for an input of spatial `sizes`; `windows` are the kernel's dilated extents."""
    if kind in ("valid", "custom"):
        return custom
    axes = [kernel_window(*axis, "SAME") for axis in zip(sizes, windows, strides, strict=True)]
    return tuple((a.front, a.back) if kind == "same" else (a.back, a.front) for a in axes)


def pad(values: torch.Tensor, pads: Pads, fill: float = 0.0) -> torch.Tensor:
    """`values` with its last dimensions padded."""
    if not any(before or after for before, after in pads):
        return values
    require_size(padded_shape(values.shape, pads))
    return F.pad(values, [side for pair in reversed(pads) for side in pair], value=fill)


def padded_shape(shape: tuple[int, ...], pads: Pads) -> tuple[int, ...]:
    kept = len(shape) - len(pads)
    grown = (s + b + a for s, (b, a) in zip(shape[kept:], pads, strict=True))
    return (*shape[:kept], *grown)
