"""Finds the hands in a golden folder's pictures again and compares them with the recording.

Hands are matched by IoU of their landmarks' boxes, all at once. The limits are those of the
comparison with MediaPipe (`agreement.py`), and parity's for boxes and probabilities
(`policy.py`); a run in float16 is judged by float16's (`float16.py`). A missing or extra hand
counts, unless its palm's score or its presence is so close to the threshold that it may fall
either way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from blazepalm.errors import ArtifactError, CouldNotVerify, InvalidImage
from blazepalm.golden.manifest import GoldenCase, GoldenSet
from blazepalm.golden.own import RECORDING
from blazepalm.models.decode import intersection_over_union
from blazepalm.models.hand_pipeline import Image
from blazepalm.models.runners import HandModels
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.reports.compare.matching import match, points_boxes
from blazepalm.reports.hands.open_model import OpenModel
from blazepalm.reports.hands.open_models import hand_models
from blazepalm.reports.judge import policy
from blazepalm.reports.recording import agreement
from blazepalm.reports.recording.agreement import (
    AGREEMENT_LIMITS,
    MEAN,
    SIDE,
    Values,
    beyond,
    distances,
    together,
)
from blazepalm.reports.recording.float16 import FLOAT16_LIMITS, in_input_pixels, on_recorded_palm
from blazepalm.reports.recording.recorded_file import KeptCase, KeptHand, Models, Recording
from blazepalm.reports.recording.recording import OnCase, finder, models_of, pixels

# the differences of a hand, as found and as recorded, in a picture of a size (height, width)
Differ = Callable[[KeptHand, KeptHand, tuple[int, int]], Values]

# The limits against MediaPipe, and for the palm: keypoints like landmarks; boxes by parity's
# 1 − IoU; score and presence by parity's limit for presence.
RECORDING_LIMITS: Values = {
    **AGREEMENT_LIMITS,
    "keypoints": AGREEMENT_LIMITS["most"],
    "box": round(1.0 - policy.LIMITS.iou, 6),
    "score": policy.LIMITS.presence,
    "presence": policy.LIMITS.presence,
}
WORDS = {
    "mean": "landmarks on average, px",
    "most": "farthest landmark, px",
    "depth": "z, picture widths",
    "world": "world landmarks, m",
    "handedness": "handedness",
    "keypoints": "farthest palm keypoint, px",
    "box": "palm box, 1 − IoU",
    "score": "palm score",
    "presence": "presence",
}

OTHER_PIXELS = "its picture is not the one that was recorded"
GONE = "was recorded, but the set no longer has this picture"


def told(values: Values, name: str, limits: Values) -> str:
    """The message for a difference that exceeds its limit."""
    return f"{WORDS[name]}: {values[name]:.3g}, limit {limits[name]:g}"


@dataclass(frozen=True)
class CaseCheck:
    """`recorded` and `found` count hands; `unmatched` counts those of both without a partner,
    except `ties`; `differences` of each matched pair, by the names of `RECORDING_LIMITS`.
    `problem`: why the case could not be compared, or "".
    """

    name: str
    recorded: int
    found: int | None = None
    unmatched: int = 0
    ties: int = 0
    differences: tuple[Values, ...] = ()
    problem: str = ""
    limits: Values = field(default_factory=lambda: RECORDING_LIMITS)

    @property
    def worst(self) -> Values:
        return together(self.differences, RECORDING_LIMITS)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Messages why the case fails; empty if it passes."""
        if self.problem:
            return (self.problem,)
        worst = self.worst
        alone = f"hands: {self.recorded} recorded, {self.found} found, {self.unmatched} unmatched"
        return (
            *((alone,) if self.unmatched else ()),
            *(
                told(worst, name, self.limits)
                for name in beyond(worst, self.limits)
                if name != MEAN  # over the whole set
            ),
        )


@dataclass(frozen=True)
class RecordingCheck:
    """`cases`: all recorded ones (or those asked for); `unrecorded`: names of readable pictures
    without a recording. `expected` and `found`: the models that recorded, and that checked;
    `limits`: those that apply, in pixels of the networks' inputs if `float16`.
    """

    expected: Models
    found: Models
    cases: tuple[CaseCheck, ...]
    unrecorded: tuple[str, ...] = field(default=())
    float16: bool = False

    @property
    def limits(self) -> Values:
        return FLOAT16_LIMITS if self.float16 else RECORDING_LIMITS

    @property
    def hands(self) -> int:
        """How many hands were compared."""
        return sum(len(case.differences) for case in self.cases)

    @property
    def differences(self) -> Values:
        """Over the whole set."""
        return together([one for case in self.cases for one in case.differences], RECORDING_LIMITS)

    @property
    def passed(self) -> bool:
        """Whether something was compared, and every limit holds in every case."""
        good = not beyond(self.differences, self.limits)
        return good and bool(self.cases) and not any(case.reasons for case in self.cases)

    def to_values(self) -> dict[str, Any]:
        """JSON values, always with every key."""
        return {
            "passed": self.passed,
            "hands": self.hands,
            "differences": self.differences,
            "limits": self.limits,
            "cases": [
                {
                    "name": case.name,
                    "passed": not case.reasons,
                    "reasons": list(case.reasons),
                    "recorded": case.recorded,
                    "found": case.found,
                    "unmatched": case.unmatched,
                    "ties": case.ties,
                    "differences": case.worst if case.differences else None,
                }
                for case in self.cases
            ],
            "unrecorded": list(self.unrecorded),
        }


def check_recording(
    golden: GoldenSet,
    recording: Recording,
    palm: OpenModel,
    hand: OpenModel,
    *,
    names: Sequence[str] | None = None,
    on_case: OnCase = lambda name, done, total: None,
) -> RecordingCheck:
    """Checks every recorded case, or those named. Raises CouldNotVerify if a name, or the whole
    folder, has no recording; InvalidModel if a number is not finite.
    """
    where = golden.folder / RECORDING
    kept = {case.name: case for case in recording.cases}
    for name in names or ():
        if name not in kept:
            raise CouldNotVerify(f"{where}: nothing was recorded of {name!r}")
    if not kept:
        raise CouldNotVerify(f"{where}: nothing was recorded; run blazepalm golden record")
    wanted = [case for case in recording.cases if not names or case.name in names]
    there = {case.name: case for case in golden.cases if case.readable}
    half = palm.float16 or hand.float16
    models = hand_models(palm, hand)
    find, checks, thresholds = finder(palm, hand), [], _thresholds(palm, hand)
    for done, known in enumerate(wanted, start=1):
        image, problem = _image(golden, there.get(known.name), known)
        if image is None:
            checks.append(CaseCheck(known.name, len(known.hands), problem=problem))
        else:
            found = find(known.name, image)
            size = image.shape[0], image.shape[1]
            if half:
                differ = partial(_half_difference, models=models, image=image)
                checks.append(compare(known, found, size, thresholds, differ, FLOAT16_LIMITS))
            else:
                checks.append(compare(known, found, size, thresholds))
        on_case(known.name, done, len(wanted))
    unrecorded = () if names else tuple(name for name in there if name not in kept)
    return RecordingCheck(recording.models, models_of(palm, hand), tuple(checks), unrecorded, half)


def difference(hand: KeptHand, expected: KeptHand, size: tuple[int, int]) -> Values:
    """The differences named by `RECORDING_LIMITS`, for one hand in a picture of `size` (height,
    width).
    """
    points = SIDE  # the largest possible, where the keypoints do not correspond
    if hand.keypoints.shape == expected.keypoints.shape:
        points = float(distances(hand.keypoints, expected.keypoints, size).max())
    boxes = [np.asarray(one.box, np.float64) for one in (hand, expected)]
    return {
        **agreement.difference(hand, expected, size),
        "keypoints": points,
        "box": 1.0 - float(intersection_over_union(*boxes)),
        "score": abs(float(hand.score) - float(expected.score)),
        "presence": abs(float(hand.presence) - float(expected.presence)),
    }


def compare(
    known: KeptCase,
    found: Sequence[KeptHand],
    size: tuple[int, int],
    thresholds: Mapping[str, float],
    differ: Differ = difference,
    limits: Values = RECORDING_LIMITS,
) -> CaseCheck:
    """Compares one picture of `size` (height, width). `thresholds`: of `score` and `presence`."""
    boxes, other = (points_boxes([h.landmarks for h in hs]) for hs in (known.hands, found))
    matches = match(boxes, other)
    alone = [known.hands[i] for i in matches.missing] + [found[i] for i in matches.extra]
    ties = sum(_is_tie(hand, thresholds) for hand in alone)
    pairs = ((found[f], known.hands[k]) for k, f, _ in matches.pairs)
    return CaseCheck(
        name=known.name,
        recorded=len(known.hands),
        found=len(found),
        unmatched=len(alone) - ties,
        ties=ties,
        differences=tuple(differ(hand, expected, size) for hand, expected in pairs),
        limits=limits,
    )


def _half_difference(
    hand: KeptHand, expected: KeptHand, size: tuple[int, int], models: HandModels, image: Image
) -> Values:
    """The same for a run in float16."""
    if hand.keypoints.shape != expected.keypoints.shape:
        return difference(hand, expected, size)
    hand = on_recorded_palm(models, image, hand, expected)
    return in_input_pixels(difference(hand, expected, size), models, expected, size)


def _image(golden: GoldenSet, case: GoldenCase | None, known: KeptCase) -> tuple[Image | None, str]:
    """The picture, or why it is not the recorded one."""
    if case is None:
        return None, GONE
    try:
        image = golden.image(case)
    except (ArtifactError, InvalidImage):
        return None, OTHER_PIXELS
    return (image, "") if pixels(image) == known.pixels else (None, OTHER_PIXELS)


def _thresholds(palm: OpenModel, hand: OpenModel) -> dict[str, float]:
    assert isinstance(palm.spec, PalmDetectorSpec) and isinstance(hand.spec, HandLandmarksSpec)
    return {"score": palm.spec.score_threshold, "presence": hand.spec.presence_threshold}


def _is_tie(hand: KeptHand, thresholds: Mapping[str, float]) -> bool:
    margin = policy.LIMITS.margin
    return any(abs(float(getattr(hand, n)) - least) <= margin for n, least in thresholds.items())
