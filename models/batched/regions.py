"""Palms → rotated regions, and points in them back to the picture: `models.regions` on whole
tensors, in float32 and the same order of operations. Angles are computed in float64 and rounded.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from blazepalm.models.generation import RegionRule
from blazepalm.models.regions import SAME_HAND_IOU


class Regions(NamedTuple):
    """Rotated rectangles as `regions.Region`: float32 tensors of one shape."""

    x_center: Tensor
    y_center: Tensor
    width: Tensor
    height: Tensor
    rotation: Tensor

    def at(self, index: tuple[Tensor, ...]) -> "Regions":
        """Those at an index of the tensors."""
        return Regions(*(values[index] for values in self))

    @property
    def proper(self) -> Tensor:
        """Whether each contains anything, as `Region.proper`."""
        finite = torch.stack(self).isfinite().all(dim=0)
        return finite & (self.width > 0) & (self.height > 0)


def image_extent(image_size: tuple[int, int], device: torch.device) -> Tensor:
    """(2,) float32 width and height of pictures of `image_size` (height, width). A tensor, since on
    a GPU torch multiplies by a plain number's reciprocal instead of dividing by it.
    """
    return torch.tensor((image_size[1], image_size[0]), dtype=torch.float32, device=device)


def regions_from_palms(
    low: Tensor, extent: Tensor, keypoints: Tensor, size: Tensor, rule: RegionRule
) -> Regions:
    """Where to look for landmarks, as `region_from_palm`. low, extent: (…, 2) upper left corner,
    and width and height, keypoints: (…, K, 2), normalised to pictures of `size` (`image_extent`).
    """
    rotation = rotation_of(keypoints, size, rule)
    (wide, tall), (width, height) = size, extent.unbind(dim=-1)
    x, y = (low + extent / 2).unbind(dim=-1)
    right, down = wide * width * rule.shift[0], tall * height * rule.shift[1]
    cos, sin = cos_sin(rotation)
    x = x + (right * cos - down * sin) / wide
    y = y + (right * sin + down * cos) / tall
    if rule.square_long:
        side = torch.maximum(width * wide, height * tall)
        width, height = side / wide, side / tall
    return Regions(x, y, width * rule.scale[0], height * rule.scale[1], rotation)


def rotation_of(points: Tensor, size: Tensor, rule: RegionRule) -> Tensor:
    """As `regions.rotation_of`: points (…, K, 2) → (…) radians, in −π ≤ angle < π."""
    wide, tall = size
    aim = torch.zeros_like(points[..., 0, :])
    for point, weight in sorted(rule.towards, key=lambda pair: pair[1]):
        aim = aim + points[..., point, :] * weight
    start = points[..., rule.start, :]
    across = aim[..., 0] * wide - start[..., 0] * wide
    down = aim[..., 1] * tall - start[..., 1] * tall
    slope = torch.atan2(-down.double(), across.double()).float()
    angle = (math.radians(rule.target_degrees) - slope).double()
    return (angle - 2 * math.pi * ((angle + math.pi) / (2 * math.pi)).floor()).float()


def cos_sin(rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of float32 radians, correctly rounded (but for ties of float64)."""
    wide = rotation.double()
    return wide.cos().float(), wide.sin().float()


def project_landmarks(landmarks: Tensor, regions: Regions) -> Tensor:
    """(M, 21, 3) normalised to M regions → to the picture, as `regions.project_landmarks`."""
    cos, sin = (values[:, None] for values in cos_sin(regions.rotation))
    x, y = landmarks[..., 0] - 0.5, landmarks[..., 1] - 0.5
    width, height = regions.width[:, None], regions.height[:, None]
    return torch.stack(
        (
            (cos * x - sin * y) * width + regions.x_center[:, None],
            (sin * x + cos * y) * height + regions.y_center[:, None],
            landmarks[..., 2] * width,
        ),
        dim=-1,
    )


def project_world(landmarks: Tensor, regions: Regions) -> Tensor:
    """(M, 21, 3) metres, upright in M regions → upright in the picture."""
    cos, sin = (values[:, None] for values in cos_sin(regions.rotation))
    x, y, z = landmarks.unbind(dim=-1)
    return torch.stack((cos * x - sin * y, sin * x + cos * y, z), dim=-1)


def distinct(regions: Regions, given: Tensor) -> Tensor:
    """Which regions (N, K) of those `given` (N, K) to keep: of two of a picture that overlap by
    more than `SAME_HAND_IOU` (as if upright), the later one; as `regions.distinct`. → (N, K) bool
    """
    wide = Regions(*(values.double() for values in regions))
    first, second = (
        Regions(*(values[:, :, None] for values in wide)),
        Regions(*(values[:, None, :] for values in wide)),
    )
    same = overlap(first, second) > SAME_HAND_IOU  # (N, K, K)
    kept = torch.zeros_like(given)
    for index in range(given.shape[1]):
        kept = kept & ~(same[:, index] & given[:, index, None])
        kept[:, index] = given[:, index]
    return kept


def overlap(a: Regions, b: Regions) -> Tensor:
    """As `regions.overlap`, broadcast, in the regions' dtype."""
    wide, tall = (
        torch.minimum(at + extent / 2, other + size / 2)
        - torch.maximum(at - extent / 2, other - size / 2)
        for at, extent, other, size in (
            (a.x_center, a.width, b.x_center, b.width),
            (a.y_center, a.height, b.y_center, b.height),
        )
    )
    common = wide * tall
    union = a.width * a.height + b.width * b.height - common
    return torch.where((wide > 0) & (tall > 0), common / union, 0.0)
