"""`max_pool`, `avg_pool`, `l2_pool` in one, two and three dimensions.

coremltools/converters/mil/mil/ops/defs/iOS15/pool.py; `l2_pool` is √Σx² of the window. torch pads
both sides alike and by at most half a kernel, so other pads are added beforehand. Of a window that
`ceil_mode` lets overhang, only the part inside the padded input counts.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.accumulation import FLOAT16_SUMS
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.convolution_window import (
    Pads,
    pad,
    padded_shape,
    read_pads,
    resolve_pads,
)
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.sequence import CONVOLUTIONS

MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}

Ints = tuple[int, ...]


def _geometry(call: Call) -> tuple[int, Ints, Ints, str, Pads, bool]:
    dimensions = call.rank("x") - 2
    if dimensions not in AVG_POOL:
        raise call.invalid(f"x has rank {call.rank('x')}, expected 3, 4 or 5")
    windows = call.integers("kernel_sizes", length=dimensions)
    strides = call.integers("strides", (1,) * dimensions, length=dimensions)
    kind, custom = read_pads(call, dimensions)
    if min(*windows, *strides) < 1:
        raise call.invalid(f"kernel_sizes {list(windows)}, strides {list(strides)}")
    return dimensions, windows, strides, kind, custom, call.flag("ceil_mode")


def _even(kind: str, custom: Pads, windows: Ints) -> Ints | None:
    """Pads that torch itself can apply, or None."""
    if kind not in ("valid", "custom"):
        return None
    if any(b != a or 2 * b > w for (b, a), w in zip(custom, windows, strict=True)):
        return None
    return tuple(before for before, _ in custom)


def _overhang(sizes: Ints, pads: Pads, windows: Ints, strides: Ints, ceil: bool) -> Pads:
    """What `ceil_mode` adds behind the padded input: a window that starts inside it counts."""
    extra = []
    for size, (before, after), window, stride in zip(sizes, pads, windows, strides, strict=True):
        whole = size + before + after
        outputs = (whole - window) // stride + 1
        if ceil:
            outputs = -(-(whole - window) // stride) + 1
            if (outputs - 1) * stride >= size + before and before + after > 0:
                outputs -= 1
        extra.append((0, max(0, (outputs - 1) * stride + window - whole)))
    return tuple(extra)


@executes("max_pool")
def max_pool(call: Call) -> Kernel:
    """The maximum of each window; padding never wins."""
    dimensions, windows, strides, kind, custom, ceil = _geometry(call)
    pool = MAX_POOL[dimensions]
    even = _even(kind, custom, windows)
    if even is not None:
        return call.kernel(lambda x: pool(x, windows, strides, even, 1, ceil), "x", rounds=False)

    def run(x: torch.Tensor) -> torch.Tensor:
        pads = resolve_pads(kind, custom, x.shape[2:], windows, strides)
        extra = _overhang(x.shape[2:], pads, windows, strides, ceil)
        sides = tuple((b, a + e) for (b, a), (_, e) in zip(pads, extra, strict=True))
        return pool(pad(x, sides, -math.inf), windows, strides)

    return call.kernel(run, "x", rounds=False)


@executes("avg_pool")
def avg_pool(call: Call) -> Kernel:
    """The mean of each window; its padding counts unless `exclude_padding_from_average`."""
    dimensions, windows, strides, kind, custom, ceil = _geometry(call)
    exclude = call.flag("exclude_padding_from_average")
    pool = AVG_POOL[dimensions]
    even = _even(kind, custom, windows)
    in_float16 = call.sums_in_float16
    if even is not None and not in_float16:
        return call.kernel(lambda x: pool(x, windows, strides, even, ceil, not exclude), "x")

    def run(x: torch.Tensor) -> torch.Tensor:
        pads = resolve_pads(kind, custom, x.shape[2:], windows, strides)
        extra = _overhang(x.shape[2:], pads, windows, strides, ceil)
        inside = x.shape[2:] if exclude else padded_shape(x.shape, pads)[2:]
        counted = x.new_ones((1, 1, *inside))
        counted = pad(pad(counted, pads) if exclude else counted, extra)
        padded = pad(pad(x, pads), extra)
        add = _sums(windows, strides, in_float16)
        return add(padded) / _sums(windows, strides, False)(counted)

    return call.kernel(run, "x")


@executes("l2_pool")
def l2_pool(call: Call) -> Kernel:
    """The root of the sum of squares of each window."""
    _, windows, strides, kind, custom, ceil = _geometry(call)
    add = _sums(windows, strides, False)

    def run(x: torch.Tensor) -> torch.Tensor:
        pads = resolve_pads(kind, custom, x.shape[2:], windows, strides)
        extra = _overhang(x.shape[2:], pads, windows, strides, ceil)
        return add(pad(pad(x, pads), extra).square()).sqrt()

    return call.kernel(run, "x")


def _sums(windows: Ints, strides: Ints, in_float16: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    """The sum of each window of a padded input (N, C, …)."""
    ones = (1,) * len(windows)
    if not in_float16 and len(windows) == 1:
        return lambda x: F.avg_pool2d(
            x[..., None], (*windows, 1), (*strides, 1), divisor_override=1
        )[..., 0]
    if not in_float16:
        pool = F.avg_pool2d if len(windows) == 2 else F.avg_pool3d
        return lambda x: pool(x, windows, strides, divisor_override=1)

    convolve = CONVOLUTIONS[FLOAT16_SUMS, "FLOAT16"]

    def run(x: torch.Tensor) -> torch.Tensor:
        return convolve(x, x.new_ones((x.shape[1], 1, *windows)), strides, ones, x.shape[1])

    return run
