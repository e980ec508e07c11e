"""The anchors that a detection averages, worked out on paper, and which differences are ties."""

from typing import Any

import numpy as np
import pytest

from blazepalm.models.regions import Region
from blazepalm.reports.compare.hands import SeenHand, compare_hands
from blazepalm.reports.compare.matching import Ties
from blazepalm.reports.stages import ties
from blazepalm.reports.stages.stages import Decoded, Located
from blazepalm.reports.stages.ties import clusters, find_ties, mark_tied

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
    found = find_ties(reference, candidate, SPEC, MARGIN).boxes
    if not tie:
        assert min(abs(0.51 - 0.5), abs(other - 0.5)) <= MARGIN, "one of them is near enough"
    assert set(found) == {0}
    ours, theirs = found[0]
    assert ours.tolist() == theirs.tolist() == [0.0, 0.0, 1.0, 1.0], "the mean of what both have"


def test_an_anchor_that_is_far_from_every_threshold_is_a_difference() -> None:
    reference, candidate = decoded((0.0, 0.9), (0.2, 0.8)), decoded((0.0, 0.9), (0.2, 0.1))
    assert find_ties(reference, candidate, SPEC, MARGIN).boxes == {}


def test_an_anchor_at_the_overlaps_threshold_is_a_tie() -> None:
    """Shifted by 0.535 two squares overlap by 0.303, by 0.545 by 0.294."""
    reference, candidate = (decoded((0.0, 0.9), (x, 0.8)) for x in (0.535, 0.545))
    found = find_ties(reference, candidate, SPEC, MARGIN).boxes
    assert found[0][0].tolist() == found[0][1].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_the_same_anchors_need_no_tie() -> None:
    reference, candidate = decoded((0.0, 0.9), (0.2, 0.8)), decoded((0.01, 0.9), (0.21, 0.8))
    assert find_ties(reference, candidate, SPEC, MARGIN).boxes == {}


def test_nothing_and_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Decoded(np.zeros((0, 4)), np.zeros(0))
    assert find_ties(nothing, nothing, SPEC, MARGIN) == Ties()
    assert find_ties(decoded((0.0, 0.9)), nothing, SPEC, MARGIN) == Ties()
    monkeypatch.setattr(ties, "MAX_DETECTIONS", 1)
    many = decoded((0.0, 0.9), (0.2, 0.51), (5.0, 0.9), (9.0, 0.9))
    fewer = decoded((0.0, 0.9), (0.2, 0.49), (5.0, 0.9), (9.0, 0.9))
    assert find_ties(many, fewer, SPEC, MARGIN) == Ties()


def test_an_anchor_tied_in_one_detection_is_tied_in_the_next() -> None:
    """Four squares in a row: B overlaps A by 0.303 in the reference and 0.294 in the candidate,
    where it leads the second detection instead, above C, which only B overlaps.
    """
    reference = decoded((0.0, 0.9), (0.535, 0.8), (-0.1, 0.7), (1.0, 0.6))
    candidate = decoded((0.0, 0.9), (0.545, 0.8), (-0.1, 0.7), (1.0, 0.6))
    assert [c.anchors for c in clusters(reference, SPEC, MARGIN)] == [(0, 1, 2), (3,)]
    assert [c.anchors for c in clusters(candidate, SPEC, MARGIN)] == [(0, 2), (1, 3)]
    found = find_ties(reference, candidate, SPEC, MARGIN)
    assert (found.missing, found.extra) == (frozenset(), frozenset())
    assert found.boxes[1][0].tolist() == found.boxes[1][1].tolist() == [1.0, 0.0, 2.0, 1.0]
    back = find_ties(candidate, reference, SPEC, MARGIN)
    assert set(back.boxes) == {0, 1} and set(found.boxes) == {0, 1}


def test_a_detection_of_tied_anchors_alone_is_a_tie() -> None:
    reference, candidate = (decoded((0.0, 0.9), (x, 0.8)) for x in (0.535, 0.545))
    assert find_ties(reference, candidate, SPEC, MARGIN).extra == {1}
    assert find_ties(candidate, reference, SPEC, MARGIN).missing == {1}


def test_what_a_tied_anchor_leads_is_tied() -> None:
    """B and D overlap by 0.2 of a square, C overlaps both. With B tied to A, C leads and takes D in
    the reference; in the candidate B leads, takes C, and leaves D alone.
    """
    reference = decoded((0.0, 0.9), (0.535, 0.8), (0.9, 0.7), (1.35, 0.6))
    candidate = decoded((0.0, 0.9), (0.545, 0.8), (0.9, 0.7), (1.35, 0.6))
    assert [c.anchors for c in clusters(reference, SPEC, MARGIN)] == [(0, 1), (2, 3)]
    assert [c.anchors for c in clusters(candidate, SPEC, MARGIN)] == [(0,), (1, 2), (3,)]
    found = find_ties(reference, candidate, SPEC, MARGIN)
    assert set(found.boxes) == {0, 1} and found.extra == {2}
    assert found.boxes[1][0].tolist() == found.boxes[1][1].tolist() == [0.9, 0.0, 1.9, 1.0]


def test_an_anchor_that_is_no_tie_ties_no_other() -> None:
    reference = decoded((0.0, 0.9), (0.3, 0.8), (1.0, 0.6))
    candidate = decoded((0.0, 0.9), (0.7, 0.8), (1.0, 0.6))
    assert find_ties(reference, candidate, SPEC, MARGIN) == Ties()


def hand(presence: float, x: float) -> SeenHand:
    """A hand of 21 points in a square of side 1 with its left side at x."""
    line = np.linspace(0.0, 1.0, 21)
    return SeenHand(np.stack((x + line, line, 0 * line), axis=1), presence, 0.9)


def region(x: float) -> Region:
    return Region(x + 0.5, 0.5, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("presence", "there", "unmatched"),
    [(0.5006, 0.5245, 0), (0.5245, 0.5006, 0), (0.53, 0.5245, 2)],
)
def test_a_tie_in_one_backend_is_one_in_the_other(
    presence: float, there: float, unmatched: int
) -> None:
    """Both see a hand in the same region, in other places: the probability of one is a tie."""
    hands = [hand(presence, 0.0)], [hand(there, 0.8)]
    located = Located([region(0.0)], [0.9]), Located([region(0.1)], [0.9])
    thresholds = {"score": 0.5, "presence": 0.5}
    ours, theirs = mark_tied(hands, located, thresholds, MARGIN)
    assert {h.tied for h in (*ours, *theirs)} == {unmatched == 0}
    found = compare_hands(ours, theirs, thresholds=thresholds, margin=MARGIN)
    assert found["hands", "unmatched"].value == unmatched


def test_a_tied_palm_ties_its_hand() -> None:
    hands = [hand(0.9, 0.0)], [hand(0.9, 5.0)]
    located = (
        Located([region(0.0)], [0.9]),
        Located([region(5.0)], [0.9], tied=frozenset({0})),
    )
    ours, theirs = mark_tied(hands, located, {"presence": 0.5}, MARGIN)
    assert [h.tied for h in (*ours, *theirs)] == [False, True]
