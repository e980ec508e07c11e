"""Matches two sets of boxes by IoU, all at once (scipy's optimal assignment), never by index or
greedily.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.decode import intersection_over_union

Array = NDArray[np.float64]

MATCHED_IOU = 0.5  # below this, two boxes belong to different hands


@dataclass(frozen=True)
class Matches:
    """Pairs of (reference, candidate) indices with their IoU, and the unmatched indices."""

    pairs: tuple[tuple[int, int, float], ...]
    missing: tuple[int, ...]
    extra: tuple[int, ...]


@dataclass(frozen=True)
class Ties:
    """What ties alone change between two backends' detections of one image, by index, best first.

    `boxes`: both backends' boxes, as means over the anchors that they share, of each reference
    detection that averages other anchors. `missing` and `extra`: detections of the reference and of
    the candidate that have no anchor besides tied ones.
    """

    boxes: dict[int, tuple[Array, Array]] = field(default_factory=dict)
    missing: frozenset[int] = frozenset()
    extra: frozenset[int] = frozenset()


def match(reference: Array, candidate: Array, least_iou: float = MATCHED_IOU) -> Matches:
    """The assignment with the largest sum of IoU, without pairs below `least_iou`. Boxes that
    are not finite match nothing.
    """
    from scipy.optimize import linear_sum_assignment

    overlap = np.nan_to_num(intersection_over_union(reference[:, None], candidate), nan=0.0)
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    pairs = tuple(
        (int(r), int(c), float(overlap[r, c]))
        for r, c in zip(rows, columns, strict=True)
        if overlap[r, c] >= least_iou
    )
    found_r, found_c = {r for r, _, _ in pairs}, {c for _, c, _ in pairs}
    return Matches(
        pairs,
        tuple(i for i in range(len(reference)) if i not in found_r),
        tuple(i for i in range(len(candidate)) if i not in found_c),
    )


def points_box(points: object) -> Array:
    """(4,) corners around (N, ≥2) points."""
    plane = np.asarray(points, np.float64)[:, :2]
    return np.concatenate((plane.min(axis=0), plane.max(axis=0)))


def points_boxes(hands: Sequence[object]) -> Array:
    """(N, 4): the box around the landmarks of each hand, which vary less between models than the
    palm's box.
    """
    return np.stack([points_box(points) for points in hands]) if hands else np.zeros((0, 4))
