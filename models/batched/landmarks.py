"""Regions of a batch of pictures → crops, and the landmark network's outputs → hands in the
pictures: `crop.crop_region`, `decode.decode_hand` and `tasks` on whole tensors.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from blazepalm.models import tasks
from blazepalm.models.batched.palms import intersection_over_union
from blazepalm.models.batched.regions import Regions, project_landmarks, project_world
from blazepalm.models.batched.sampling import corners_of, region_positions, sample, to_planes
from blazepalm.models.spec import HandLandmarksSpec


class Margins(NamedTuple):
    """The letterbox of M crops, as `crop.Letterbox`: (M,) float64 each."""

    left: Tensor
    top: Tensor


class FoundHands(NamedTuple):
    """M hands, normalised to their pictures; None for outputs that the release lacks."""

    landmarks: Tensor  # (M, 21, 3)
    presence: Tensor  # (M,), 0..1
    handedness: Tensor | None  # (M,), 0..1
    world_landmarks: Tensor | None  # (M, 21, 3), metres, upright in the picture


def crop_regions(
    pictures: Tensor,
    which: Tensor,
    regions: Regions,
    size: Tensor,
    spec: HandLandmarksSpec,
    rule: str,
) -> tuple[Tensor, Margins]:
    """The regions (M,) of pictures (N, H, W, 3) uint8, each of picture `which` (M,), as the
    network's input (M, 3, *spec.input_size), and how each lies in it. `size`: `image_extent`.
    """
    wide, tall = size
    centre = regions.x_center * wide, regions.y_center * tall
    extent = regions.width * wide, regions.height * tall
    zero = torch.zeros_like(regions.rotation, dtype=torch.float64)
    box = Margins(zero, zero)
    if rule == tasks.SOLUTIONS:
        extent, box = widened(extent, spec.input_size)
    corners = corners_of(centre, extent, regions.rotation, tasks=rule == tasks.TASKS)
    at = region_positions(corners, spec.input_size)
    return to_planes(sample(pictures, which, at, replicate=True), spec.value_range), box


def widened(
    extent: tuple[Tensor, Tensor], size: tuple[int, int]
) -> tuple[tuple[Tensor, Tensor], Margins]:
    """As `crop.widened`, of widths and heights (M,)."""
    width, height = extent
    target = width.new_tensor(size[0]) / width.new_tensor(size[1])
    aspect = height / width
    flat = target > aspect
    left = torch.where(flat, 0.0, (1.0 - target / aspect) / 2.0).double()
    top = torch.where(flat, (1.0 - aspect / target) / 2.0, 0.0).double()
    width = torch.where(flat, width, height / target)
    return (width, torch.where(flat, width * target, height)), Margins(left, top)


def decode_hands(
    outputs: Mapping[str, Tensor], box: Margins, regions: Regions, spec: HandLandmarksSpec
) -> FoundHands:
    """The landmark network's float32 outputs for M crops, which lie in `regions` (M,)."""
    height, width = spec.input_size
    points = outputs["landmarks"].reshape(-1, spec.landmarks, 3)  # in pixels
    points = points / points.new_tensor((width, height, width))
    x, y, z = points.unbind(dim=2)
    z = z / z.new_tensor(spec.z_scale)
    across, down = ((1.0 - 2.0 * margin).float()[:, None] for margin in box)
    points = torch.stack(
        (
            (x - box.left.float()[:, None]) / across,
            (y - box.top.float()[:, None]) / down,
            z / across,
        ),
        dim=2,
    )
    handedness, world = outputs.get("handedness"), outputs.get("world_landmarks")
    return FoundHands(
        project_landmarks(points, regions),
        outputs["presence"][:, 0],
        None if handedness is None else handedness[:, 0],
        None if world is None else project_world(world.reshape(-1, spec.landmarks, 3), regions),
    )


def distinct_hands(landmarks: Tensor, given: Tensor, size: Tensor) -> Tensor:
    """Which hands of those `given` (N, K) to keep, by their landmarks (N, K, 21, 3); as
    `tasks.distinct_hands`. → (N, K) bool
    """
    points = landmarks[..., :2]
    start, end = (list(ends) for ends in zip(*tasks.PALM_SIZE, strict=True))
    sizes = _distances(points[:, :, start], points[:, :, end], size).amax(dim=2)  # (N, K)
    near = torch.maximum(sizes[:, :, None], sizes[:, None]) * tasks.NEAR  # (N, K, K)
    away = _distances(points[:, :, None], points[:, None], size)  # (N, K, K, 21)
    bounds = torch.cat((points.amin(dim=2), points.amax(dim=2)), dim=2)
    overlap = intersection_over_union(bounds[:, :, None], bounds[:, None])
    same = (away < near[..., None]).sum(dim=3) >= tasks.SAME_LANDMARKS
    same &= overlap > tasks.SAME_BOUNDS_IOU
    kept = torch.zeros_like(given)
    for index in range(given.shape[1]):
        kept[:, index] = given[:, index] & ~(kept & same[:, index]).any(dim=1)
    return kept


def _distances(a: Tensor, b: Tensor, size: Tensor) -> Tensor:
    """(…, 2) and (…, 2), normalised → (…) distances in pixels."""
    away = ((a - b) * size).double()
    return away.square().sum(dim=-1).sqrt().float()
