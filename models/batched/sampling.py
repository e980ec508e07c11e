"""Pictures → network inputs, as tensor operations on any device: whole pictures in a letterbox, and
rotated rectangles, each pixel as `crop` samples it, byte for byte at the same positions.

Positions are multiples of 1/32 pixel, so the four weights of a sample are whole numbers that add up
to 1024, and its sum is exact. cv2.remap, which `crop` calls, multiplies by weights that add up to
2¹⁵, adds a half and shifts: the same whole grey level. Positions are computed in float64 from
corners in float32, as OpenCV does, but in closed form; OpenCV solves eight equations, which leaves
some 1e-8 pixels, so about one position in a million is rounded to the other side.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from blazepalm.models.crop import LIMIT, STEPS, check_sides, whole_maps
from blazepalm.models.letterbox import Letterbox

PART = STEPS.bit_length() - 1  # bits of a position's fraction
WEIGHTS = STEPS * STEPS  # what the weights of a sample add up to


class Positions(NamedTuple):
    """Where each pixel of M pictures of (rows, columns) samples: (M, rows, columns) int32 each, in
    1/32 pixels.
    """

    x: Tensor
    y: Tensor


def whole_positions(
    image_size: tuple[int, int], size: tuple[int, int], device: torch.device
) -> tuple[Positions, Letterbox]:
    """For a whole picture of `image_size` (height, width), centred in `size`; as `crop_whole`."""
    (whole, parts), box = whole_maps(image_size[0], image_size[1], size)
    pixels, fractions = torch.from_numpy(whole).int(), torch.from_numpy(parts.astype("int32"))
    x = (pixels[..., 0] << PART) | (fractions & (STEPS - 1))
    y = (pixels[..., 1] << PART) | (fractions >> PART)
    return Positions(x[None].to(device), y[None].to(device)), box


def region_positions(corners: Tensor, size: tuple[int, int]) -> Positions:
    """For rectangles with the corners (M, 4, 2) float32, in pixels: lower left, upper left, upper
    right and lower right. As `crop.sampling_maps`.
    """
    rows, columns = size
    lower_left, upper_left, upper_right, lower_right = corners.double().unbind(dim=1)  # (M, 2)
    # the projective map of the unit square to four points (Heckbert 1989, section 2.2.3)
    across, down = upper_right - lower_right, lower_left - lower_right
    skew = upper_left - upper_right + lower_right - lower_left
    area = across[:, 0] * down[:, 1] - down[:, 0] * across[:, 1]  # (M,)
    area = torch.where(area == 0, torch.inf, area)  # a region of no size has no perspective
    g = (skew[:, 0] * down[:, 1] - down[:, 0] * skew[:, 1]) / area
    h = (across[:, 0] * skew[:, 1] - skew[:, 0] * across[:, 1]) / area
    along = upper_right - upper_left + g[:, None] * upper_right  # (M, 2), for each unit of u
    below = lower_left - upper_left + h[:, None] * lower_left
    u = torch.arange(columns, dtype=torch.float64, device=corners.device) / columns
    v = torch.arange(rows, dtype=torch.float64, device=corners.device)[:, None] / rows
    divisor = (g[:, None, None] * u + h[:, None, None] * v + 1.0) / STEPS  # (M, rows, columns)
    x, y = (
        (along[:, i, None, None] * u + below[:, i, None, None] * v + upper_left[:, i, None, None])
        for i in (0, 1)
    )
    most = LIMIT * STEPS
    return Positions(*((at / divisor).round().clamp(-most, most).int() for at in (x, y)))


def sample(pictures: Tensor, which: Tensor, at: Positions, *, replicate: bool) -> Tensor:
    """The pixels at `at` of the pictures (N, H, W, 3) uint8, of picture `which` (M,) int64 each;
    beyond a picture, its edge pixels repeat, or all is black. → (M, rows, columns, 3) int32, 0..255
    """
    height, width = pictures.shape[1:3]
    flat = pictures.reshape(-1, 3)
    start = which[:, None, None] * (height * width)
    column, row = at.x >> PART, at.y >> PART
    right, down = at.x & (STEPS - 1), at.y & (STEPS - 1)
    total = flat.new_full((), WEIGHTS // 2, dtype=torch.int32)
    for below in (0, 1):
        for beside in (0, 1):
            weight = (down if below else STEPS - down) * (right if beside else STEPS - right)
            y, x = row + below, column + beside
            near_y, near_x = y.clamp(0, height - 1), x.clamp(0, width - 1)
            if not replicate:
                weight = weight * ((y == near_y) & (x == near_x))
            places = start + near_y * width + near_x  # (M, rows, columns)
            values = flat.index_select(0, places.flatten()).view(*places.shape, 3)
            total = total + values * weight[..., None]
    return total >> (2 * PART)


def to_planes(pixels: Tensor, value_range: tuple[float, float]) -> Tensor:
    """(M, rows, columns, 3) of 0..255 → (M, 3, rows, columns) float32 in `value_range`, channels
    last in memory; as `crop.to_range`.
    """
    low, high = value_range
    values = pixels.float() * ((high - low) / 255)
    return (values + low if low else values).permute(0, 3, 1, 2)


def letterboxed(
    pictures: Tensor, size: tuple[int, int], value_range: tuple[float, float]
) -> tuple[Tensor, Letterbox]:
    """Pictures (N, H, W, 3) uint8 → (N, 3, *size) float32, and the place of all in it; as
    `letterbox`. Raises InvalidImage if a side is too long.
    """
    count, height, width = pictures.shape[:3]
    check_sides(height, width)
    at, box = whole_positions((height, width), size, pictures.device)
    which = torch.arange(count, device=pictures.device)
    return to_planes(sample(pictures, which, at, replicate=False), value_range), box


def corners_of(
    centre: tuple[Tensor, Tensor], extent: tuple[Tensor, Tensor], rotation: Tensor, *, tasks: bool
) -> Tensor:
    """The corners of rectangles in pixels, float32 (x, y), (width, height) and radians, each (M,) →
    (M, 4, 2), in the order that `region_positions` takes. As `crop.corners`; with `tasks` as
    `tasks.corners`.
    """
    (x, y), (width, height) = centre, extent
    degrees = ((rotation * 180.0).double() / math.pi).float()
    angle = degrees.double() * math.pi / 180
    b, a = angle.cos().float() * 0.5, angle.sin().float() * 0.5
    x0, y0 = x - a * height - b * width, y + b * height - a * width
    x1, y1 = x + a * height - b * width, y - b * height - a * width
    if tasks:
        x2, y2 = x + a * height + b * width, y - b * height + a * width
        x3, y3 = x - a * height + b * width, y + b * height + a * width
    else:
        x2, y2, x3, y3 = 2 * x - x0, 2 * y - y0, 2 * x - x1, 2 * y - y1
    return torch.stack((x0, y0, x1, y1, x2, y2, x3, y3), dim=1).reshape(-1, 4, 2)
