"""A batch of pictures → hands, computed on one device from the pixels to the landmarks:
`hand_pipeline.HandPipeline` on whole tensors, with the same stages in the same order.

Differs from it only in the last digits of float32: a GPU's networks compute a batch, sigmoids are
torch's, and angles are rounded correctly whatever the C library does. Such a digit of a region can
move the positions that lie near the middle between two by 1/32 pixel (`sampling`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from blazepalm.models import tasks
from blazepalm.models.batched.landmarks import (
    FoundHands,
    Margins,
    crop_regions,
    decode_hands,
    distinct_hands,
)
from blazepalm.models.batched.palms import PalmSlots, Place, decode_palms, no_palms
from blazepalm.models.batched.regions import Regions, distinct, image_extent, regions_from_palms
from blazepalm.models.batched.sampling import letterboxed
from blazepalm.models.generation import RegionRule
from blazepalm.models.hand_pipeline import Hand
from blazepalm.models.regions import Region
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec

# (B, 3, H, W) float32 in the release's value range → float32 outputs in the shapes and units of
# `PalmOutput` or `HandOutput`, by its fields
Network = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class BatchedModels:
    """The two networks and their settings, as `runners.HandModels` for arrays. `anchors` (A, 4)
    float32 lie on the networks' device.
    """

    detector: Network
    detector_spec: PalmDetectorSpec
    anchors: Tensor
    landmarks: Network
    landmarks_spec: HandLandmarksSpec
    palm_rule: RegionRule
    rule: str = tasks.SOLUTIONS


class HandSlots(NamedTuple):
    """The hands of N pictures in K slots each, as float32 tensors on the device, best palm first. A
    slot that is not `found` holds zeros, or a palm without a hand. Box, keypoints, landmarks and
    regions are normalised to the picture; what the values mean is said at `Hand`.
    """

    found: Tensor  # (N, K) bool
    box: Tensor  # (N, K, 4): xmin, ymin, xmax, ymax of the palm
    keypoints: Tensor  # (N, K, P, 2): x, y on the palm
    score: Tensor  # (N, K) of the palm, 0..1
    landmarks: Tensor  # (N, K, 21, 3): x, y, and z in image widths
    presence: Tensor  # (N, K) of the hand, 0..1
    handedness: Tensor | None  # (N, K), 0 left to 1 right; None if the release lacks it
    world_landmarks: Tensor | None  # (N, K, 21, 3) metres; None if the release lacks them
    regions: Tensor  # (N, K, 5): x_center, y_center, width, height, rotation in radians


def find_hands(
    models: BatchedModels, pictures: Tensor, max_hands: int | None = None, batch: int = 16
) -> HandSlots:
    """The hands of pictures (N, H, W, 3) uint8 RGB on the models' device. `max_hands`: slots for
    each picture; None: as many as the one with the most palms needs. The networks compute up to
    `batch` images at a time. Raises InvalidImage if a side is too long.
    """
    palms = detect_palms(models, pictures, max_hands, batch)
    size = image_extent((pictures.shape[1], pictures.shape[2]), pictures.device)
    regions = regions_from_palms(palms.low, palms.extent, palms.keypoints, size, models.palm_rule)
    chosen = palms.found
    if models.rule == tasks.SOLUTIONS:
        chosen = distinct(regions, chosen)
    index = torch.nonzero(chosen & regions.proper, as_tuple=True)  # (M,) pictures, (M,) slots
    hands = _look(models, pictures, index[0], regions.at(index), size, batch)

    def placed(values: Tensor | None) -> Tensor | None:
        if values is None:
            return None
        all_slots = values.new_zeros(*chosen.shape, *values.shape[1:])
        all_slots[index] = values
        return all_slots

    present = hands.presence > models.landmarks_spec.presence_threshold
    found, landmarks = cast(Tensor, placed(present)), cast(Tensor, placed(hands.landmarks))
    if models.rule == tasks.TASKS:
        found = distinct_hands(landmarks, found, size)
    far = palms.low.double() + palms.extent.double()
    return HandSlots(
        found,
        torch.cat((palms.low, far.float()), dim=2),
        palms.keypoints,
        palms.scores,
        landmarks,
        cast(Tensor, placed(hands.presence)),
        placed(hands.handedness),
        placed(hands.world_landmarks),
        torch.stack(regions, dim=2),
    )


def detect_palms(
    models: BatchedModels, pictures: Tensor, max_hands: int | None = None, batch: int = 16
) -> PalmSlots:
    """The palms of pictures (N, H, W, 3) uint8 RGB; arguments and errors as for `find_hands`."""
    spec = models.detector_spec
    if not len(pictures):
        return no_palms(spec, max_hands or 0, pictures.device)
    found = []
    for part in pictures.split(batch):
        squares, box = letterboxed(part, spec.input_size, spec.value_range)
        place: Place = box
        if models.rule == tasks.TASKS:
            size = (pictures.shape[1], pictures.shape[2])
            projection = tasks.projection(size, spec.input_size)
            scale, offset = (
                torch.from_numpy(values).to(pictures.device)
                for values in (projection.scale, projection.offset)
            )
            place = cast(Place, tasks.Projection(cast(Any, scale), cast(Any, offset)))
        raw = models.detector(squares)
        found.append(
            decode_palms(raw["boxes"], raw["scores"], models.anchors, spec, place, max_hands)
        )
    slots = max(palms.scores.shape[1] for palms in found)
    padded = ([_with_slots(values, slots) for values in palms] for palms in found)
    return PalmSlots(*map(torch.cat, zip(*padded, strict=True)))


def _look(
    models: BatchedModels,
    pictures: Tensor,
    which: Tensor,
    regions: Regions,
    size: Tensor,
    batch: int,
) -> FoundHands:
    """The hands in regions (M,) of pictures `which` (M,)."""
    spec = models.landmarks_spec
    outputs, boxes = [], []
    for part in torch.arange(len(which), device=which.device).split(batch):
        crops, box = crop_regions(
            pictures, which[part], regions.at((part,)), size, spec, models.rule
        )
        outputs.append(models.landmarks(crops) if len(part) else _no_outputs(spec, crops))
        boxes.append(box)
    joined = {name: torch.cat([each[name] for each in outputs]) for name in outputs[0]}
    box = Margins(*map(torch.cat, zip(*boxes, strict=True)))
    return decode_hands(joined, box, regions, spec)


def _no_outputs(spec: HandLandmarksSpec, crops: Tensor) -> dict[str, Tensor]:
    """The outputs for no crop: not every runtime takes an empty batch."""
    return {output.name: crops.new_zeros(0, output.values) for output in spec.outputs}


def _with_slots(values: Tensor, slots: int) -> Tensor:
    """(N, K, …) → (N, slots, …), zeros behind."""
    behind = (0, 0) * (values.dim() - 2) + (0, slots - values.shape[1])
    return functional.pad(values, behind)


def to_hands(slots: HandSlots) -> list[tuple[Hand, ...]]:
    """The hands of each picture, as `HandPipeline` returns them."""
    arrays: list[NDArray[Any] | None] = [
        None if values is None else values.cpu().numpy() for values in slots
    ]
    found, *values = arrays
    assert found is not None

    def hand(number: int, slot: int) -> Hand:
        box, keypoints, score, landmarks, presence, handedness, world, region = (
            None if each is None else each[number, slot] for each in values
        )
        return Hand(
            box=cast(NDArray[np.float32], box),
            keypoints=cast(NDArray[np.float32], keypoints),
            score=cast(NDArray[np.float32], score),
            landmarks=cast(NDArray[np.float32], landmarks),
            presence=cast(NDArray[np.float32], presence),
            handedness=handedness,
            world_landmarks=world,
            region=Region(*cast(NDArray[np.float32], region).tolist()),
        )

    return [
        tuple(hand(number, slot) for slot in np.flatnonzero(row).tolist())
        for number, row in enumerate(found)
    ]
