"""Where to look for a hand: a rotated rectangle from a palm or from a hand's landmarks, the mapping
of its points back to the image, and duplicate rectangles of one hand.

Everything is float32 in MediaPipe's order of operations. Sources, all in MediaPipe v0.10.21, under
mediapipe/: the rules' values: modules/hand_landmark/*_to_roi.pbtxt; a palm's rotation:
calculators/util/detections_to_rects_calculator.cc; a hand's rectangle:
modules/hand_landmark/calculators/hand_landmarks_to_rect_calculator.cc; scale, shift, square:
calculators/util/rect_transformation_calculator.cc; back to the image:
calculators/util/landmark_projection_calculator.cc, world_landmark_projection_calculator.cc;
duplicates: calculators/util/association_calculator.h.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.c_math import LIBRARY, Functions
from blazepalm.models.generation import RegionRule

Floats = NDArray[np.float32]

SAME_HAND_IOU = 0.5  # min_similarity_threshold in hand_landmark_tracking_cpu.pbtxt
TINY = np.finfo(np.float32).tiny  # MediaPipe starts a maximum from it: no point is below


@dataclass(frozen=True)
class Region:
    """A rotated rectangle, x and width normalised to the image's width, y and height to its height;
    `rotation` in radians, clockwise in the image, −π to π. Values are float32.
    """

    x_center: float
    y_center: float
    width: float
    height: float
    rotation: float

    @property
    def proper(self) -> bool:
        """Whether it contains anything: its numbers are finite, its size is positive."""
        values = (self.x_center, self.y_center, self.width, self.height, self.rotation)
        return all(map(math.isfinite, values)) and self.width > 0 and self.height > 0


def region_from_palm(
    box: NDArray[Any],
    keypoints: Floats,
    image_size: tuple[int, int],
    rule: RegionRule,
    functions: Functions = LIBRARY,
) -> Region:
    """The region in which to look for landmarks.

    box: (4,) corners, float32 or float64 (see `decode.Palms`), and keypoints: (K, 2),
    normalised to an image of `image_size` (height, width).
    """
    extent = (box[2:] - box[:2]).astype(np.float32)
    centre = box[:2].astype(np.float32) + extent / np.float32(2)
    rotation = rotation_of(np.asarray(keypoints, np.float32), image_size, rule, functions)
    return transform(centre, extent, rotation, image_size, rule, functions)


def region_from_landmarks(
    landmarks: Floats,
    image_size: tuple[int, int],
    rule: RegionRule,
    functions: Functions = LIBRARY,
) -> Region:
    """The region in which to look for the same hand in the next frame.

    landmarks: (21, 2) or (21, 3), normalised to an image of `image_size` (height, width).
    """
    points = np.asarray(landmarks, np.float32)[:, :2]
    rotation = rotation_of(points, image_size, rule, functions)
    size = np.array((image_size[1], image_size[0]), np.float32)
    low, high = _bounds(points[list(rule.box)] if rule.box else points)
    if not rule.turned:
        extent = high - low
        middle = low + extent / np.float32(2)
        return transform(middle, extent, rotation, image_size, rule, functions)
    middle = (high + low) / np.float32(2)
    away = (points[list(rule.box)] - middle) * size  # pixels
    cos, sin = functions.cos_sin(normalise_radians(np.float32(-rotation)))
    turned = np.stack(
        (away[:, 0] * cos - away[:, 1] * sin, away[:, 0] * sin + away[:, 1] * cos), axis=1
    )
    low, high = _bounds(turned)
    x, y = (high + low) / np.float32(2)
    cos, sin = functions.cos_sin(rotation)
    centre: Floats = np.array((x * cos - y * sin, x * sin + y * cos), np.float32) + size * middle
    centre /= size
    return transform(centre, (high - low) / size, rotation, image_size, rule, functions)


def rotation_of(
    points: Floats,
    image_size: tuple[int, int],
    rule: RegionRule,
    functions: Functions = LIBRARY,
) -> np.float32:
    """The rotation in radians that makes a region's hand point as the rule says."""
    height, width = np.float32(image_size[0]), np.float32(image_size[1])
    aim = np.zeros(2, np.float32)
    for point, weight in sorted(rule.towards, key=lambda pair: pair[1]):  # MediaPipe's order
        aim = aim + points[point] * np.float32(weight)
    across = aim[0] * width - points[rule.start, 0] * width
    down = aim[1] * height - points[rule.start, 1] * height
    slope = functions.arctan2(-down, across)
    return normalise_radians(np.float32(math.radians(rule.target_degrees)) - slope)


def normalise_radians(angle: np.float32) -> np.float32:
    """The same angle in −π ≤ angle < π."""
    wide = float(angle)
    return np.float32(wide - 2 * math.pi * math.floor((wide + math.pi) / (2 * math.pi)))


def transform(
    centre: Floats,
    extent: Floats,
    rotation: np.float32,
    image_size: tuple[int, int],
    rule: RegionRule,
    functions: Functions = LIBRARY,
) -> Region:
    """A rectangle shifted along its own axes, squared on its long side in pixels, and scaled.
    centre: (2,) x, y and extent: (2,) width, height, normalised to the image.
    """
    (x, y), (width, height) = centre, extent
    tall, wide = np.float32(image_size[0]), np.float32(image_size[1])
    right = wide * width * np.float32(rule.shift[0])
    down = tall * height * np.float32(rule.shift[1])
    cos, sin = functions.cos_sin(rotation)
    x = x + (right * cos - down * sin) / wide
    y = y + (right * sin + down * cos) / tall
    if rule.square_long:
        side = max(width * wide, height * tall)
        width, height = side / wide, side / tall
    return Region(
        float(x),
        float(y),
        float(width * np.float32(rule.scale[0])),
        float(height * np.float32(rule.scale[1])),
        float(rotation),
    )


def project_landmarks(landmarks: Floats, region: Region, functions: Functions = LIBRARY) -> Floats:
    """(21, 3) normalised to a region → normalised to the image; z from region widths to image
    widths. The region must be square in pixels, which every rule ensures.
    """
    cos, sin = functions.cos_sin(np.float32(region.rotation))
    x, y = landmarks[:, 0] - np.float32(0.5), landmarks[:, 1] - np.float32(0.5)
    width, height = np.float32(region.width), np.float32(region.height)
    out = np.empty_like(landmarks, dtype=np.float32)
    out[:, 0] = (cos * x - sin * y) * width + np.float32(region.x_center)
    out[:, 1] = (sin * x + cos * y) * height + np.float32(region.y_center)
    out[:, 2] = landmarks[:, 2] * width
    return out


def project_world(landmarks: Floats, region: Region, functions: Functions = LIBRARY) -> Floats:
    """(21, 3) metres, upright in the region → upright in the image."""
    cos, sin = functions.cos_sin(np.float32(region.rotation))
    x, y, z = landmarks.T
    return np.stack((cos * x - sin * y, sin * x + cos * y, z), axis=1)


def distinct(regions: Sequence[Region], iou: float = SAME_HAND_IOU) -> list[int]:
    """The indices, in order, of the regions to keep: of two that overlap by more than `iou` (as if
    upright), the later one.
    """
    kept: list[int] = []
    for index, region in enumerate(regions):
        kept = [k for k in kept if overlap(region, regions[k]) <= iou]
        kept.append(index)
    return kept


def overlap(a: Region, b: Region) -> float:
    """Intersection over union of two regions as if upright; 0 if either is empty. An area is the
    product of the sides, as MediaPipe computes it; the corners' differences would round otherwise
    (`decode.intersection_over_union`).
    """
    wide = min(a.x_center + a.width / 2, b.x_center + b.width / 2) - max(
        a.x_center - a.width / 2, b.x_center - b.width / 2
    )
    tall = min(a.y_center + a.height / 2, b.y_center + b.height / 2) - max(
        a.y_center - a.height / 2, b.y_center - b.height / 2
    )
    if not (wide > 0 and tall > 0):
        return 0.0
    return wide * tall / (a.width * a.height + b.width * b.height - wide * tall)


def _bounds(points: Floats) -> tuple[Floats, Floats]:
    return points.min(axis=0), np.maximum(points.max(axis=0), TINY)
