"""Finds the anchors that each detection averages, so that a tie is not reported as a bug.

Weighted suppression averages the anchors that pass the score threshold and overlap the best one.
An anchor within the margin of either threshold may be in one backend's mean but not in the other's;
then the means over the anchors that they share are compared instead. Such a tie goes on: an anchor
that one detection left out belongs to a later one, may lead it, or be a detection of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blazepalm.models.decode import intersection_over_union
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.reports.compare.hands import SeenHand, is_near
from blazepalm.reports.compare.matching import Array, Ties, match
from blazepalm.reports.stages.stages import Decoded, Located

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


def find_ties(
    reference: Decoded, candidate: Decoded, spec: PalmDetectorSpec, margin: float
) -> Ties:
    """Compares the anchors of two backends' detections, best first. An anchor is tied if it is in
    only one of two corresponding detections and within `margin` of a threshold there; it stays tied
    in all later ones, and so does every anchor whose detection it leads in one backend only.
    """
    ours, theirs = (clusters(d, spec, margin) for d in (reference, candidate))
    if max(len(ours), len(theirs)) > MAX_DETECTIONS:
        return Ties()
    boxes: dict[int, tuple[Array, Array]] = {}
    tied: set[int] = set()
    left = list(theirs)
    for place, mine in enumerate(ours):
        other = max(
            left, key=lambda c: len(set(c.anchors) & set(mine.anchors)), default=Cluster((), {})
        )
        differing = set(mine.anchors) ^ set(other.anchors)
        common = sorted(set(mine.anchors) & set(other.anchors))
        if not common:
            continue
        left.remove(other)
        led = mine.anchors[0] != other.anchors[0] and not tied.isdisjoint(
            (mine.anchors[0], other.anchors[0])
        )
        near = {
            anchor
            for anchor in differing
            if min(mine.margins.get(anchor, 1.0), other.margins.get(anchor, 1.0)) <= margin
        }
        tied |= differing if led else near
        if differing and differing <= tied:
            boxes[place] = (_mean(reference, common), _mean(candidate, common))
    return Ties(boxes, _all_tied(ours, tied), _all_tied(theirs, tied))


def mark_tied(
    hands: tuple[Sequence[SeenHand], Sequence[SeenHand]],
    located: tuple[Located, Located],
    thresholds: Mapping[str, float],
    margin: float,
) -> tuple[list[SeenHand], list[SeenHand]]:
    """The hands of the reference and of a candidate, one for each region that they searched, with
    `tied` set where the palm is tied or a probability is within `margin` of its threshold, in
    either of the two: what is a tie in one backend's region is a tie in the other's same region.
    """
    tied = tuple(
        [i in where.tied or is_near(hand, thresholds, margin) for i, hand in enumerate(found)]
        for found, where in zip(hands, located, strict=True)
    )
    for r, c, _ in match(_corners(located[0]), _corners(located[1])).pairs:
        tied[0][r] = tied[1][c] = tied[0][r] or tied[1][c]
    ours, theirs = (
        [hand._replace(tied=flag) for hand, flag in zip(found, flags, strict=True)]
        for found, flags in zip(hands, tied, strict=True)
    )
    return ours, theirs


def _corners(located: Located) -> Array:
    """(N, 4) of the regions as if upright."""
    found = [
        (
            r.x_center - r.width / 2,
            r.y_center - r.height / 2,
            r.x_center + r.width / 2,
            r.y_center + r.height / 2,
        )
        for r in located.regions
    ]
    return np.array(found, np.float64).reshape(-1, 4)


def _all_tied(found: tuple[Cluster, ...], tied: set[int]) -> frozenset[int]:
    return frozenset(i for i, cluster in enumerate(found) if set(cluster.anchors) <= tied)


def _mean(decoded: Decoded, anchors: list[int]) -> Array:
    """(4,) corners, weighted by score."""
    weights = decoded.scores[anchors].astype(np.float64)[:, None]
    mean: Array = (decoded.points[anchors, :4] * weights).sum(axis=0) / weights.sum()
    return mean
