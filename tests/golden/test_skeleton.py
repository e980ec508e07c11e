"""Forward kinematics against arithmetic on paper."""

from itertools import pairwise

import numpy as np
import pytest

from blazepalm.golden.poses import POSES
from blazepalm.golden.skeleton import (
    BONES,
    CHAINS,
    JOINT_LIMITS,
    PALM_JOINTS,
    SHAPES,
    Finger,
    Pose,
    Thumb,
    pose_skeleton,
    rotation,
)


def test_there_are_21_joints_in_mediapipes_order() -> None:
    assert [joint for chain in CHAINS.values() for joint in chain] == list(range(1, 21))
    assert len(BONES) == 20
    assert BONES[:5] == ((0, 1), (1, 2), (2, 3), (3, 4), (0, 5))


@pytest.mark.parametrize("name", POSES)
def test_bones_keep_their_length_in_every_pose(name: str) -> None:
    joints = pose_skeleton(POSES[name]).joints
    assert joints.shape == (21, 3)
    for finger, chain in CHAINS.items():
        lengths = np.linalg.norm(np.diff(joints[list(chain)], axis=0), axis=1)
        np.testing.assert_allclose(lengths, SHAPES[finger].lengths, atol=1e-9)


@pytest.mark.parametrize("name", POSES)
def test_the_palm_does_not_move(name: str) -> None:
    palm = list(PALM_JOINTS)
    still = pose_skeleton(Pose()).joints[palm]
    np.testing.assert_array_equal(pose_skeleton(POSES[name]).joints[palm], still)


def test_a_straight_middle_finger_leans_by_its_resting_angle() -> None:
    joints = pose_skeleton(Pose()).joints
    way = joints[12] - joints[9]
    angle = np.deg2rad(SHAPES["middle"].rest)
    expected = sum(SHAPES["middle"].lengths) * np.array([np.sin(angle), np.cos(angle), 0.0])
    np.testing.assert_allclose(way, expected, atol=1e-9)


def test_a_knuckle_bent_by_90_degrees_points_out_of_the_palm() -> None:
    joints = pose_skeleton(Pose(middle=Finger(mcp=90))).joints
    np.testing.assert_allclose(joints[12] - joints[9], [0, 0, 94], atol=1e-6)


def test_bends_add_up_along_a_finger() -> None:
    first, second, third = SHAPES["middle"].lengths
    joints = pose_skeleton(Pose(middle=Finger(mcp=90, pip=90))).joints
    down = np.array([-np.sin(np.deg2rad(0.5)), -np.cos(np.deg2rad(0.5)), 0.0])
    np.testing.assert_allclose(
        joints[12] - joints[9], [0, 0, first] + (second + third) * down, atol=1e-6
    )


def test_spread_is_towards_the_thumb() -> None:
    wide = pose_skeleton(Pose(index=Finger(spread=20))).joints
    assert wide[8, 0] - pose_skeleton(Pose()).joints[8, 0] > 25
    assert wide[4, 0] > 0  # where the thumb is


@pytest.mark.parametrize("name", POSES)
def test_frames_are_right_handed_and_along_their_bones(name: str) -> None:
    skeleton = pose_skeleton(POSES[name])
    for frame in [*skeleton.frames, skeleton.forearm]:
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(frame) == pytest.approx(1.0)
    for chain in CHAINS.values():
        for parent, child in pairwise(chain):
            way = skeleton.joints[child] - skeleton.joints[parent]
            np.testing.assert_allclose(
                skeleton.frames[child][1], way / np.linalg.norm(way), atol=1e-9
            )


def test_rotation_turns_x_to_y_about_z() -> None:
    turned = rotation(np.array([0.0, 0.0, 1.0]), 90.0) @ [1.0, 0.0, 0.0]
    np.testing.assert_allclose(turned, [0, 1, 0], atol=1e-12)


def test_angles_that_no_hand_has_are_refused() -> None:
    low, high = JOINT_LIMITS["pip"]
    Pose(ring=Finger(pip=high))
    with pytest.raises(ValueError, match=r"ring\.pip is 116"):
        Pose(ring=Finger(pip=high + 1))
    with pytest.raises(ValueError, match=r"index\.pip is -6"):
        Pose(index=Finger(pip=low - 1))
    with pytest.raises(ValueError, match=r"thumb\.ip"):
        Pose(thumb=Thumb(ip=91))
    with pytest.raises(ValueError, match="wrist_flexion"):
        Pose(wrist_flexion=float("nan"))
