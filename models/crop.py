"""Crops a rotated rectangle of a uint8 image to a network's uint8 input, byte for byte as OpenCV 4
warps it for MediaPipe.

MediaPipe v0.10.21 (mediapipe/calculators/tensor/image_to_tensor_converter_opencv.cc) calls
boxPoints, getPerspectiveTransform and warpPerspective of OpenCV 4.10, which samples at positions
rounded to 1/32 pixel. OpenCV 5 samples at exact positions instead (up to 6 grey levels apart), so
this module computes the rounded positions, in double and in OpenCV 4's order, and passes them to
cv2.remap, whose fixed-point interpolation is the same in both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage
from blazepalm.models.regions import Region

if TYPE_CHECKING:
    from torch import Tensor

    Points = TypeVar("Points", NDArray[np.float32], Tensor)
else:
    Points = TypeVar("Points")

Pixels = NDArray[np.uint8]
Maps = tuple[NDArray[np.int16], NDArray[np.uint16]]
Warp = Callable[[Pixels, NDArray[np.float32], tuple[int, int]], Pixels]  # as `warp`

STEPS = 32  # positions are rounded to 1/32 pixel
BLOCK = 1024  # OpenCV 4 warps blocks of at most 16 rows and 1024 pixels
MAX_SIDE = 32766  # whole positions are int16
KEPT_MAPS = 8  # of recent image sizes
FAR = 32000.0  # pixels; if no corner is further off, no position between them is
LIMIT = 32767.0  # pixels; everything further off is border
ROUNDING = 1.5 * 2.0**52 / STEPS  # a double of this size has room for 1/32, for nothing smaller
BAND = 56  # rows of a crop whose positions are computed at a time: the arrays stay small


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in the network's input: left and top margins (the right and bottom ones
    are equal) as fractions of the input's width and height.
    """

    left: float
    top: float

    def to_image(self, points: Points) -> Points:
        """(…, 2k) x, y pairs normalised to the input → normalised to the picture."""
        moved: Points = points.reshape(*points.shape[:-1], points.shape[-1] // 2, 2) + 0.0  # a copy
        for axis, margin in ((0, self.left), (1, self.top)):
            if margin:  # else both change nothing
                moved[..., axis] -= margin
                moved[..., axis] /= 1.0 - 2.0 * margin
        return moved.reshape(points.shape)

    def boxes_to_image(self, corners: Points, sizes: Points) -> tuple[Points, Points]:
        """(…, 2) upper left corners and (…, 2) widths and heights, in units of the input's → in
        units of the picture's.
        """
        scaled: Points = sizes + 0.0
        scaled[..., 0] /= 1.0 - 2.0 * self.left
        scaled[..., 1] /= 1.0 - 2.0 * self.top
        return self.to_image(corners), scaled

    def depth_to_image(self, z: Points) -> Points:
        """z in units of the input's width → in units of the picture's width."""
        return z / (1.0 - 2.0 * self.left)


def warp(image: Pixels, source: NDArray[np.float32], size: tuple[int, int]) -> Pixels:
    """What lies between the points `source` of an (H, W, 3) image, as for `sampling_maps`, as
    (*size, 3) uint8; edge pixels repeat beyond the image. Raises InvalidImage as `remap`.
    """
    return remap(image, sampling_maps(source, size), replicate=True)


def crop_region(
    image: Pixels, region: Region, size: tuple[int, int], warp: Warp = warp
) -> tuple[Pixels, Letterbox]:
    """The region of an (H, W, 3) image as (*size, 3) uint8; edge pixels repeat beyond the image. A
    region whose aspect ratio differs from `size` (height, width) is widened about its centre; the
    letterbox says by how much. `warp` samples the image.
    """
    height, width = np.float32(image.shape[0]), np.float32(image.shape[1])
    centre = (np.float32(region.x_center) * width, np.float32(region.y_center) * height)
    extent, box = widened(
        np.float32(region.width) * width, np.float32(region.height) * height, size
    )
    return warp(image, corners(centre, extent, region.rotation), size), box


def crop_whole(image: Pixels, size: tuple[int, int]) -> tuple[Pixels, Letterbox]:
    """The whole (H, W, 3) image, centred in (*size, 3) uint8 with black margins."""
    maps, box = whole_maps(image.shape[0], image.shape[1], size)
    return remap(image, maps, replicate=False), box


def to_range(pixels: Pixels, value_range: tuple[float, float]) -> NDArray[np.float32]:
    """uint8 0..255 → float32 in `value_range`."""
    low, high = value_range
    values = pixels.astype(np.float32)
    values *= np.float32((high - low) / 255)
    if low:
        values += np.float32(low)
    return values


def widened(
    width: np.float32, height: np.float32, size: tuple[int, int]
) -> tuple[tuple[np.float32, np.float32], Letterbox]:
    """The smallest (width, height), in pixels, with the aspect ratio of `size` around one."""
    one, two = np.float32(1), np.float32(2)
    target, aspect = np.float32(size[0]) / np.float32(size[1]), height / width
    if target > aspect:
        return (width, width * target), Letterbox(0.0, float((one - aspect / target) / two))
    return (height / target, height), Letterbox(float((one - target / aspect) / two), 0.0)


def corners(
    centre: tuple[np.float32, np.float32],
    extent: tuple[np.float32, np.float32],
    rotation: float,
) -> NDArray[np.float32]:
    """(4, 2) float32 pixels: lower left, upper left, upper right and lower right of a rectangle
    rotated by `rotation` radians. As OpenCV 4's boxPoints; OpenCV 5's differ in the last digit.
    """
    (x, y), two = centre, np.float32(2)
    ((x0, y0), (x1, y1)), _ = upper_corners(centre, extent, rotation)
    return np.array(
        ((x0, y0), (x1, y1), (two * x - x0, two * y - y0), (two * x - x1, two * y - y1)),
        np.float32,
    )


def upper_corners(
    centre: tuple[np.float32, np.float32],
    extent: tuple[np.float32, np.float32],
    rotation: float,
) -> tuple[tuple[tuple[np.float32, np.float32], ...], tuple[np.float32, np.float32]]:
    """The first two of `corners`, and half the sine and half the cosine of the rotation."""
    degrees = np.float32(float(np.float32(rotation) * np.float32(180)) / math.pi)
    angle = float(degrees) * math.pi / 180
    b = np.float32(math.cos(angle)) * np.float32(0.5)
    a = np.float32(math.sin(angle)) * np.float32(0.5)
    (x, y), (width, height) = centre, extent
    x0, y0 = x - a * height - b * width, y + b * height - a * width
    x1, y1 = x + a * height - b * width, y - b * height - a * width
    return ((x0, y0), (x1, y1)), (a, b)


def inverse_of(source: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float64]:
    """(3, 3): the map of x, y, 1 of a picture of `size` (height, width) to its positions, if the
    picture's corners are the points `source` (4, 2): their x, y and divisor.
    """
    import cv2

    rows, columns = size
    target = np.array(((0, rows), (0, 0), (columns, 0), (columns, rows)), np.float32)
    found: Any = cv2.invert(cv2.getPerspectiveTransform(source, target))[1]
    return np.asarray(found, np.float64)


def sampling_maps(source: NDArray[np.float32], size: tuple[int, int]) -> Maps:
    """The position that each pixel of a picture of `size` (height, width) samples, if the picture's
    corners are the points `source` (4, 2): whole pixels (*size, 2) int16, x then y, and 1/32 parts
    (*size) uint16, y · 32 + x.
    """
    import cv2

    rows, columns = size
    inverse = inverse_of(source, size)
    wide = min(BLOCK // min(16, rows), columns)
    starts = np.arange(0, columns, wide, dtype=np.float64)
    # x, y and the divisor of each output pixel: of the first of its block, and from there on
    lines = inverse[:, :, None, None]
    first = lines[:, 0] * starts + lines[:, 1] * np.arange(rows, dtype=np.float64)[:, None]
    first = (first + lines[:, 2])[..., None]
    steps = inverse[:, 0, None] * np.arange(wide, dtype=np.float64)
    maps, parts = np.empty((rows, columns, 2), np.int16), np.empty((rows, columns), np.uint16)
    positive = bool(first[2].min() + steps[2].min() > 0)  # so is every divisor
    near = positive and bool(np.abs(source).max() <= FAR)  # false for NaN
    divisors = np.empty((BAND, len(starts), wide))
    positions = np.empty((2, *divisors.shape))
    rounded = np.empty(positions.shape, np.float32)
    for top in range(0, rows, BAND):
        band = slice(top, min(top + BAND, rows))
        count = band.stop - top
        divisor, position = divisors[:count], positions[:, :count]
        np.add(first[2, band], steps[2], out=divisor)
        # a region of no size has divisors of 0
        np.divide(1.0, divisor, out=divisor, where=True if positive else divisor != 0)
        np.add(first[:2, band], steps[:2, None, None], out=position)
        position *= divisor
        if not near:
            np.clip(position, -LIMIT, LIMIT, out=position)
            np.nan_to_num(position, copy=False)
        position += ROUNDING  # to 1/32, halves to even
        np.subtract(position, ROUNDING, out=rounded[:, :count], casting="same_kind")  # exact
        x, y = rounded[:, :count].reshape(2, count, -1)[:, :, :columns]
        cv2.convertMaps(x, y, cv2.CV_16SC2, maps[band], parts[band])
    return maps, parts


@lru_cache(maxsize=KEPT_MAPS)
def whole_maps(height: int, width: int, size: tuple[int, int]) -> tuple[Maps, Letterbox]:
    """The `sampling_maps` of `crop_whole` for an image of `height` and `width`."""
    tall, wide = np.float32(height), np.float32(width)
    extent, box = widened(wide, tall, size)
    centre = (np.float32(0.5) * wide, np.float32(0.5) * tall)
    return sampling_maps(corners(centre, extent, 0.0), size), box


def remap(image: Pixels, maps: Maps, replicate: bool) -> Pixels:
    """Samples an image at the positions of `sampling_maps`; beyond it, edge pixels repeat, or all
    is black. Raises InvalidImage if a side is too long.
    """
    import cv2

    check_sides(image.shape[0], image.shape[1])
    border = cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT
    found: Any = cv2.remap(image, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(found, np.uint8)


def check_sides(height: int, width: int) -> None:
    """Raises InvalidImage if a side is too long."""
    if max(height, width) > MAX_SIDE:
        raise InvalidImage(
            f"the image has {width}×{height} pixels, "
            f"but the limit is {MAX_SIDE} per side; scale it down"
        )
