"""The anchors that a detection averages, worked out on paper, and which differences are ties."""

from typing import Any

import numpy as np
import pytest

from blazepalm.reports.stages import ties
from blazepalm.reports.stages.stages import Decoded
from blazepalm.reports.stages.ties import clusters, shared_boxes

MARGIN = 0.02


class Spec:
    """The fields of a detector's spec that `clusters` uses."""

    score_threshold, suppression_iou = 0.5, 0.3


SPEC: Any = Spec()


def decoded(*anchors: tuple[float, float]) -> Decoded:
    """Squares of side 1 with their left side at x, and their scores."""
    points = np.array([(x, 0.0, x + 1, 1.0) for x, _ in anchors])
    return Decoded(points, np.array([score for _, score in anchors]))


def test_anchors_that_overlap_the_best_are_one_detection() -> None:
    found = clusters(decoded((0.0, 0.6), (0.2, 0.9), (5.0, 0.8), (0.1, 0.4)), SPEC, MARGIN)
    assert [c.anchors for c in found] == [(1, 0), (2,)]
    # 0.8 of a square is shared by 1 and 0: 0.8 / 1.2, which is 0.37 from the threshold
    assert found[0].margins[0] == pytest.approx(0.8 / 1.2 - 0.3)


@pytest.mark.parametrize(("other", "tie"), [(0.49, True), (0.47, False)])
def test_an_anchor_at_the_score_threshold_is_a_tie(other: float, tie: bool) -> None:
    reference = decoded((0.0, 0.9), (0.2, 0.51))
    candidate = decoded((0.0, 0.9), (0.2, other))
    found = shared_boxes(reference, candidate, SPEC, MARGIN)
    if not tie:
        assert min(abs(0.51 - 0.5), abs(other - 0.5)) <= MARGIN, "one of them is near enough"
    assert set(found) == {0}
    ours, theirs = found[0]
    assert ours.tolist() == theirs.tolist() == [0.0, 0.0, 1.0, 1.0], "the mean of what both have"


def test_an_anchor_that_is_far_from_every_threshold_is_a_difference() -> None:
    reference, candidate = decoded((0.0, 0.9), (0.2, 0.8)), decoded((0.0, 0.9), (0.2, 0.1))
    assert shared_boxes(reference, candidate, SPEC, MARGIN) == {}


def test_an_anchor_at_the_overlaps_threshold_is_a_tie() -> None:
    """Shifted by 0.535 two squares overlap by 0.303, by 0.545 by 0.294."""
    reference, candidate = (decoded((0.0, 0.9), (x, 0.8)) for x in (0.535, 0.545))
    found = shared_boxes(reference, candidate, SPEC, MARGIN)
    assert found[0][0].tolist() == found[0][1].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_the_same_anchors_need_no_tie() -> None:
    reference, candidate = decoded((0.0, 0.9), (0.2, 0.8)), decoded((0.01, 0.9), (0.21, 0.8))
    assert shared_boxes(reference, candidate, SPEC, MARGIN) == {}


def test_nothing_and_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Decoded(np.zeros((0, 4)), np.zeros(0))
    assert shared_boxes(nothing, nothing, SPEC, MARGIN) == {}
    assert shared_boxes(decoded((0.0, 0.9)), nothing, SPEC, MARGIN) == {}
    monkeypatch.setattr(ties, "MAX_DETECTIONS", 1)
    many = decoded((0.0, 0.9), (0.2, 0.51), (5.0, 0.9), (9.0, 0.9))
    fewer = decoded((0.0, 0.9), (0.2, 0.49), (5.0, 0.9), (9.0, 0.9))
    assert shared_boxes(many, fewer, SPEC, MARGIN) == {}
