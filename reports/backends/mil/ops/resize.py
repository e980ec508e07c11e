"""Resizes the last two axes: nearest and linear, by factor and by size, `crop`.

coremltools/converters/mil/mil/ops/defs/iOS15/image_resizing.py, iOS16 (`half_pixel_centers`) and
iOS17 (`resize`). The sampling modes are grids of source positions, written out in GRIDS. A factor
only determines the size (the spacing is recomputed from the sizes). The documents give no rule for
nearest neighbours; coremltools' own tests on Core ML show that `upsample_nearest_neighbor` takes
⌊i·in/out⌋, and `resize_nearest_neighbor` and `resize` the pixel under the centre, ⌊(i + ½)·in/out⌋.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.accumulation import CORE_AI_SUMS
from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


def _strict_align(source: int, target: int) -> torch.Tensor:
    spacing = (source - 1) / (target - 1) if target > 1 else 0.0
    return _steps(target) * spacing


def _align(source: int, target: int) -> torch.Tensor:
    if target == 1:
        return torch.full((1,), (source - 1) / 2, dtype=torch.float64)
    return _strict_align(source, target)


def _default(source: int, target: int) -> torch.Tensor:
    return _steps(target) * (source / target)


def _offset(source: int, target: int) -> torch.Tensor:
    delta = max(1, source - 1) / target
    return (_steps(target) + 0.5) * delta


def _unalign(source: int, target: int) -> torch.Tensor:
    return (_steps(target) + 0.5) * (source / target) - 0.5


def _steps(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.float64)


# sampling mode → the source position of each target pixel, before it is held inside the source
GRIDS: dict[str, Callable[[int, int], torch.Tensor]] = {
    "STRICT_ALIGN_CORNERS": _strict_align,
    "ALIGN_CORNERS": _align,
    "DEFAULT": _default,
    "OFFSET_CORNERS": _offset,
    "UNALIGN_CORNERS": _unalign,
}
# the two that torch's own (and faster) bilinear resizing knows
ALIGN_FLAG = {"STRICT_ALIGN_CORNERS": True, "UNALIGN_CORNERS": False}


@lru_cache(maxsize=256)
def _linear_taps(mode: str, source: int, target: int) -> tuple[torch.Tensor, ...]:
    """For each target pixel: left neighbour, right neighbour, and the right one's weight."""
    grid = GRIDS[mode](source, target).clamp(0, source - 1)
    left = grid.floor()
    right = (left + 1).clamp(max=source - 1)
    return left.long(), right.long(), (grid - left).float()


@lru_cache(maxsize=256)
def _nearest_taps(mode: str, source: int, target: int) -> torch.Tensor:
    if mode in ("FLOOR", "CENTRE", "DEFAULT", "UNALIGN_CORNERS"):
        twice = 2 * torch.arange(target) + (mode != "FLOOR")
        return (twice * source).div(2 * target, rounding_mode="floor")
    grid = GRIDS[mode](source, target).clamp(0, source - 1)
    return (grid + 0.5).floor().clamp(0, source - 1).long()


def resize_linear(x: torch.Tensor, sizes: tuple[int, ...], mode: str) -> torch.Tensor:
    """`x` with its last axes resized to `sizes`."""
    _require_sizes(x, sizes)
    if len(sizes) == 2 and x.dim() == 4 and mode in ALIGN_FLAG and x.is_floating_point():
        return F.interpolate(x, sizes, mode="bilinear", align_corners=ALIGN_FLAG[mode])
    for place, size in enumerate(sizes):
        axis = x.dim() - len(sizes) + place
        if x.shape[axis] == size and mode != "OFFSET_CORNERS":
            continue
        left, right, weight = _linear_taps(mode, x.shape[axis], size)
        weight = weight.reshape(-1, *(1,) * (x.dim() - axis - 1))
        start = x.index_select(axis, left)
        x = start + (x.index_select(axis, right) - start) * weight
    return x


def resize_as_core_ai(x: torch.Tensor, sizes: tuple[int, int]) -> torch.Tensor:
    """`x` (N, C, H, W) resized with half-pixel centres, all in float32: each of the four
    neighbours times its weight, added in one order; one outside is the border's.
    """
    _require_sizes(x, sizes)
    (top, bottom, down), (left, right, across) = (
        _float32_taps(source, size) for source, size in zip(x.shape[2:], sizes, strict=True)
    )
    down = down[:, None]
    upper, lower = x.index_select(2, top), x.index_select(2, bottom)
    total = upper.index_select(3, left) * ((1 - down) * (1 - across))
    total = total + lower.index_select(3, left) * (down * (1 - across))
    total = total + upper.index_select(3, right) * ((1 - down) * across)
    return total + lower.index_select(3, right) * (down * across)


@lru_cache(maxsize=256)
def _float32_taps(source: int, target: int) -> tuple[torch.Tensor, ...]:
    """Both neighbours and the second one's weight, for each target pixel."""
    factor = torch.tensor(target / source, dtype=torch.float32)
    grid = (torch.arange(target, dtype=torch.float32) + 0.5) / factor - 0.5
    left = grid.floor()
    places = ((left + step).long().clamp(0, source - 1) for step in (0, 1))
    return (*places, grid - left)


def resize_nearest(x: torch.Tensor, sizes: tuple[int, ...], mode: str) -> torch.Tensor:
    _require_sizes(x, sizes)
    for place, size in enumerate(sizes):
        axis = x.dim() - len(sizes) + place
        if x.shape[axis] != size or mode == "OFFSET_CORNERS":
            x = x.index_select(axis, _nearest_taps(mode, x.shape[axis], size))
    return x


def _require_sizes(x: torch.Tensor, sizes: tuple[int, ...]) -> None:
    kept = x.shape[: x.dim() - len(sizes)]
    if min(sizes, default=1) < 1 or 0 in x.shape:
        raise ValueError(f"resizes {list(x.shape)} to {list(sizes)}")
    require_size((*kept, *sizes))


def _scaled(x: torch.Tensor, factors: tuple[float, float]) -> tuple[int, int]:
    (height, width), (down, across) = x.shape[-2:], factors
    return math.floor(height * down), math.floor(width * across)


def _factors(call: Call) -> tuple[float, float]:
    factors = (call.number("scale_factor_height", 1), call.number("scale_factor_width", 1))
    if call.rank("x") < 3 or not all(0 < factor < 1e6 for factor in factors):
        raise call.invalid(f"x has rank {call.rank('x')}, factors {factors}")
    return factors


def _linear(call: Call, mode: str) -> Callable[[torch.Tensor, tuple[int, int]], torch.Tensor]:
    """How two axes are resized in this mode."""
    if call.accumulation == CORE_AI_SUMS and mode == "UNALIGN_CORNERS" and call.rank("x") == 4:
        return resize_as_core_ai
    return lambda x, sizes: resize_linear(x, sizes, mode)


@executes("upsample_nearest_neighbor")
def upsample_nearest_neighbor(call: Call) -> Kernel:
    """Enlarges by a factor, which may be fractional."""
    factors = _factors(call)
    return call.kernel(lambda x: resize_nearest(x, _scaled(x, factors), "FLOOR"), "x", rounds=False)


@executes("resize_nearest_neighbor")
def resize_nearest_neighbor(call: Call) -> Kernel:
    sizes = (call.integer("target_size_height"), call.integer("target_size_width"))
    return call.kernel(lambda x: resize_nearest(x, sizes, "CENTRE"), "x", rounds=False)


@executes("upsample_bilinear")
def upsample_bilinear(call: Call) -> Kernel:
    """`align_corners` defaults to true, `half_pixel_centers` to its opposite."""
    factors = _factors(call)
    align = call.flag("align_corners", True)
    half = call.flag("half_pixel_centers", not align)
    if align and half:
        raise call.unsupported("has both align_corners and half_pixel_centers")
    mode = "STRICT_ALIGN_CORNERS" if align else "UNALIGN_CORNERS" if half else "DEFAULT"
    resize = _linear(call, mode)
    return call.kernel(lambda x: resize(x, _scaled(x, factors)), "x")


@executes("resize_bilinear")
def resize_bilinear(call: Call) -> Kernel:
    sizes = (call.integer("target_size_height", 1), call.integer("target_size_width", 1))
    mode = call.text("sampling_mode", "DEFAULT", among=tuple(GRIDS))
    resize = _linear(call, mode)
    return call.kernel(lambda x: resize(x, sizes), "x")


@executes("resize")
def resize(call: Call) -> Kernel:
    """Resizes the last `resized_dims` axes to the end of `shape`, where 0 keeps an axis."""
    count = call.integer("resized_dims")
    mode = call.text("sampling_mode", "DEFAULT", among=tuple(GRIDS))
    modes = ("LINEAR", "NEAREST_NEIGHBOR")
    linear = call.text("interpolation_mode", "LINEAR", among=modes) == "LINEAR"
    if not 1 <= count <= call.rank("x"):
        raise call.invalid(f"resized_dims is {count}, x has rank {call.rank('x')}")
    compute = resize_linear if linear else resize_nearest
    storage_type = call.storage_type

    def run(x: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        wanted = shape.tolist()[-count:]
        sizes = tuple(w or size for w, size in zip(wanted, x.shape[-count:], strict=True))
        return compute(x, sizes, mode).to(storage_type)

    return call.kernel(run, "x", "shape", rounds=linear)


@executes("crop")
def crop(call: Call) -> Kernel:
    """Removes rows and columns from each side of the last two axes."""
    top, bottom = call.integers("crop_height", length=2)
    left, right = call.integers("crop_width", length=2)
    if min(top, bottom, left, right) < 0:
        raise call.invalid("crops a negative number of rows or columns")
    return call.kernel(
        lambda x: x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right],
        "x",
        rounds=False,
    )
