"""Drawings lie where the points are, in the shade of their depth; nothing else changes; every size
works.
"""

from itertools import pairwise

import numpy as np
import pytest

from blazepalm.reports.hands.draw import (
    BOX_COLOUR,
    FINGERS,
    PALM_COLOUR,
    DrawnHand,
    draw_hands,
    in_pixels,
    line_width,
    nearness,
    shade,
)

GREY = np.full((240, 320, 3), 120, np.uint8)


def landmarks() -> np.ndarray:
    """An open hand: wrist below, fingers fanned out above."""
    points = np.zeros((21, 3))
    points[0] = (160, 200, 0)
    for finger in range(5):
        for step in range(4):
            points[1 + 4 * finger + step] = (80 + 40 * finger, 130 - 30 * step, 0)
    return points


def test_joints_have_their_fingers_colour() -> None:
    points = landmarks()
    drawn = draw_hands(GREY, [DrawnHand(landmarks=points)])
    for chain, colour in FINGERS.values():
        for joint in chain:
            x, y = points[joint, :2].astype(int)
            assert drawn[y, x].tolist() == list(colour)
    assert drawn[200, 160].tolist() == list(PALM_COLOUR)


def test_bones_run_between_joints() -> None:
    points = landmarks()
    drawn = draw_hands(GREY, [DrawnHand(landmarks=points)])
    for chain, colour in FINGERS.values():
        for a, b in pairwise(chain):
            x, y = ((points[a] + points[b]) / 2)[:2].astype(int)
            assert drawn[y, x].tolist() == list(colour)


def test_the_rest_of_the_picture_and_the_input_stay() -> None:
    image = GREY.copy()
    box = np.array([100.0, 80.0, 220.0, 180.0])
    drawn = draw_hands(image, [DrawnHand(box=box, landmarks=landmarks(), label="right 0.99")])
    np.testing.assert_array_equal(image, GREY)
    np.testing.assert_array_equal(drawn[230:], GREY[230:])
    np.testing.assert_array_equal(drawn[:, 280:], GREY[:, 280:])
    assert drawn.shape == GREY.shape and drawn.dtype == np.uint8


def test_a_box_has_strong_corners_and_faint_sides() -> None:
    drawn = draw_hands(GREY, [DrawnHand(box=np.array([100.5, 80.5, 220.5, 180.5]))]).astype(int)
    full, none = np.array(BOX_COLOUR), np.array([120, 120, 120])
    assert np.abs(drawn[80, 104] - full).max() < 20
    side = drawn[80, 160]
    assert np.abs(side - full).max() > 20 and np.abs(side - none).max() > 20
    np.testing.assert_array_equal(drawn[130, 160], none)


def hue(pixel: np.ndarray) -> list[int]:
    """The order of the channels by strength, which every shade preserves."""
    return np.argsort(pixel.astype(int)).tolist()


def test_nearer_bones_lie_over_further_ones() -> None:
    points = landmarks()
    index = points[6].copy()
    points[10] = index  # two joints on one spot
    for near, far, finger in ((10, 6, "middle"), (6, 10, "index")):
        points[near, 2], points[far, 2] = -5.0, 5.0
        drawn = draw_hands(GREY, [DrawnHand(landmarks=points)])
        assert hue(drawn[int(index[1]), int(index[0])]) == hue(np.array(FINGERS[finger][1]))


def test_the_first_hand_is_on_top() -> None:
    """Two hands, one's thumb tip on the other's middle finger tip."""
    first, second = landmarks(), landmarks()
    second += first[4] - second[12]
    x, y = first[4, :2].astype(int)
    for hands, finger in (((first, second), "thumb"), ((second, first), "middle")):
        drawn = draw_hands(GREY, [DrawnHand(landmarks=points) for points in hands])
        assert drawn[y, x].tolist() == list(FINGERS[finger][1])


def test_the_nearer_the_lighter_and_larger() -> None:
    near, middle, far = 8, 12, 16  # tips of index, middle and ring finger
    points = landmarks()
    points[near, 2], points[far, 2] = -60.0, 60.0
    drawn = draw_hands(GREY, [DrawnHand(landmarks=points)]).astype(int)
    flat = draw_hands(GREY, [DrawnHand(landmarks=landmarks())]).astype(int)
    spots = {joint: tuple(points[joint, 1::-1].astype(int)) for joint in (near, middle, far)}
    assert drawn[spots[near]].sum() > flat[spots[near]].sum() + 30
    assert drawn[spots[far]].sum() < flat[spots[far]].sum() - 30
    assert drawn[spots[middle]].tolist() == flat[spots[middle]].tolist()

    def area(joint: int) -> int:
        y, x = spots[joint]
        return int((drawn[y - 15 : y, x - 15 : x + 15] != GREY[0, 0]).any(axis=2).sum())

    assert area(near) > area(middle) > area(far) > 0


def test_nearness_and_shade() -> None:
    points = landmarks()
    half = 60.0  # of the palm's longest side, index base (120, 130) to pinky base (240, 130)
    points[:, 2] = 10.0
    assert nearness(points).tolist() == [0.0] * 21
    assert nearness(points[:, :2]).tolist() == [0.0] * 21
    points[4, 2], points[8, 2] = 10.0 - half, 10.0 + half
    assert nearness(points)[[4, 8, 0]] == pytest.approx([1.0, -1.0, 0.0])
    points[:, 2] *= 100
    assert np.abs(nearness(points)).max() == 1.0
    assert shade((100, 0, 255), 0.0) == (100, 0, 255)
    assert shade((100, 0, 255), 1.0) == (170, 115, 255)  # 45 % of the way to white
    assert shade((100, 0, 255), -0.5) == (79, 0, 201)  # 21 % of the way to black


def test_no_hand_is_a_copy() -> None:
    drawn = draw_hands(GREY, [])
    np.testing.assert_array_equal(drawn, GREY)
    assert drawn is not GREY


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (16, 16), (31, 17)])
def test_any_size(size: tuple[int, int]) -> None:
    scale = np.array([size[1] / 320, size[0] / 240, 1])
    hand = DrawnHand(np.array([0, 0, *size[::-1]]), landmarks() * scale, None, "left 0.51")
    assert draw_hands(np.zeros((*size, 3), np.uint8), [hand]).shape == (*size, 3)


def test_lines_grow_with_the_hand() -> None:
    points = landmarks()
    assert line_width(points * 4, 1200) == pytest.approx(4 * line_width(points, 300))
    assert line_width(points * 1e-3, 300) == 1.0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_points_that_are_nowhere_are_left_out(wrong: float) -> None:
    points, box = landmarks(), np.array([10.0, 10.0, 50.0, 50.0])
    points[7, 1] = wrong
    box[2] = wrong
    drawn = draw_hands(GREY, [DrawnHand(box, points, np.full((7, 2), wrong), "x")])
    np.testing.assert_array_equal(drawn, GREY)


def test_points_outside_the_picture() -> None:
    hand = DrawnHand(np.array([-500, -500, 900, 900.0]), landmarks() * 5 - 600, label="right")
    assert draw_hands(GREY, [hand]).shape == GREY.shape


def test_the_label_is_written_above_the_hand_or_below_it() -> None:
    high, low = np.array([100.0, 2.0, 200.0, 60.0]), np.array([100.0, 150.0, 200.0, 210.0])
    for box, rows in ((high, slice(63, 90)), (low, slice(120, 149))):
        plain = draw_hands(GREY, [DrawnHand(box)])
        labelled = draw_hands(GREY, [DrawnHand(box, label="right 0.97")])
        changed = (plain != labelled).any(axis=2)
        assert changed[rows].sum() > 200
        assert changed.sum() == changed[rows].sum()


def test_in_pixels() -> None:
    hand = in_pixels((100, 200), [0.1, 0.2, 0.3, 0.4], np.full((21, 3), 0.5), None, "left")
    assert hand.box is not None and hand.landmarks is not None
    np.testing.assert_allclose(hand.box, [20, 20, 60, 40])
    np.testing.assert_allclose(hand.landmarks[0], [100, 50, 100])
    assert hand.keypoints is None
    assert hand.label == "left"


def test_other_arrays_are_refused() -> None:
    for image in (GREY[..., 0], GREY.astype(np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected H×W×3 uint8"):
            draw_hands(image, [])
