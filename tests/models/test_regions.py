"""Regions, projections and overlaps on paper; the tracking region against MediaPipe's maths
written out point by point.
"""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from blazepalm.models.generation import RegionRule
from blazepalm.models.regions import (
    Region,
    distinct,
    normalise_radians,
    overlap,
    project_landmarks,
    project_world,
    region_from_landmarks,
    region_from_palm,
)
from blazepalm.models.release_registry import load_registry

SIZE = (400, 800)  # height, width
F = np.float32
GENERATIONS = load_registry().generations
PALM = GENERATIONS["palm-2021-11"].roi
TRACKING = GENERATIONS["hand-2020-11"].roi


def palm(box: list[float], wrist: list[float], middle: list[float]) -> Region:
    keypoints = np.full((7, 2), np.nan, F)  # the others must not matter
    keypoints[0], keypoints[2] = wrist, middle
    return region_from_palm(np.array(box, F), keypoints, SIZE, PALM)


def test_an_upright_palm() -> None:
    # 80 × 120 pixels about (400, 200): half of 120 upwards, 2.6 × 120 on both sides
    region = palm([0.45, 0.35, 0.55, 0.65], [0.5, 0.65], [0.5, 0.35])
    assert region.rotation == pytest.approx(0.0, abs=1e-6)
    assert (region.x_center, region.y_center) == pytest.approx((0.5, (200 - 60) / 400))
    assert (region.width, region.height) == pytest.approx((312 / 800, 312 / 400))


def test_a_palm_pointing_right() -> None:
    # 90° clockwise: what was upwards is now to the right
    region = palm([0.45, 0.4, 0.55, 0.6], [0.45, 0.5], [0.55, 0.5])
    assert region.rotation == pytest.approx(math.pi / 2)
    assert region.x_center * 800 == pytest.approx(400 + 40)
    assert region.y_center * 400 == pytest.approx(200)


def test_the_angle_is_one_of_pixels_not_of_fractions() -> None:
    # 80 right and 80 up in pixels is 0.1 and 0.2 of the image
    region = palm([0.4, 0.4, 0.5, 0.6], [0.4, 0.6], [0.5, 0.4])
    assert region.rotation == pytest.approx(math.pi / 4)


def test_the_size_of_a_float64_box_is_exact() -> None:
    """0.7 + 0.1 in float32 would not give 0.1 back."""
    low, size = F(0.7), F(0.1)
    box = np.array([low, low, float(low) + float(size), float(low) + float(size)])
    keypoints = np.array([[0.7, 0.8]] * 3, F)
    rule = RegionRule(0, ((2, 1.0),), 90.0, (1.0, 1.0), (0.0, 0.0))
    assert region_from_palm(box, keypoints, (100, 100), rule).width == float(size)
    assert region_from_palm(box.astype(F), keypoints, (100, 100), rule).width != float(size)


@pytest.mark.parametrize(
    ("angle", "expected"),
    [
        (0, 0),
        (math.pi, -math.pi),
        (-math.pi, -math.pi),
        (7, 7 - 2 * math.pi),
        (-4, 2 * math.pi - 4),
    ],
)
def test_normalise_radians(angle: float, expected: float) -> None:
    found = normalise_radians(F(angle))
    assert math.cos(found - expected) == pytest.approx(1.0)
    assert -math.pi - 1e-6 <= found < math.pi + 1e-6


def written_out(points: NDArray[np.float64], size: tuple[int, int]) -> tuple[float, ...]:
    """hand_landmarks_to_rect_calculator.cc and a scale of 2, a shift of −0.1: in float64."""
    height, width = size
    bases = (points[5] + points[13]) / 2
    aim = (bases + points[9]) / 2
    rotation = math.pi / 2 - math.atan2(
        -(aim[1] - points[0, 1]) * height, (aim[0] - points[0, 0]) * width
    )
    stable = [points[i] * [width, height] for i in (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)]
    cos, sin = math.cos(rotation), math.sin(rotation)
    along = [x * cos + y * sin for x, y in stable]
    down = [-x * sin + y * cos for x, y in stable]
    middle = ((max(along) + min(along)) / 2, (max(down) + min(down)) / 2)
    wide, tall = max(along) - min(along), max(down) - min(down)
    middle = (middle[0], middle[1] - 0.1 * tall)
    x, y = middle[0] * cos - middle[1] * sin, middle[0] * sin + middle[1] * cos
    side = 2 * max(wide, tall)
    return x / width, y / height, side / width, side / height, rotation


@pytest.mark.parametrize("seed", range(4))
def test_a_tracked_hand(seed: int) -> None:
    random = np.random.Generator(np.random.PCG64(seed))
    points = random.uniform(0.2, 0.8, (21, 3))
    points[[4, 7, 8, 11, 12, 15, 16, 19, 20]] = np.nan  # what moves most must not matter
    found = region_from_landmarks(points.astype(F), SIZE, TRACKING)
    expected = written_out(points[:, :2], SIZE)
    values = (found.x_center, found.y_center, found.width, found.height)
    assert values == pytest.approx(expected[:4], abs=1e-5)
    assert math.cos(found.rotation - expected[4]) == pytest.approx(1.0)


def test_an_older_generation_measures_upright() -> None:
    """2019-08: the box of all landmarks, then rotated; scaled by 1.6, not shifted."""
    points = np.full((21, 3), 0.5, F)
    points[0], points[9], points[20] = (0.4, 0.5, 0), (0.6, 0.5, 0), (0.5, 0.7, 0)
    found = region_from_landmarks(points, SIZE, GENERATIONS["hand-2019-08"].roi)
    assert found.rotation == pytest.approx(math.pi / 2)  # it points to the right
    assert (found.x_center, found.y_center) == pytest.approx((0.5, 0.6))
    side = 1.6 * max(0.2 * 800, 0.2 * 400)
    assert (found.width, found.height) == pytest.approx((side / 800, side / 400))


def test_which_generations_measure_along_the_turned_axes() -> None:
    hands = {name: g.roi for name, g in GENERATIONS.items() if g.family == "hand"}
    assert {name for name, rule in hands.items() if rule.turned} == {"hand-2020-11"}
    assert all(rule.box for rule in hands.values() if rule.turned)
    assert all(g.roi.square_long for g in GENERATIONS.values())


def test_projection() -> None:
    region = Region(0.5, 0.25, 0.25, 0.5, math.pi / 2)  # 200 × 200 pixels about (400, 100)
    points = np.array([[0.5, 0.5, 1.0], [0.5, 0.0, 0.0], [1.0, 0.5, -0.5]], F)
    # a quarter turn clockwise: up becomes right, right becomes down; z in image widths
    expected = [
        [400 / 800, 100 / 400, 0.25],
        [500 / 800, 100 / 400, 0],
        [400 / 800, 200 / 400, -0.125],
    ]
    found = project_landmarks(points, region)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_world_landmarks_turn_too() -> None:
    region = Region(0.1, 0.2, 1, 1, math.pi / 2)
    found = project_world(np.array([[0.0, -1.0, 3.0]], F), region)
    np.testing.assert_allclose(found, [[1.0, 0.0, 3.0]], atol=1e-6)


def test_of_two_regions_of_one_hand_the_later_stays() -> None:
    first, second = Region(0.3, 0.5, 0.2, 0.2, 0.0), Region(0.32, 0.5, 0.2, 0.2, 1.0)  # IoU 0.82
    third = Region(0.4, 0.5, 0.2, 0.2, 0.0)  # IoU with the second 0.43
    assert distinct([first, second, third]) == [1, 2]
    assert distinct([]) == []
    assert overlap(first, second) == pytest.approx(0.18 / 0.22)
    assert overlap(first, Region(0.9, 0.5, 0.2, 0.2, 0.0)) == 0.0
    half = Region(0.5, 0.5, 0.5, 0.25, 0.0)
    assert distinct([Region(0.5, 0.5, 0.5, 0.5, 0.0), half]) == [0, 1]  # 0.5 is not above 0.5


def test_a_region_of_nothing() -> None:
    assert Region(0.5, 0.5, 0.1, 0.1, 0.0).proper
    assert not Region(0.5, 0.5, 0.0, 0.1, 0.0).proper
    assert not Region(float("nan"), 0.5, 0.1, 0.1, 0.0).proper
