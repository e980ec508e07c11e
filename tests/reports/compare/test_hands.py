"""Boxes and landmarks against values worked out on paper: matches, pixel errors, ties, flips."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.models.decode import intersection_over_union
from blazepalm.reports.compare.hands import (
    ListedHand,
    ListedTruth,
    Scalars,
    SeenHand,
    compare_detections,
    compare_hands,
    compare_landmarks,
)
from blazepalm.reports.compare.matching import Ties, match, points_box
from blazepalm.reports.compare.rows import MAX, MEAN, MIN, SUM
from blazepalm.reports.compare.truth import truth_errors

NONE = np.zeros((0, 4)), np.zeros(0)


def square(x: float, y: float, side: float = 0.2) -> list[float]:
    return [x, y, x + side, y + side]


def boxes(*corners: list[float], scores: list[float] | None = None) -> tuple[Any, Any]:
    found = np.array(corners, float).reshape(-1, 4)
    return found, np.array(scores if scores is not None else [0.9] * len(found))


def detections(reference: tuple[Any, Any], candidate: tuple[Any, Any]) -> Scalars:
    return compare_detections(
        reference, candidate, threshold=0.5, margin=0.02, pixels=(200.0, 100.0), ties=Ties()
    ).scalars


def value(found: Scalars, output: str, metric: str) -> float:
    return found[output, metric].value


def test_iou_on_paper() -> None:
    a = np.array([[0.0, 0, 2, 2], [5, 5, 5, 5]])
    b = np.array([[1.0, 0, 3, 2], [0, 0, 2, 2], [9, 9, 10, 10], [5, 5, 5, 5]])
    assert intersection_over_union(a[:, None], b).tolist() == [
        [2 / 6, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]


def test_boxes_turned_inside_out_overlap_nothing() -> None:
    inside_out = np.array([[2.0, 2, 0, 0]])
    assert intersection_over_union(inside_out[:, None], inside_out).tolist() == [[0.0]]


def test_the_assignment_is_not_greedy() -> None:
    """Boxes on a line. A (0..10) overlaps 1 (1..11) by 9/11 and 2 (-3..7) by 7/13; B (2..12)
    overlaps 1 by 9/11 and 2 hardly. Who takes A with 1 first is left with B and 2.
    """
    a, b = [0.0, 0, 10, 1], [2.5, 0, 12.5, 1]
    one, two = [1.0, 0, 11, 1], [-2.0, 0, 8, 1]
    overlap = intersection_over_union(np.array([a, b])[:, None], np.array([one, two]))
    assert overlap[0].argmax() == overlap[1].argmax() == 0, "both would have the first"
    found = match(np.array([a, b]), np.array([one, two]))
    assert [(r, c) for r, c, _ in found.pairs] == [(0, 1), (1, 0)]
    assert (found.missing, found.extra) == ((), ())


@given(st.permutations(range(4)))
def test_the_order_of_detections_does_not_matter(order: list[int]) -> None:
    known = np.array([square(0.3 * i, 0.1) for i in range(4)])
    found = match(known, known[order])
    assert sorted((r, order[c]) for r, c, _ in found.pairs) == [(i, i) for i in range(4)]


def test_boxes_that_hardly_overlap_are_of_different_hands() -> None:
    found = match(np.array([[0.0, 0, 1, 1]]), np.array([[0.6, 0, 1.6, 1]]))
    assert (found.pairs, found.missing, found.extra) == ((), (0,), (0,))


def test_nothing_against_nothing_and_nan() -> None:
    assert match(*(np.zeros((0, 4)),) * 2).pairs == ()
    lost = match(np.array([[0.0, 0, 1, 1]]), np.full((1, 4), np.nan))
    assert (lost.pairs, lost.missing, lost.extra) == ((), (0,), (0,))


def test_errors_of_a_box_are_pixels_of_the_input() -> None:
    found = detections(boxes([0.1, 0.1, 0.3, 0.3]), boxes([0.11, 0.1, 0.31, 0.32]))
    # moved 2 px right and grown 2 px down, so the centre moved 2 right and 1 down
    assert value(found, "boxes", "centre error") == pytest.approx(np.hypot(2, 1))
    assert value(found, "boxes", "size error") == pytest.approx(2.0)
    overlap = 0.19 * 0.20
    assert value(found, "boxes", "IoU") == pytest.approx(overlap / (0.04 + 0.044 - overlap))
    assert found["boxes", "IoU"].how == MIN and found["boxes", "size error"].how == MAX
    assert value(found, "detections", "unmatched") == 0


def test_the_worst_box_counts() -> None:
    reference = boxes(square(0.1, 0.1), square(0.6, 0.1), scores=[0.9, 0.8])
    candidate = boxes(square(0.6, 0.11), square(0.1, 0.1), scores=[0.81, 0.9])
    found = detections(reference, candidate)
    assert value(found, "boxes", "centre error") == pytest.approx(1.0)
    assert value(found, "score", "difference") == pytest.approx(0.01)
    assert value(found, "score", "margin to the threshold") == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("score", "counted"), [(0.9, 1), (0.5, 0), (0.519, 0), (0.521, 1), (0.481, 0), (0.479, 1)]
)
def test_a_detection_near_the_threshold_may_be_missing_or_extra(score: float, counted: int) -> None:
    one = boxes(square(0.1, 0.1), scores=[score])
    for reference, candidate in ((one, NONE), (NONE, one)):
        found = detections(reference, candidate)
        assert value(found, "detections", "unmatched") == counted
        assert value(found, "detections", "within the margin") == 1 - counted


def test_a_score_that_is_no_number_is_no_tie() -> None:
    found = detections(NONE, boxes(square(0.1, 0.1), scores=[float("nan")]))
    assert value(found, "detections", "unmatched") == 1


def test_means_over_shared_anchors_stand_for_boxes_that_ties_move() -> None:
    reference, candidate = boxes(square(0.1, 0.1)), boxes(square(0.15, 0.1))
    shared = {0: (np.array(square(0.1, 0.1)), np.array(square(0.1, 0.1)))}
    found = compare_detections(
        reference, candidate, threshold=0.5, margin=0.02, pixels=(200.0, 100.0), ties=Ties(shared)
    ).scalars
    assert value(found, "boxes", "IoU") == pytest.approx(1.0)
    assert value(found, "boxes", "centre error") == pytest.approx(0.0, abs=1e-12)
    assert value(found, "boxes", "means of other anchors by a tie") == 1
    assert value(detections(reference, candidate), "boxes", "IoU") < 0.7


def hand(**changed: Any) -> dict[str, Any]:
    """Landmarks on a line, a tenth of the crop apart, all in one plane."""
    points = np.zeros((21, 3), np.float32)
    points[:, 0] = np.arange(21) / 20
    known: dict[str, Any] = {
        "landmarks": points,
        "presence": np.float32(0.9),
        "handedness": np.float32(0.8),
        "world_landmarks": np.zeros((21, 3), np.float32),
    }
    return {**known, **changed}


def landmarks(reference: dict[str, Any], candidate: dict[str, Any]) -> Scalars:
    return compare_landmarks(
        reference,
        candidate,
        pixels=(100.0, 200.0),
        thresholds={"presence": 0.5, "handedness": 0.5},
        margin=0.02,
    )


def test_landmarks_on_paper() -> None:
    moved = hand()["landmarks"].copy()
    moved[3] += (0.03, 0.02, 0.05)  # 3 px right, 4 px down, 5 px of the width deeper
    found = landmarks(hand(), hand(landmarks=moved))
    assert value(found, "landmarks", "largest error") == pytest.approx(5.0, rel=1e-5)
    assert value(found, "landmarks", "mean error") == pytest.approx(5 / 21, rel=1e-5)
    assert found["landmarks", "mean error"].how == MEAN
    assert value(found, "landmarks z", "largest error") == pytest.approx(5.0, rel=1e-5)
    # wrist at 0, bases of the fingers at 25, 45, 65 and 85 px: 55 on average
    assert value(found, "landmarks", "error by palm size") == pytest.approx(5 / 55, rel=1e-5)
    assert value(found, "landmarks", "p95 error") == 0.0


def test_world_landmarks_are_millimetres_in_space() -> None:
    moved = np.zeros((21, 3), np.float32)
    moved[20] = (0.002, 0.003, 0.006)
    found = landmarks(hand(), hand(world_landmarks=moved))
    assert value(found, "world_landmarks", "largest error") == pytest.approx(7.0, rel=1e-5)


@pytest.mark.parametrize(
    ("before", "after", "flips"),
    [
        (0.9, 0.95, 0),
        (0.9, 0.4, 1),
        (0.4, 0.6, 1),
        (0.51, 0.49, 0),
        (0.515, 0.1, 0),
        (0.53, 0.4, 1),
    ],
)
def test_a_decision_flips_unless_it_was_a_tie(before: float, after: float, flips: int) -> None:
    found = landmarks(hand(handedness=before), hand(handedness=after))
    assert value(found, "handedness", "flips") == flips
    assert value(found, "handedness", "difference") == pytest.approx(abs(after - before))
    assert value(found, "presence", "flips") == 0 and found["presence", "flips"].how == SUM


def test_nan_is_the_worst_that_can_be() -> None:
    lost = hand(presence=np.float32("nan"), landmarks=np.full((21, 3), np.nan, np.float32))
    found = landmarks(hand(), lost)
    assert value(found, "presence", "flips") == 1
    assert np.isnan(value(found, "presence", "difference"))
    assert np.isnan(value(found, "landmarks", "largest error"))


def test_what_a_release_does_not_have_is_not_compared() -> None:
    old = hand(handedness=None, world_landmarks=None)
    found = landmarks(old, old)
    assert {output for output, _ in found} == {"landmarks", "landmarks z", "presence"}


def in_image(shift: float = 0.0, **changed: Any) -> SeenHand:
    points = np.stack((np.arange(21.0) * 10 + shift, np.arange(21.0) * 5, np.zeros(21)), axis=1)
    return SeenHand(points, **{"presence": 0.9, "score": 0.9, **changed})


def listed(hand: SeenHand) -> ListedHand:
    box = tuple(points_box(hand.landmarks).tolist())
    return ListedHand(box, hand.score, hand.landmarks, hand.presence, hand.handedness)


def hands(reference: list[SeenHand], candidate: list[SeenHand]) -> Scalars:
    return compare_hands(
        reference, candidate, thresholds={"score": 0.5, "presence": 0.6}, margin=0.02
    )


def test_hands_in_the_image_are_matched_by_place() -> None:
    found = hands([in_image(), in_image(1000)], [in_image(1003), in_image()])
    assert value(found, "hands", "unmatched") == 0
    assert value(found, "landmarks", "largest error") == pytest.approx(3.0)
    assert value(found, "landmarks", "mean error") == pytest.approx(1.5)
    assert points_box(in_image(7).landmarks).tolist() == [7, 0, 207, 100]


@pytest.mark.parametrize(
    ("alone", "counted"),
    [({}, 1), ({"score": 0.51}, 0), ({"presence": 0.59}, 0), ({"presence": 0.5}, 1)],
)
def test_a_hand_that_a_tie_decided_may_be_alone(alone: dict[str, float], counted: int) -> None:
    one = [in_image(**alone)]
    for reference, candidate in ((one, []), ([], one)):
        found = hands(reference, candidate)
        assert value(found, "hands", "unmatched") == counted
        assert value(found, "hands", "within the margin") == 1 - counted


def test_against_the_truth() -> None:
    truth = [
        ListedTruth((0.0,) * 4, in_image(shift).landmarks[:, :2], side)
        for shift, side in ((0, "right"), (1000, "left"))
    ]
    found = [listed(in_image(11, handedness=0.9)), listed(in_image(5000, handedness=0.1))]
    values = truth_errors(truth, found)
    assert (values["hands"], values["found"], values["false"]) == (2, 1, 1)
    # bases of the fingers lie 5, 9, 13 and 17 steps of √125 from the wrist: 11 on average
    assert values["joint_error"] == pytest.approx(11 / (11 * np.sqrt(125)))
    assert (values["joints_of"], values["handedness_told"], values["handedness_right"]) == (1, 1, 1)
