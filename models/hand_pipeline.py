"""Images → hands: detects palms, crops a rotated square around each, finds 21 landmarks in it and
maps them back; in a video, the square comes from the previous frame's landmarks.

The order of the stages is MediaPipe's (v0.10.21,
mediapipe/modules/hand_landmark/hand_landmark_tracking_cpu.pbtxt); each stage is a public function
in `letterbox`, `decode`, `regions` or `crop`, which name their sources. Networks are passed as
functions, so that any backend can drive the pipeline. Differs from MediaPipe in: each hand also
carries the palm that it came from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.crop import crop_region, to_range
from blazepalm.models.decode import CroppedHand, Palms, as_array, decode_hand, decode_palms
from blazepalm.models.letterbox import as_pixels, letterbox
from blazepalm.models.regions import (
    Region,
    distinct,
    project_landmarks,
    project_world,
    region_from_landmarks,
    region_from_palm,
)
from blazepalm.models.releases import RegionRule, generation_of
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]

# (N, H, W, 3) float32 in the release's value range → raw outputs, keyed by the fields of
# `PalmOutput` or `HandOutput`, in their shapes and units
Runner = Callable[[Floats], Mapping[str, NDArray[Any]]]

NO_PALMS = Palms(np.zeros((0, 4)), np.zeros((0, 0, 2), np.float32), np.zeros(0, np.float32))

# the landmarks that correspond to a palm's seven keypoints: wrist, bases of the fingers, two of the
# thumb
PALM_LANDMARKS = (0, 5, 9, 13, 17, 1, 2)


@dataclass(frozen=True)
class HandModels:
    """The two networks and their settings. `anchors`: (N, 4), as in `models.anchors`. `palm_rule`
    and `tracking_rule` make regions from palms and from landmarks.
    """

    detector: Runner
    detector_spec: PalmDetectorSpec
    anchors: Floats
    landmarks: Runner
    landmarks_spec: HandLandmarksSpec
    palm_rule: RegionRule
    tracking_rule: RegionRule


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand, in NumPy float32. Normalised to the image: `box` (4,) xmin, ymin, xmax, ymax of the
    palm, `keypoints` (K, 2) on it, `landmarks` (21, 3) x, y, and z in image widths about the wrist,
    smaller is nearer. `score` () of the palm and `presence` () of the hand, 0..1. `handedness` ()
    is 0 for a left hand to 1 for a right one in a picture that is not mirrored, None if the release
    lacks it (MediaPipe names it as in a mirrored one: 1 is "Left"). `world_landmarks` (21, 3)
    metres about the hand's centre, or None. `region` is where the landmarks were searched.
    A `tracked` hand was not detected in this image: its `keypoints` are the corresponding
    landmarks, its `box` their bounds, its `score` its presence.
    """

    box: Floats
    keypoints: Floats
    score: Floats
    landmarks: Floats
    presence: Floats
    handedness: Floats | None
    world_landmarks: Floats | None
    region: Region
    tracked: bool = False

    def __eq__(self, other: object) -> bool:
        """Whether all values are equal, bit for bit (NaN equals NaN)."""
        if not isinstance(other, Hand):
            return NotImplemented
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return all(
            mine == theirs
            if mine is None or theirs is None or isinstance(mine, Region | bool)
            else np.array_equal(mine, theirs, equal_nan=True)
            for mine, theirs in pairs
        )

    __hash__ = None  # type: ignore[assignment]  # arrays can change


def torch_models(
    detector: "PalmDetector",
    landmarks: "HandLandmarks",
    palm_rule: RegionRule | None = None,
    tracking_rule: RegionRule | None = None,
) -> HandModels:
    """The readable modules as `HandModels`. Rules that are None are those of the generation that
    each module was converted as (`spec.generation`).
    """
    return HandModels(
        detector=torch_runner(detector),
        detector_spec=detector.spec,
        anchors=as_array(detector.anchors),
        landmarks=torch_runner(landmarks),
        landmarks_spec=landmarks.spec,
        palm_rule=palm_rule or generation_of(detector.spec.generation, "palm").roi,
        tracking_rule=tracking_rule or generation_of(landmarks.spec.generation, "hand").roi,
    )


def torch_runner(module: "nn.Module") -> Runner:
    """A readable module as a function of channels-last arrays."""
    import torch

    parameter = next(module.parameters())

    def run(images: Floats) -> dict[str, NDArray[Any]]:
        planes = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        with torch.inference_mode():
            raw = module(planes.to(parameter.device, parameter.dtype))
        found = raw._asdict().items()
        return {name: as_array(value) for name, value in found if value is not None}

    return run


def detect_palms(models: HandModels, image: Image) -> Palms:
    """The palms of (H, W, 3) uint8 RGB."""
    spec = models.detector_spec
    square, box = letterbox(image, spec.input_size, spec.value_range)
    raw = models.detector(square)
    return decode_palms(raw["boxes"][0], raw["scores"][0], models.anchors, spec, box)


def find_hands(
    models: HandModels, image: Image, palms: Palms, tracked: Sequence[Region] = ()
) -> tuple[Hand, ...]:
    """The hands of (H, W, 3) uint8 RGB: one for each palm and each region `tracked` from the
    previous frame that contains a hand and is not another's region, in this order.
    """
    regions = [
        region_from_palm(box, keypoints, image.shape[:2], models.palm_rule)
        for box, keypoints in zip(palms.boxes, palms.keypoints, strict=True)
    ]
    regions += tracked
    chosen = [i for i in distinct(regions) if regions[i].proper]
    if not chosen:
        return ()
    spec = models.landmarks_spec
    crops = [crop_region(image, regions[i], spec.input_size) for i in chosen]
    outputs = models.landmarks(to_range(np.stack([crop for crop, _ in crops]), spec.value_range))
    hands = []
    for number, (i, (_, box)) in enumerate(zip(chosen, crops, strict=True)):
        found = decode_hand(outputs, number, spec, box)
        if found.presence > spec.presence_threshold:
            hands.append(_in_image(found, regions[i], palms, i))
    return tuple(hands)


def _in_image(found: CroppedHand, region: Region, palms: Palms, index: int) -> Hand:
    landmarks = project_landmarks(found.landmarks, region)
    world = found.world_landmarks
    tracked = index >= len(palms.scores)
    if tracked:
        keypoints = landmarks[list(PALM_LANDMARKS), :2]
        box = np.concatenate((keypoints.min(axis=0), keypoints.max(axis=0)))
        score = found.presence
    else:
        box = palms.boxes[index].astype(np.float32)
        keypoints, score = palms.keypoints[index], palms.scores[index]
    return Hand(
        box=box,
        keypoints=keypoints,
        score=score,
        landmarks=landmarks,
        presence=found.presence,
        handedness=found.handedness,
        world_landmarks=None if world is None else project_world(world, region),
        region=region,
        tracked=tracked,
    )


@dataclass(frozen=True)
class HandPipeline:
    """`pipeline(image)` finds the hands in one image; it keeps no state between images.

    At most `max_hands` palms are processed, best first; None: all. Hands whose presence is not
    above the release's threshold are dropped.
    """

    models: HandModels
    max_hands: int | None = 2

    def __call__(self, image: "Image | Tensor") -> tuple[Hand, ...]:
        """Hands in H×W×3 uint8 RGB, best palm first. Also takes the arrays and tensors that
        `letterbox.as_pixels` does, raises its errors, and InvalidImage if a side is too long.
        """
        pixels = as_pixels(image)
        return find_hands(
            self.models, pixels, best(detect_palms(self.models, pixels), self.max_hands)
        )


class HandTracker:
    """`tracker(image)` finds the hands in a video's next frame: those of the previous frame where
    their landmarks lead, new ones by the detector, which runs only while fewer than `max_hands` are
    tracked. Newly detected hands come first.
    """

    def __init__(self, models: HandModels, max_hands: int = 2) -> None:
        self.models = models
        self.max_hands = max_hands
        self.regions: list[Region] = []

    def __call__(self, image: "Image | Tensor") -> tuple[Hand, ...]:
        """Hands in H×W×3 uint8 RGB; arguments and errors as for `HandPipeline`."""
        pixels = as_pixels(image)
        palms = NO_PALMS
        if len(self.regions) < self.max_hands:
            palms = best(detect_palms(self.models, pixels), self.max_hands)
        hands = find_hands(self.models, pixels, palms, self.regions)
        size, rule = pixels.shape[:2], self.models.tracking_rule
        self.regions = [region_from_landmarks(hand.landmarks, size, rule) for hand in hands]
        return hands

    def reset(self) -> None:
        """Forgets all hands: the next frame starts another video."""
        self.regions = []


def best(palms: Palms, count: int | None) -> Palms:
    """The first `count` palms; all if None."""
    return Palms(palms.boxes[:count], palms.keypoints[:count], palms.scores[:count])
