"""Errors against the rendered truth, by arithmetic on paper."""

import numpy as np
import pytest

from blazepalm.reports.compare.truth import PALM_JOINTS, palm_errors, truth_scalars

# joint i lies at (i, 0): the fingers' bases, 5, 9, 13 and 17, are 11 from the wrist on average
JOINTS = np.stack((np.arange(21.0), np.zeros(21)), axis=1)
HAND = {"landmarks": JOINTS, "handedness": "left"}
KEYPOINTS = JOINTS[list(PALM_JOINTS)]


def palms(*shifts: float) -> np.ndarray:
    moved = [KEYPOINTS + np.array((0, shift)) for shift in shifts]
    return np.array(moved).reshape(-1, len(PALM_JOINTS), 2)


def test_a_palm_within_a_palm_size_is_found_and_the_nearest_counts() -> None:
    found = palm_errors([HAND], palms(11.5, 2.2, 5.5))
    assert (found["hands"], found["found"], found["false"]) == (1, 1, 2)
    assert found["joint_error"] == pytest.approx(2.2 / 11)


def test_two_hands_do_not_share_a_palm() -> None:
    low = {"landmarks": JOINTS + np.array((0, 8))}
    found = palm_errors([HAND, low], palms(3.3))
    assert (found["hands"], found["found"], found["false"]) == (2, 1, 0)
    assert found["joint_error"] == pytest.approx(3.3 / 11)


@pytest.mark.parametrize("shift", [np.nan, np.inf, 1e6])
def test_what_is_far_away_or_not_a_number_is_false(shift: float) -> None:
    found = palm_errors([HAND], palms(shift))
    assert (found["found"], found["false"], found["joint_error"]) == (0, 1, 0)


def test_nothing_found_and_nothing_there() -> None:
    assert palm_errors([HAND], palms())["found"] == 0
    assert palm_errors([], palms(0.0))["false"] == 1
    blind = truth_scalars(palm_errors([HAND], palms()), "palms")
    assert set(blind) == {("palms", "recall")} and blind["palms", "recall"].value == 0
    empty = truth_scalars(palm_errors([], palms(0.0)), "palms")
    assert set(empty) == {("palms", "precision")} and empty["palms", "precision"].value == 0
