"""The rendered video: deterministic, any frame separately, hands that leave and come back."""

import itertools

import numpy as np
import pytest

from blazepalm.golden.sequence import absence, hand_at, pose_at, render_frame, sequence
from blazepalm.golden.skeleton import Pose

FRAMES = range(300)


def test_a_frame_is_the_same_in_any_company() -> None:
    size = (60, 80)
    alone = render_frame(1, size)
    together = list(sequence(2, size))
    assert len(together) == 2
    np.testing.assert_array_equal(alone.image, together[1].image)
    assert alone.image.shape == (60, 80, 3)
    assert (together[0].image != together[1].image).any()
    assert (render_frame(1, size, seed=1).image != alone.image).any()


def test_hands_leave_and_come_back() -> None:
    there = {side: [hand_at(f, side) is not None for f in FRAMES] for side in ("left", "right")}
    assert not there["right"][0] and there["left"][0]
    for seen in there.values():
        changes = sum(a != b for a, b in itertools.pairwise(seen))
        assert changes >= 2
    both = [a and b for a, b in zip(there["left"], there["right"], strict=True)]
    assert 100 < sum(both) < 290


def test_the_truth_names_who_is_there() -> None:
    assert [hand.handedness for hand in render_frame(0, (40, 50)).hands] == ["left"]
    assert [hand.handedness for hand in render_frame(60, (40, 50)).hands] == ["left", "right"]


@pytest.mark.parametrize("side", ["left", "right"])
def test_nothing_jumps(side: str) -> None:
    """Joints move by less than a tenth of the width between frames."""
    places = [hand_at(f, side) for f in FRAMES]
    steps = [
        abs(a.view.centre[0] - b.view.centre[0])
        for a, b in itertools.pairwise(places)
        if a is not None and b is not None
    ]
    assert 0.0 < max(steps) < 0.09
    assert all(0.0 <= absence(f, side) <= 1.0 for f in FRAMES)


def test_poses_are_human_all_the_way() -> None:
    poses = [pose_at(f) for f in FRAMES]  # a pose beyond human limits is refused
    assert all(isinstance(pose, Pose) for pose in poses)
    bends = [pose.index.pip for pose in poses]
    assert max(abs(a - b) for a, b in itertools.pairwise(bends)) < 12.0
