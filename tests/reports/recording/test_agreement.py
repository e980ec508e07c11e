"""Differences of one hand, against values worked out on paper."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from blazepalm.golden.mediapipe import RecordedHand
from blazepalm.reports.recording.agreement import (
    AGREEMENT_LIMITS,
    beyond,
    difference,
    distances,
    together,
)

POINTS = np.full((21, 3), 0.5, np.float32)


@dataclass(frozen=True)
class Found:
    landmarks: np.ndarray
    world_landmarks: np.ndarray | None
    handedness: float | None


def test_differences_on_paper() -> None:
    moved = POINTS.copy()
    moved[0] += (0.001, 0.0, 0.02)  # 1.28 of 1280 pixels across
    truth = RecordedHand(POINTS, POINTS, "Right", 0.75)
    found = difference(Found(moved, POINTS + 0.5, 0.25), truth, (720, 1280))
    assert found["most"] == pytest.approx(0.64, rel=1e-3)  # of an image 640 long
    assert found["mean"] == pytest.approx(0.64 / 21, rel=1e-3)
    rest = [found[name] for name in ("depth", "world", "handedness")]
    assert rest == pytest.approx([0.02, 0.5, 0.0], rel=1e-4)
    assert beyond(found, AGREEMENT_LIMITS) == ("most", "depth", "world")


def test_both_axes_count_in_pixels() -> None:
    there = np.array([[0.1, 0.2, 9.0]], np.float32)
    moved = there + np.array([[3 / 320, 4 / 240, 0.0]], np.float32)
    assert distances(moved, there, (240, 320)) == pytest.approx([10.0], rel=1e-4)  # 5 × 640 / 320


def test_what_only_one_of_them_says() -> None:
    size = (480, 640)
    assert difference(Found(POINTS, None, None), Found(POINTS, None, None), size) == dict.fromkeys(
        AGREEMENT_LIMITS, 0.0
    )
    one = difference(Found(POINTS, None, None), Found(POINTS, POINTS, 0.5), size)
    assert beyond(one, AGREEMENT_LIMITS) == ("world", "handedness")


def test_together_is_the_mean_of_means_and_the_largest_of_the_others() -> None:
    found = together(
        [{"mean": 1.0, "most": 2.0}, {"mean": 3.0, "most": 5.0}], {"mean": 0, "most": 0}
    )
    assert found == {"mean": 2.0, "most": 5.0}
    assert together([], AGREEMENT_LIMITS) == dict.fromkeys(AGREEMENT_LIMITS, 0.0)


def test_a_limit_itself_holds_and_nan_does_not() -> None:
    assert beyond({"most": 0.5}, {"most": 0.5}) == ()
    assert beyond({"most": 0.5001}, {"most": 0.5}) == ("most",)
    found = together([{"most": 0.1}, {"most": math.nan}], {"most": 0.5})
    assert beyond(found, {"most": 0.5}) == ("most",)
    with pytest.raises(KeyError):
        beyond({}, {"most": 0.5})
