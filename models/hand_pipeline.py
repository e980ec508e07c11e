"""An image becomes hands: palms, a turned square round each, 21 landmarks in it, and back.

Regions are normalised to the image (x by its width, y by its height); angles are radians,
clockwise in the image. Sources, all of MediaPipe v0.10.21, under mediapipe/:
the rule's values: modules/hand_landmark/palm_detection_detection_to_roi.pbtxt
rotation: calculators/util/detections_to_rects_calculator.cc
scale, shift, square: calculators/util/rect_transformation_calculator.cc
two regions of one hand: calculators/util/association_calculator.h
crop: calculators/tensor/image_to_tensor_converter_opencv.cc
back to the image: calculators/util/landmark_projection_calculator.cc and
world_landmark_projection_calculator.cc
The one gap: MediaPipe rounds the crop to uint8 and its sampling positions to 1/32 pixel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.letterbox import as_planes
from blazepalm.models.palm_detector import PalmDetections, PalmDetector
from blazepalm.models.releases import RegionRule

# every palm graph since 2019-08; the registry holds the same per generation
PALM_RULE = RegionRule(
    start=0, towards=((2, 1.0),), target_degrees=90.0, scale=(2.6, 2.6), shift=(0.0, -0.5)
)
SAME_HAND_IOU = 0.5  # min_similarity_threshold in hand_landmark_tracking_cpu.pbtxt


@dataclass(frozen=True)
class Region:
    """A turned rectangle, normalised to the image; `rotation` in radians, −π to π."""

    x_center: float
    y_center: float
    width: float
    height: float
    rotation: float


@dataclass(frozen=True)
class Hand:
    """One hand. Normalised to the image: `box` (4,) xmin, ymin, xmax, ymax of the palm,
    `keypoints` (K, 2) on it, `landmarks` (21, 3) x, y, and z in image widths about the wrist,
    smaller is nearer. `score` () of the palm and `presence` () of the hand, 0..1.
    `handedness` () is 0 for a left to 1 for a right hand in a picture that is not mirrored,
    None where the release does not say (MediaPipe names it as in a mirrored one: 1 is "Left").
    `world_landmarks` (21, 3) metres about the hand's centre, or None.
    """

    box: Tensor
    keypoints: Tensor
    score: Tensor
    landmarks: Tensor
    presence: Tensor
    handedness: Tensor | None
    world_landmarks: Tensor | None
    region: Region


def region_from_palm(
    box: Tensor, keypoints: Tensor, image_size: tuple[int, int], rule: RegionRule = PALM_RULE
) -> Region:
    """The region in which to look for landmarks.

    box: (4,) corners and keypoints: (K, 2), normalised to an image of `image_size` (height,
    width).
    """
    height, width = image_size
    xmin, ymin, xmax, ymax = (float(value) for value in box)
    x0, y0 = (float(value) for value in keypoints[rule.start])
    x1 = sum(weight * float(keypoints[point, 0]) for point, weight in rule.towards)
    y1 = sum(weight * float(keypoints[point, 1]) for point, weight in rule.towards)
    slope = math.atan2(-(y1 - y0) * height, (x1 - x0) * width)
    rotation = normalise_radians(math.radians(rule.target_degrees) - slope)
    wide, tall = (xmax - xmin) * width, (ymax - ymin) * height  # pixels
    right, down = wide * rule.shift[0], tall * rule.shift[1]
    x = (xmin + xmax) / 2 * width + right * math.cos(rotation) - down * math.sin(rotation)
    y = (ymin + ymax) / 2 * height + right * math.sin(rotation) + down * math.cos(rotation)
    if rule.square_long:
        wide = tall = max(wide, tall)
    return Region(
        x / width,
        y / height,
        wide * rule.scale[0] / width,
        tall * rule.scale[1] / height,
        rotation,
    )


def normalise_radians(angle: float) -> float:
    """The same angle in −π ≤ angle < π."""
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))


def crop_region(image: Tensor, region: Region, size: tuple[int, int]) -> Tensor:
    """(3, H, W) of any range → (1, 3, *size) of the same, bilinear; beyond the image its edge
    pixels repeat. Output pixel (j, i) reads the region's point (j / width, i / height), with no
    half-pixel shift, as `cv::warpPerspective` between box corners does.
    """
    height, width = image.shape[1:]
    rows, columns = size
    across = (torch.arange(columns, device=image.device) / columns - 0.5) * region.width * width
    down = (torch.arange(rows, device=image.device) / rows - 0.5) * region.height * height
    cos, sin = math.cos(region.rotation), math.sin(region.rotation)
    x = region.x_center * width + cos * across[None, :] - sin * down[:, None]
    y = region.y_center * height + sin * across[None, :] + cos * down[:, None]
    # grid_sample counts −1 as the outer edge of the first pixel, 1 as that of the last
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)[None]
    return F.grid_sample(
        image[None], grid.to(image.dtype), padding_mode="border", align_corners=False
    )  # (1, 3, rows, columns)


def project_landmarks(landmarks: Tensor, region: Region, image_size: tuple[int, int]) -> Tensor:
    """(21, 3) normalised to a region → normalised to the image of `image_size` (height,
    width); z from region widths to image widths.
    """
    height, width = image_size
    across = (landmarks[:, 0] - 0.5) * region.width * width  # pixels
    down = (landmarks[:, 1] - 0.5) * region.height * height
    cos, sin = math.cos(region.rotation), math.sin(region.rotation)
    x = region.x_center + (cos * across - sin * down) / width
    y = region.y_center + (sin * across + cos * down) / height
    return torch.stack((x, y, landmarks[:, 2] * region.width), dim=1)


def turn_world(landmarks: Tensor, region: Region) -> Tensor:
    """(21, 3) metres, upright in the region → upright in the image."""
    cos, sin = math.cos(region.rotation), math.sin(region.rotation)
    x, y, z = landmarks.unbind(dim=1)
    return torch.stack((cos * x - sin * y, sin * x + cos * y, z), dim=1)


def distinct(regions: Sequence[Region], iou: float = SAME_HAND_IOU) -> list[int]:
    """Which of the regions to keep: of two that overlap by `iou` or more (as if upright), the
    later. Returns indices in order.
    """
    kept: list[int] = []
    for index, region in enumerate(regions):
        kept = [k for k in kept if _overlap(regions[k], region) < iou]
        kept.append(index)
    return kept


def _overlap(a: Region, b: Region) -> float:
    def extent(low: float, high: float) -> float:
        return max(high - low, 0.0)

    wide = extent(
        max(a.x_center - a.width / 2, b.x_center - b.width / 2),
        min(a.x_center + a.width / 2, b.x_center + b.width / 2),
    )
    tall = extent(
        max(a.y_center - a.height / 2, b.y_center - b.height / 2),
        min(a.y_center + a.height / 2, b.y_center + b.height / 2),
    )
    union = a.width * a.height + b.width * b.height - wide * tall
    return wide * tall / union if union > 0 else 0.0


@dataclass(frozen=True)
class HandPipeline:
    """`pipeline(image)` finds the hands of one image; nothing is remembered between images.

    `max_hands` palms at most are followed up, best first (MediaPipe's own default is 2). A
    hand whose presence is below the release's threshold is dropped.
    """

    detector: PalmDetector
    landmarks: HandLandmarks
    rule: RegionRule = PALM_RULE
    max_hands: int | None = None

    def __call__(self, image: NDArray[np.uint8] | Tensor) -> tuple[Hand, ...]:
        """Hands of H×W×3 uint8 RGB, or of a 3×H×W tensor (uint8, or float 0..1), best first.
        Raises ValueError for another shape or dtype.
        """
        planes = as_planes(image)  # (3, H, W), 0..255
        size = (planes.shape[1], planes.shape[2])
        palms = self.detector.predict_on_image(image)
        count = len(palms) if self.max_hands is None else min(self.max_hands, len(palms))
        regions = [
            region_from_palm(palms.boxes[i], palms.keypoints[i], size, self.rule)
            for i in range(count)
        ]
        hands = (self._hand(planes, palms, i, regions[i]) for i in distinct(regions))
        threshold = self.landmarks.spec.presence_threshold
        return tuple(hand for hand in hands if float(hand.presence) >= threshold)

    def _hand(self, planes: Tensor, palms: PalmDetections, index: int, region: Region) -> Hand:
        parameter = next(self.landmarks.parameters())
        size = (planes.shape[1], planes.shape[2])
        crop = crop_region(planes.to(parameter.device), region, self.landmarks.spec.input_size)
        low, high = self.landmarks.spec.value_range
        crop = (crop * ((high - low) / 255) + low).to(parameter.dtype)
        found = self.landmarks.predict_on_batch(crop)[0]
        world = found.world_landmarks
        return Hand(
            box=palms.boxes[index],
            keypoints=palms.keypoints[index],
            score=palms.scores[index],
            landmarks=project_landmarks(found.landmarks, region, size),
            presence=found.presence,
            handedness=found.handedness,
            world_landmarks=None if world is None else turn_world(world, region),
            region=region,
        )
