"""Finds the anchors that each detection averages, so that a tie is not reported as a bug.

Weighted suppression averages the anchors that pass the score threshold and overlap the best one.
An anchor within the margin of either threshold may be in one backend's mean but not in
the other's; then the means over the anchors that they share are compared instead.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.decode import intersection_over_union
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.reports.stages.stages import Decoded

Array = NDArray[np.float64]

MAX_DETECTIONS = 100  # per image; with more, ties are not the problem


@dataclass(frozen=True)
class Cluster:
    """One detection: its anchors, best first, and each anchor's margin: the distance of its
    score, or of its overlap with the best, from the threshold, whichever is smaller.
    """

    anchors: tuple[int, ...]
    margins: dict[int, float]


def clusters(decoded: Decoded, spec: PalmDetectorSpec, margin: float) -> tuple[Cluster, ...]:
    """The detections of one image, best first, before suppression averages them. Margins
    include anchors up to `margin` below the thresholds.
    """
    scores = decoded.scores.astype(np.float64)
    boxes = decoded.points[:, :4].astype(np.float64)
    order = np.argsort(-scores, kind="stable")
    left = order[scores[order] >= spec.score_threshold]
    near = order[np.abs(scores[order] - spec.score_threshold) <= margin]
    found: list[Cluster] = []
    while left.size and len(found) <= MAX_DETECTIONS:
        best = left[0]
        overlap = intersection_over_union(boxes[best], boxes[left])
        same = overlap > spec.suppression_iou
        same[0] = True
        margins = {
            int(anchor): float(abs(value - spec.suppression_iou))
            for anchor, value in zip(left, overlap, strict=True)
        }
        for anchor in near:
            distance = float(abs(scores[anchor] - spec.score_threshold))
            margins[int(anchor)] = min(distance, margins.get(int(anchor), distance))
        found.append(Cluster(tuple(int(a) for a in left[same]), margins))
        left = left[~same]
    return tuple(found)


def shared_boxes(
    reference: Decoded, candidate: Decoded, spec: PalmDetectorSpec, margin: float
) -> dict[int, tuple[Array, Array]]:
    """For each detection of the reference (by its index, best first) whose anchors differ from
    the candidate's by ties alone: both boxes as means over the anchors that they share.
    """
    ours, theirs = (clusters(d, spec, margin) for d in (reference, candidate))
    found: dict[int, tuple[Array, Array]] = {}
    if max(len(ours), len(theirs)) > MAX_DETECTIONS:
        return found
    for place, mine in enumerate(ours):
        other = max(
            theirs, key=lambda c: len(set(c.anchors) & set(mine.anchors)), default=Cluster((), {})
        )
        differing = set(mine.anchors) ^ set(other.anchors)
        common = sorted(set(mine.anchors) & set(other.anchors))
        if not differing or not common:
            continue
        ties = all(
            min(mine.margins.get(a, 1.0), other.margins.get(a, 1.0)) <= margin for a in differing
        )
        if ties:
            found[place] = (_mean(reference, common), _mean(candidate, common))
    return found


def _mean(decoded: Decoded, anchors: list[int]) -> Array:
    """(4,) corners, weighted by score."""
    weights = decoded.scores[anchors].astype(np.float64)[:, None]
    mean: Array = (decoded.points[anchors, :4] * weights).sum(axis=0) / weights.sum()
    return mean
