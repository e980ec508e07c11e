"""What a network does with rendered hands of known truth → the roles of its outputs and its input's
value range.

Every assignment of roles that the shapes allow, in every usual value range, gets a cost from 0 (as
a hand model should answer) to 1. An assignment decides if its cost is at most `CLEAR` and the
next one's is at least `MARGIN` times as large. Measured on the ten releases at hand: the right
assignment costs at most 0.25, any other 0.9 or more.

For the value range, the same hand is shown in several exposures (`pictures.exposures`): a range
decides if the next one's error is at least `RANGE_MARGIN` times as large. Measured between 0..1 and
-1..1, on releases and on releases rewritten for the other range: 1.5 times and more for landmark
models, 1.8 for detectors. 0..255 is further off.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.evidence.input_range import RANGES, Range
from blazepalm.converter.evidence.kinds import POINTS, SCORES
from blazepalm.converter.evidence.pictures import Picture, crops, exposures, letterboxed
from blazepalm.models.anchors import anchors_from_heads
from blazepalm.models.crop import Pixels, to_range
from blazepalm.models.hand_pipeline import PALM_LANDMARKS
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec

Outputs = list[NDArray[np.float64]]  # one image's, each flat, in the file's order
Run = Callable[[NDArray[np.float32]], Outputs]  # (1, H, W, 3)

CLEAR = 0.5
MARGIN = 2.0
RANGE_MARGIN = 1.25
DETECTABLE = 4  # of the exposures
FAR = 0.1  # of the crop's side: landmarks so far from the truth, on average, cost 1
PALM = 0.0865  # metres from the wrist to the base of the middle finger, of the rendered hand
FAR_PALM = 0.6  # of the palm's length: keypoints so far from the truth cost 1
WRIST, MIDDLE = 0, 9


@dataclass(frozen=True)
class Seen:
    """`outputs`: each output's role, None where the behaviour does not decide. `value_range`: the
    one under which the network sees best, None if two are as good. `sees`: whether it finds the
    hands at all. `mirrored`: its handedness is high for a left hand.
    """

    outputs: tuple[str | None, ...]
    value_range: Range | None
    sees: bool
    mirrored: bool = False


def watch(recognition: Recognition, run: Run) -> Seen:
    """Shows the network the pictures and judges what it answers."""
    spec = recognition.spec
    if isinstance(spec, HandLandmarksSpec):
        return _watch_hand(spec, run)
    return _watch_palm(spec, recognition.outputs, run)


# Landmark models --------------------------------------------------------------------------


def _watch_hand(spec: HandLandmarksSpec, run: Run) -> Seen:
    values = [output.values for output in spec.outputs]
    shown = crops(spec.input_size)
    if max(values) != 3 * len(_joints(shown[0])):
        return Seen((None,) * len(values), None, False)
    large = [i for i, count in enumerate(values) if count > 1]
    small = [i for i, count in enumerate(values) if count == 1]

    def cost(answers: list[Outputs], role: str, output: int) -> float:
        sigmoid = spec.outputs[output].sigmoid
        return _cost(role, [answer[output] for answer in answers], shown, spec.input_size, sigmoid)

    best: tuple[float, dict[int, str], list[Outputs]] = (2.0, {}, [])
    errors: dict[Range, float] = {}
    for value_range in RANGES:
        answers = [run(to_range(picture.pixels, value_range)[None]) for picture in shown]
        errors[value_range] = min(cost(answers, "landmarks", output) for output in large)
        found: dict[int, str] = {}
        total = errors[value_range]
        for group, roles in ((large, POINTS), (small, SCORES)):
            price, assigned = _cheapest(group, roles, partial(cost, answers))
            found |= assigned
            total += price
        if total < best[0]:
            best = (total, found, answers)
    _, found, answers = best
    outputs = tuple(found.get(i) for i in range(len(values)))
    if "landmarks" not in outputs:
        return Seen(outputs, None, False)
    at = outputs.index("landmarks")
    sees = {r: error for r, error in errors.items() if error < CLEAR}

    def error(value_range: Range) -> float:
        apart = [
            min(
                _distance(run(to_range(pixels, value_range)[None])[at], picture, spec.input_size),
                3 * FAR,
            )
            for picture in shown[:2]
            for pixels in exposures(picture.pixels)
        ]
        return float(np.mean(apart))

    mirrored = False
    if "handedness" in outputs:
        right, left = (float(answer[outputs.index("handedness")][0]) for answer in answers[:2])
        mirrored = right < left
    return Seen(outputs, _best_range(list(sees), error), True, mirrored)


def _cheapest(
    group: Sequence[int], roles: Sequence[str], cost: Callable[[str, int], float]
) -> tuple[float, dict[int, str]]:
    """The clear winner among the assignments of the group's outputs, and its cost; else nothing."""
    if not group:
        return 0.0, {}
    wanted = roles[: len(group)]
    prices = sorted(
        (max(cost(role, output) for role, output in zip(order, group, strict=True)), order)
        for order in permutations(wanted)
    )
    price, order = prices[0]
    clear = price <= CLEAR and all(other >= MARGIN * price for other, _ in prices[1:])
    return price, dict(zip(group, order, strict=True)) if clear else {}


def _cost(
    role: str,
    answers: Sequence[NDArray[np.float64]],
    shown: Sequence[Picture],
    size: tuple[int, int],
    sigmoid: bool,
) -> float:
    """From 0 to 1: how unlike `role` one output's answers to the right, left and no hand are."""
    if not all(np.isfinite(answer).all() for answer in answers):
        return 1.0
    if role == "landmarks":
        pairs = zip(answers[:2], shown[:2], strict=True)
        found = (
            float(np.mean([_distance(answer, picture, size) for answer, picture in pairs])) / FAR
        )
    elif role == "world_landmarks":
        points = [answer.reshape(-1, 3) for answer in answers[:2]]
        lengths = [float(np.linalg.norm(p[MIDDLE] - p[WRIST])) for p in points]
        found = max(abs(np.log2(max(length, 1e-9) / PALM)) for length in lengths)
    else:
        right, left, none = (_probability(float(answer[0]), sigmoid) for answer in answers)
        found = 1 - (min(right, left) - none if role == "presence" else abs(right - left))
    return float(np.clip(found, 0.0, 1.0))


def _distance(answer: NDArray[np.float64], picture: Picture, size: tuple[int, int]) -> float:
    """The landmarks' mean distance from the truth, in sides of the crop; infinite if not finite."""
    points = answer.reshape(-1, 3)[:, :2] / (size[1], size[0])
    apart = float(np.linalg.norm(points - _joints(picture), axis=1).mean())
    return apart if np.isfinite(apart) else np.inf


def _joints(picture: Picture) -> NDArray[np.float64]:
    assert picture.joints is not None
    return picture.joints


def _probability(value: float, sigmoid: bool) -> float:
    return value if sigmoid else 1 / (1 + float(np.exp(-np.clip(value, -100, 100))))


# Detectors --------------------------------------------------------------------------------


def _watch_palm(spec: PalmDetectorSpec, outputs: Sequence[str], run: Run) -> Seen:
    boxes, scores = outputs.index("boxes"), outputs.index("scores")
    blind = Seen((None, None), None, False)
    if spec.keypoints != len(PALM_LANDMARKS):
        return blind
    anchors = anchors_from_heads([(*head.size, head.anchors_per_cell) for head in spec.heads])
    shown = letterboxed(spec.input_size)[:2]

    def apart(pixels: Pixels, picture: Picture, value_range: Range) -> float:
        answer = run(to_range(pixels, value_range)[None])
        if not all(np.isfinite(values).all() for values in answer):
            return 1.0
        best = int(answer[scores].argmax())
        points = answer[boxes].reshape(-1, spec.coordinates)[best, 4:].reshape(-1, 2)
        points = points / (spec.input_size[1], spec.input_size[0]) + anchors[best, :2]
        truth = _joints(picture)[list(PALM_LANDMARKS)]
        palm = float(np.linalg.norm(truth[PALM_LANDMARKS.index(MIDDLE)] - truth[0]))
        return min(float(np.linalg.norm(points - truth, axis=1).mean()) / palm, 1.0)

    plain = {r: max(apart(p.pixels, p, r) for p in shown) / FAR_PALM for r in RANGES}
    sees = [r for r, cost in plain.items() if cost <= CLEAR]
    if not sees:
        return blind

    def error(value_range: Range) -> float:
        every = [apart(e, p, value_range) for p in shown for e in exposures(p.pixels)[:DETECTABLE]]
        return float(np.mean(every))

    return Seen(tuple(outputs), _best_range(sees, error), True)


# Both -------------------------------------------------------------------------------------


def _best_range(ranges: Sequence[Range], error: Callable[[Range], float]) -> Range | None:
    """The one of `ranges` with a clearly smaller error."""
    errors: list[Any] = sorted((error(r), r) for r in ranges)
    if len(errors) > 1 and errors[1][0] < RANGE_MARGIN * errors[0][0]:
        return None
    return errors[0][1] if errors else None
