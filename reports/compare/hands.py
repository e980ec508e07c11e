"""Compares boxes and landmarks with a reference's, in the task's units: pixels, IoU, flips.

A decision closer to its threshold than `margin` may fall either way: a tie is not a bug. Every
function returns `Scalar`s by (output, metric): one input's contribution to a row.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from blazepalm.models.decode import intersection_over_union
from blazepalm.reports.compare.matching import Array, Ties, match, points_boxes
from blazepalm.reports.compare.rows import MAX, MEAN, MIN, SUM, Scalar, exceeds

Scalars = dict[tuple[str, str], Scalar]  # (output, metric)
BOX_IOU = "boxes", "IoU"

PALM_POINTS = (0, 5, 9, 13, 17)  # wrist and the fingers' bases

ALL = Meta(min_length=21, max_length=21)  # landmarks of a hand
Box = tuple[float | None, float | None, float | None, float | None]
Point = tuple[float | None, float | None, float | None]


class SeenHand(NamedTuple):
    """A hand in one image: `landmarks` (21, 3) in pixels, probabilities 0..1; `score` is its
    palm's, None where unknown, as is `handedness` (0 left, 1 right). `tied`: whether it is seen,
    or seen here, hangs on a tie upstream.
    """

    landmarks: NDArray[np.floating]
    presence: float
    score: float | None = None
    handedness: float | None = None
    tied: bool = False


class ListedHand(Struct, frozen=True, forbid_unknown_fields=True):
    """A `SeenHand` as the report lists it, rounded; `box`: the corners around its landmarks. None
    within a box or point was not finite.
    """

    box: Box
    score: float | None
    landmarks: Annotated[tuple[Point, ...], ALL]
    presence: float | None
    handedness: float | None


class ListedTruth(Struct, frozen=True, forbid_unknown_fields=True):
    """A rendered hand: `box`, and `landmarks` (21, 2) in pixels of the image; `handedness` is
    left or right.
    """

    box: tuple[float, float, float, float]
    landmarks: Annotated[tuple[tuple[float, float], ...], ALL]
    handedness: str | None


Listed = dict[str, dict[str, tuple[ListedHand, ...]]]  # by pair of models, then backend


class Detections(NamedTuple):
    """A candidate's detections against the reference's. `overlaps`: the IoU of each matched
    detection of the reference, by its index; `lost` and `extra`: unmatched boxes of the reference
    and of the candidate that no tie explains, by their index.
    """

    scalars: Scalars
    overlaps: dict[int, float]
    lost: dict[int, Array]
    extra: dict[int, Array]


def compare_detections(
    reference: tuple[Array, Array],
    candidate: tuple[Array, Array],
    *,
    threshold: float,
    margin: float,
    pixels: tuple[float, float],
    ties: Ties,
) -> Detections:
    """Compares suppressed sets, each boxes (M, 4) and scores (M,), the boxes normalised to
    `pixels` (width, height). An unmatched detection counts unless its score is within `margin`
    of the threshold, or `ties` holds it. `ties.boxes` replaces both boxes of a reference detection
    whose anchors differ by ties alone.
    """
    boxes, scores = reference
    other_boxes, other_scores = candidate
    scale = np.array(pixels * 2)
    matches = match(boxes, other_boxes)
    lost = _unexplained(matches.missing, scores, threshold, margin, ties.missing)
    extra = _unexplained(matches.extra, other_scores, threshold, margin, ties.extra)
    alone = len(matches.missing) + len(matches.extra)
    result: Scalars = {
        ("detections", "unmatched"): _detections(len(lost) + len(extra)),
        ("detections", "within the margin"): _detections(alone - len(lost) - len(extra)),
    }
    overlaps: dict[int, float] = {}
    for score in scores:
        _min(result, ("score", "margin to the threshold"), abs(float(score) - threshold), "")
    for r, c, overlap in matches.pairs:
        _add(result, ("boxes", "means of other anchors by a tie"), _detections(r in ties.boxes))
        if r in ties.boxes:
            mine, theirs = ties.boxes[r]
            overlap = float(intersection_over_union(mine, theirs))
            a, b = mine * max(pixels), theirs * max(pixels)  # normalised to the square
        else:
            a, b = boxes[r] * scale, other_boxes[c] * scale
        overlaps[r] = overlap
        centre = np.hypot(*((b[:2] + b[2:] - a[:2] - a[2:]) / 2))
        size = np.abs((b[2:] - b[:2]) - (a[2:] - a[:2])).max()
        _min(result, BOX_IOU, overlap, "", best=1.0)
        _max(result, ("boxes", "centre error"), float(centre), "px")
        _max(result, ("boxes", "size error"), float(size), "px")
        _max(result, ("score", "difference"), abs(float(other_scores[c] - scores[r])), "")
    return Detections(
        result, overlaps, {i: boxes[i] for i in lost}, {i: other_boxes[i] for i in extra}
    )


def _unexplained(
    alone: Sequence[int], scores: Array, threshold: float, margin: float, tied: frozenset[int]
) -> tuple[int, ...]:
    return tuple(i for i in alone if i not in tied and not abs(scores[i] - threshold) <= margin)


def compare_landmarks(
    reference: Mapping[str, NDArray[np.floating]],
    candidate: Mapping[str, NDArray[np.floating]],
    *,
    pixels: tuple[float, float],
    thresholds: Mapping[str, float],
    margin: float,
) -> Scalars:
    """Compares one hand: `landmarks` (21, 3) normalised to a region of `pixels` (width, height),
    `presence`, and, where the release has them, `handedness` and `world_landmarks` (21, 3) in
    metres; what a candidate lacks is left out. Errors in x and y are distances; z is reported
    separately. Where the reference sees no hand, only presence is compared: the other outputs are
    meaningless there.
    """
    result: Scalars = {}
    if float(reference["presence"]) < thresholds["presence"] - margin:
        reference = {"presence": reference["presence"]}
    if (expected := reference.get("landmarks")) is not None:
        error = _plane_error(expected, candidate["landmarks"], pixels)
        _add(result, ("landmarks", "mean error"), Scalar(float(error.mean()), MEAN, "px"))
        _max(result, ("landmarks", "p95 error"), float(np.quantile(error, 0.95)), "px")
        _max(result, ("landmarks", "largest error"), float(error.max()), "px", best=0.0)
        depth = np.abs(_double(candidate["landmarks"])[:, 2] - _double(expected)[:, 2])
        _max(result, ("landmarks z", "largest error"), float(depth.max()) * pixels[0], "px")
        palm = palm_size(_double(expected)[:, :2] * np.asarray(pixels))
        if palm > 0:
            _max(
                result, ("landmarks", "error by palm size"), float(error.max()) / palm, "palm sizes"
            )
    found = candidate.get("world_landmarks")
    if (expected := reference.get("world_landmarks")) is not None and found is not None:
        world = np.linalg.norm(_double(found) - _double(expected), axis=1)
        _max(result, ("world_landmarks", "largest error"), float(world.max()) * 1000, "mm")
    for name, threshold in thresholds.items():
        value, other = reference.get(name), candidate.get(name)
        if value is None or other is None:
            continue
        a, b = float(value), float(other)
        flipped = (a >= threshold) != (b >= threshold) or not np.isfinite(b)
        tie = abs(a - threshold) <= margin
        _max(result, (name, "difference"), abs(b - a), "", best=0.0)
        _min(result, (name, "margin to the threshold"), abs(a - threshold), "")
        _add(result, (name, "flips"), Scalar(float(flipped and not tie), SUM, "flips"))
    return result


def compare_hands(
    reference: Sequence[SeenHand],
    candidate: Sequence[SeenHand],
    *,
    thresholds: Mapping[str, float],
    margin: float,
) -> Scalars:
    """Compares the hands of an image, matched by IoU of the landmarks' boxes. An unmatched hand
    counts unless it is `tied`, or one of its probabilities (`score` of its palm, `presence`) is
    within `margin` of its threshold.
    """
    boxes, other = (points_boxes([h.landmarks for h in hs]) for hs in (reference, candidate))
    matches = match(boxes, other)
    alone = [reference[i] for i in matches.missing] + [candidate[i] for i in matches.extra]
    ties = sum(hand.tied or is_near(hand, thresholds, margin) for hand in alone)
    result: Scalars = {
        ("hands", "unmatched"): Scalar(float(len(alone) - ties), SUM, "hands"),
        ("hands", "within the margin"): Scalar(float(ties), SUM, "hands"),
    }
    for r, c, _ in matches.pairs:
        a, b = (_double(h.landmarks) for h in (reference[r], candidate[c]))
        error = np.hypot(*(b[:, :2] - a[:, :2]).T)
        _add(result, ("landmarks", "mean error"), Scalar(float(error.mean()), MEAN, "image px"))
        _max(result, ("landmarks", "largest error"), float(error.max()), "image px")
        palm = palm_size(a[:, :2])
        if palm > 0:
            _max(
                result, ("landmarks", "error by palm size"), float(error.max()) / palm, "palm sizes"
            )
    return result


def is_near(hand: SeenHand, thresholds: Mapping[str, float], margin: float) -> bool:
    """Whether one of a hand's probabilities is within `margin` of its threshold."""
    return any(abs(getattr(hand, name) - at) <= margin for name, at in thresholds.items())


def palm_size(points: Array) -> float:
    """The wrist's mean distance to the fingers' bases."""
    wrist, *bases = points[list(PALM_POINTS)]
    return float(np.hypot(*(np.stack(bases) - wrist).T).mean())


def _plane_error(
    reference: NDArray[np.floating], candidate: NDArray[np.floating], pixels: tuple[float, float]
) -> Array:
    moved = (_double(candidate)[:, :2] - _double(reference)[:, :2]) * np.asarray(pixels)
    return np.asarray(np.hypot(moved[:, 0], moved[:, 1]))


def _detections(count: int) -> Scalar:
    return Scalar(float(count), SUM, "detections")


def _double(values: object) -> Array:
    return np.asarray(values, dtype=np.float64)


def _max(
    result: Scalars, name: tuple[str, str], value: float, unit: str, best: float | None = None
) -> None:
    if name not in result or exceeds(value, result[name].value):
        result[name] = Scalar(value, MAX, unit, best=best)


def _min(
    result: Scalars, name: tuple[str, str], value: float, unit: str, best: float | None = None
) -> None:
    if name not in result or exceeds(-value, -result[name].value):
        result[name] = Scalar(value, MIN, unit, best=best)


def _add(result: Scalars, name: tuple[str, str], scalar: Scalar) -> None:
    old = result.get(name)
    if old is None:
        result[name] = scalar
        return
    if scalar.how == SUM:
        result[name] = Scalar(old.value + scalar.value, SUM, scalar.unit)
        return
    weight = old.weight + scalar.weight
    value = (old.value * old.weight + scalar.value * scalar.weight) / weight
    result[name] = Scalar(value, MEAN, scalar.unit, weight)
