"""Images → hands: detects palms, crops a rotated square around each, finds 21 landmarks in it and
maps them back; in a video, the square comes from the previous frame's landmarks.

The order of the stages is MediaPipe's (v0.10.21,
mediapipe/modules/hand_landmark/hand_landmark_tracking_cpu.pbtxt; by the rule `tasks` that of
MediaPipe 1, see `tasks`); each stage is a public function in `letterbox`, `decode`, `regions`,
`crop` or `tasks`, which name their sources. Networks are passed as
functions, so that any backend can drive the pipeline. Differs from MediaPipe in: each hand also
carries the palm that it came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blazepalm.models import tasks
from blazepalm.models.c_math import Functions
from blazepalm.models.crop import crop_region, to_range
from blazepalm.models.decode import CroppedHand, Palms, Place, decode_hand, decode_palms
from blazepalm.models.gesture_pipeline import Gesture
from blazepalm.models.letterbox import as_pixels, letterbox
from blazepalm.models.regions import (
    Region,
    distinct,
    project_landmarks,
    project_world,
    region_from_landmarks,
    region_from_palm,
)
from blazepalm.models.runners import HandModels

if TYPE_CHECKING:
    from torch import Tensor


Floats = NDArray[np.float32]
Image = NDArray[np.uint8]

NO_PALMS = Palms(np.zeros((0, 4)), np.zeros((0, 0, 2), np.float32), np.zeros(0, np.float32))

# the landmarks that a palm's seven keypoints mark: wrist, bases of the fingers, two of the thumb.
# mediapipe/modules/hand_landmark/palm_detection_detection_to_roi.pbtxt names the first and the
# third; the others agree with the rendered joints.
PALM_LANDMARKS = (0, 5, 9, 13, 17, 1, 2)


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand, in NumPy float32. Normalised to the image: `box` (4,) xmin, ymin, xmax, ymax of the
    palm, `keypoints` (K, 2) on it, `landmarks` (21, 3) x, y, and z in image widths about the wrist,
    smaller is nearer. `score` () of the palm and `presence` () of the hand, 0..1. `handedness` ()
    is 0 for a left hand to 1 for a right one in a picture that is not mirrored, None if the release
    lacks it. MediaPipe's tasks name it so, too (1 is "Right"); its solutions take the picture for
    mirrored (1 is "Left"). `world_landmarks` (21, 3) metres about the hand's centre, or None.
    `region` is where the landmarks were searched. A `tracked` hand was not detected in this
    image: its `keypoints` are the corresponding landmarks, its `box` their bounds, its `score` its
    presence. `gesture` is None unless it was asked for.
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
    gesture: Gesture | None = None

    def __repr__(self) -> str:
        side = "" if self.handedness is None else f", handedness {float(self.handedness):.3g}"
        place = " ".join(f"{value:.3g}" for value in self.box)
        return f"<Hand: presence {float(self.presence):.3g}{side}, palm box {place}>"

    def __eq__(self, other: object) -> bool:
        """Whether all values are equal, bit for bit (NaN equals NaN)."""
        if not isinstance(other, Hand):
            return NotImplemented
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return all(
            mine == theirs
            if mine is None or theirs is None or isinstance(mine, Region | bool | Gesture)
            else np.array_equal(mine, theirs, equal_nan=True)
            for mine, theirs in pairs
        )

    __hash__ = None  # type: ignore[assignment]  # arrays can change


def detect_palms(models: HandModels, image: Image) -> Palms:
    """The palms of (H, W, 3) uint8 RGB."""
    spec = models.detector_spec
    square, box = letterbox(image, spec.input_size, spec.value_range)
    raw = models.detector(square)
    place: Place = box
    if models.rule == tasks.TASKS:
        place = tasks.projection(image.shape[:2], spec.input_size)
    boxes, scores = raw["boxes"][0], raw["scores"][0]
    return decode_palms(boxes, scores, models.anchors, spec, place, models.functions)


def find_hands(
    models: HandModels,
    image: Image,
    palms: Palms,
    tracked: Sequence[Region] | None = None,
    max_hands: int | None = None,
) -> tuple[Hand, ...]:
    """The hands of (H, W, 3) uint8 RGB: one for each palm and each region `tracked` from the
    previous frame that contains a hand and is not another's region, in this order; by the rule
    `tasks` tracked ones first, and `max_hands` regions at most. `tracked` is None for a picture
    that is no video's.
    """
    size, functions = image.shape[:2], models.functions
    regions = [
        region_from_palm(box, keypoints, size, models.palm_rule, functions)
        for box, keypoints in zip(palms.boxes, palms.keypoints, strict=True)
    ]
    count = len(regions)
    regions += tracked or ()
    if models.rule == tasks.SOLUTIONS:
        chosen, crop = distinct(regions), crop_region
    else:
        new = range(count) if tracked is None else tasks.untracked(regions[:count], tracked)
        chosen, crop = [*range(count, len(regions)), *new][:max_hands], tasks.crop_region
    chosen = [i for i in chosen if regions[i].proper]
    if not chosen:
        return ()
    spec = models.landmarks_spec
    crops = [crop(image, regions[i], spec.input_size, models.warp) for i in chosen]
    outputs = models.landmarks(to_range(np.stack([crop for crop, _ in crops]), spec.value_range))
    hands = []
    for number, (i, (_, box)) in enumerate(zip(chosen, crops, strict=True)):
        found = decode_hand(outputs, number, spec, box)
        if found.presence > spec.presence_threshold:
            hands.append(_in_image(found, regions[i], palms, i, functions))
    if models.rule == tasks.TASKS:
        kept = tasks.distinct_hands([hand.landmarks for hand in hands], (size[0], size[1]))
        hands = [hands[i] for i in kept]
    return tuple(hands)


def _in_image(
    found: CroppedHand, region: Region, palms: Palms, index: int, functions: Functions
) -> Hand:
    landmarks = project_landmarks(found.landmarks, region, functions)
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
        world_landmarks=None if world is None else project_world(world, region, functions),
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
    tracked. Newly detected hands come first, by the rule `tasks` last.
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
        hands = find_hands(self.models, pixels, palms, self.regions, self.max_hands)
        size, rule = pixels.shape[:2], self.models.tracking_rule
        self.regions = [
            region_from_landmarks(hand.landmarks, size, rule, self.models.functions)
            for hand in hands
        ]
        return hands

    def reset(self) -> None:
        """Forgets all hands: the next frame starts another video."""
        self.regions = []


def best(palms: Palms, count: int | None) -> Palms:
    """The first `count` palms; all if None."""
    return Palms(palms.boxes[:count], palms.keypoints[:count], palms.scores[:count])
