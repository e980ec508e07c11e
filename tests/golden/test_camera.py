"""Projection against arithmetic on paper, and rays against projection."""

import numpy as np
import pytest

from blazepalm.golden.camera import View, place_camera
from blazepalm.golden.skeleton import PALM_JOINTS, PALM_LENGTH, Pose, pose_skeleton

SKELETON = pose_skeleton(Pose())
MIDDLE = SKELETON.joints[list(PALM_JOINTS)].mean(axis=0)


def test_the_palms_middle_falls_on_the_views_centre() -> None:
    camera = place_camera(View(30, 20, 10, centre=(0.25, 0.75)), SKELETON, (480, 640), False)
    np.testing.assert_allclose(camera.project(MIDDLE[None]), [[160, 360]], atol=1e-6)


def test_scale_is_palm_length_over_the_short_side() -> None:
    camera = place_camera(View(scale=0.25), SKELETON, (480, 640), False)
    up = MIDDLE + np.array([0, PALM_LENGTH, 0])
    (x0, y0), (x1, y1) = camera.project(np.stack([MIDDLE, up]))
    assert (x1 - x0, y0 - y1) == pytest.approx((0, 120))
    distance = 240 / np.tan(np.deg2rad(15)) * PALM_LENGTH / 120  # mm
    assert camera.to_camera(MIDDLE[None])[0] == pytest.approx([0, 0, distance / 1000])


@pytest.mark.parametrize(
    ("view", "way"),
    [
        (View(), (1, 0)),  # the thumb of a right hand's palm is at the right
        (View(yaw=180), (-1, 0)),
        (View(roll=90), (0, 1)),  # clockwise: right becomes down
        (View(roll=-90), (0, -1)),
    ],
)
def test_turns(view: View, way: tuple[int, int]) -> None:
    camera = place_camera(view, SKELETON, (400, 400), False)
    start, end = camera.project(np.stack([MIDDLE, MIDDLE + np.array([10, 0, 0])]))
    moved = (end - start) / np.linalg.norm(end - start)
    np.testing.assert_allclose(moved, way, atol=1e-6)


def test_pitch_tips_the_fingers_towards_the_camera() -> None:
    camera = place_camera(View(pitch=30), SKELETON, (400, 400), False)
    tip, wrist = camera.to_camera(SKELETON.joints[[12, 0]])
    assert tip[2] < wrist[2]


def test_a_left_hand_is_the_mirror_image() -> None:
    right = place_camera(View(25, 10, 40, centre=(0.5, 0.5)), SKELETON, (300, 500), False)
    left = place_camera(View(-25, 10, -40, centre=(0.5, 0.5)), SKELETON, (300, 500), True)
    mirrored = left.project(SKELETON.joints)
    mirrored[:, 0] = 500 - mirrored[:, 0]
    np.testing.assert_allclose(mirrored, right.project(SKELETON.joints), atol=1e-9)


@pytest.mark.parametrize("left", [False, True])
def test_rays_go_through_what_projects_to_their_pixel(left: bool) -> None:
    camera = place_camera(View(40, -20, 75, 0.3), SKELETON, (480, 640), left)
    u, v = camera.project(SKELETON.joints).astype(np.float32).T
    direction = np.stack(camera.directions(u, v), axis=1)
    way = SKELETON.joints - camera.origin
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(
        direction, way / np.linalg.norm(way, axis=1, keepdims=True), atol=1e-6
    )


def test_views_that_show_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="scale is 0"):
        View(scale=0.0)
    with pytest.raises(ValueError, match="field_of_view"):
        View(field_of_view=170)
