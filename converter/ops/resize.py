"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR.

Kernels: https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/internal/reference/resize_bilinear.h
and resize_nearest_neighbor.h in the same folder. Output pixel y reads, at scale = in / out:

    neither                    y · scale
    half_pixel_centers         (y + ½) · scale − ½     (nearest: floor of (y + ½) · scale)
    align_corners              y · (in − 1) / (out − 1)

Differs from torch in: torch has only the last two. The first, the default of old files, equals the
last on an image with one more row and column (`y · ((in + 1) − 1) / ((out + 1) − 1)`). Positions
between pixels are computed in the module's precision (a float64 module has float64 weights);
nearest always picks the pixels that TFLite's float32 arithmetic picks.
"""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from blazepalm.converter.ops.context import Context
from blazepalm.converter.ops.lowerings import lowers
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import ResizeOptions


@lowers("RESIZE_BILINEAR")
def lower_resize_bilinear(op: Operator, context: Context) -> None:
    options, before, after, shape = _sizes(op, context)
    x = context.channels_first(op, 0)
    y: Tensor
    if before == after:
        y = x
    elif options.align_corners and options.half_pixel_centers:
        raise context.invalid(op, "asks for align_corners and half_pixel_centers at once")
    elif options.align_corners or options.half_pixel_centers:
        y = F.interpolate(x, after, mode="bilinear", align_corners=options.align_corners)
    else:
        larger = (after[0] + 1, after[1] + 1)
        y = F.pad(x, (0, 1, 0, 1), mode="replicate")
        y = F.interpolate(y, larger, mode="bilinear", align_corners=True)
        y = y[:, :, : after[0], : after[1]]
    context.leave(op, y, shape, channels_first=True)


@lowers("RESIZE_NEAREST_NEIGHBOR")
def lower_resize_nearest_neighbor(op: Operator, context: Context) -> None:
    options, before, after, shape = _sizes(op, context)
    context.check_shape(op, shape)
    context.check_indices(op, max(after))
    y = context.channels_first(op, 0)
    picks = [nearest_indices(i, o, options) for i, o in zip(before, after, strict=True)]
    repeats = [o // i if i and o % i == 0 else 0 for i, o in zip(before, after, strict=True)]
    if before == after and all(np.array_equal(p, np.arange(len(p))) for p in picks):
        pass
    elif all(
        _power_of_two(r) and np.array_equal(p, np.arange(len(p)) // r)
        for p, r in zip(picks, repeats, strict=True)
    ):  # every pixel r times, on a scale that is exact in floating point
        y = F.interpolate(y, after, mode="nearest")
    else:
        for axis, name, indices in ((2, "rows", picks[0]), (3, "columns", picks[1])):
            y = y.index_select(axis, context.index(op, name, indices))
    context.leave(op, y, shape, channels_first=True)


def nearest_indices(before: int, after: int, options: ResizeOptions) -> np.ndarray:
    """Which row each output row copies, in TFLite's float32 arithmetic."""
    single = np.float32
    scale = single(before) / single(after)
    if options.align_corners and after > 1:
        scale = single(before - 1) / single(after - 1)
    half = single(0.5 if options.half_pixel_centers else 0.0)
    position = (np.arange(after, dtype=single) + half) * scale
    if options.align_corners:
        position = position + single(0.5)  # rounds halves up: positions are not negative
    indices: np.ndarray = np.floor(position).astype(np.int64).clip(0, before - 1)
    return indices


def _sizes(
    op: Operator, context: Context
) -> tuple[ResizeOptions, tuple[int, int], tuple[int, int], tuple[int, ...]]:
    options = context.options(op, ResizeOptions)
    batch, height, width, channels = context.shape_of(op, 0, rank=4)
    size = context.integers(op, 1)
    if len(size) != 2 or min(*size, height, width) < 1:
        raise context.invalid(op, f"resizes {(height, width)} to {list(size)}")
    after = (size[0], size[1])
    return options, (height, width), after, (batch, *after, channels)


def _power_of_two(n: int) -> bool:
    return n > 0 and n & (n - 1) == 0
