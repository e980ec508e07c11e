"""Distances to cones and their unions against arithmetic on paper."""

import numpy as np
import pytest

from blazepalm.golden.distance import (
    Cones,
    Points,
    combine,
    hand_distance,
    local,
    local_distances,
    pack,
    smooth_min,
    smooth_union,
)
from blazepalm.golden.poses import POSES
from blazepalm.golden.skeleton import pose_skeleton
from blazepalm.golden.surface import Cone, build_surface

UPRIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def points(*rows: tuple[float, float, float]) -> Points:
    x, y, z = np.array(rows, np.float32).T
    return x, y, z


def cone(part: str = "palm", start: tuple[float, float, float] = (0, 0, 0), **more: object) -> Cone:
    values = {"start": start, "frame": UPRIGHT, "length": 40.0, "radii": (10.0, 6.0), "part": part}
    return Cone(**{**values, **more})  # type: ignore[arg-type]


def one(model: Cone, where: Points) -> np.ndarray:
    cones = pack([model])
    return local_distances(cones, local(cones, where))[0]


def test_a_cone_is_a_ball_at_either_end() -> None:
    found = one(cone(), points((0, -15, 0), (0, 50, 0), (3, -4, 0)))
    np.testing.assert_allclose(found, [5, 4, -5], atol=1e-5)


def test_its_radius_falls_from_end_to_end_and_bulges_between() -> None:
    where = points((20, 0, 0), (20, 20, 0), (0, 40, 20))
    np.testing.assert_allclose(one(cone(), where), [10, 12, 14], atol=1e-5)
    # 4 · bulge · t · (1 − t): all of it in the middle, none at the ends
    np.testing.assert_allclose(one(cone(bulge=2.0), where), [10, 10, 14], atol=1e-5)


def test_a_flattened_cone_is_nearer_where_it_is_thin() -> None:
    flat = cone(flat=(1.0, 0.5), radii=(10.0, 10.0))
    np.testing.assert_allclose(one(flat, points((10, 20, 0), (0, 20, 5))), [0, 0], atol=1e-5)
    outside = one(flat, points((0, 20, 15)))
    assert 0 < outside[0] <= 10.0 + 1e-5  # 10 mm; never longer than true


def test_a_turned_and_shifted_cone() -> None:
    turned = cone(start=(5, 5, 5), frame=((0, 1, 0), (0, 0, 1), (1, 0, 0)))  # along z
    np.testing.assert_allclose(one(turned, points((5, 5, -10), (25, 5, 5))), [5, 10], atol=1e-5)


def test_smooth_min_is_the_least_but_for_a_quadratic_near_a_tie() -> None:
    a, b = np.array([1, 5, 3, 3], np.float32), np.array([9, 5, 4, 3.5], np.float32)
    # |a − b| of 8, 0, 1, 0.5; blend 2 takes (2 − |a − b|)² / 8 where positive
    np.testing.assert_allclose(
        smooth_min(a, b, 2.0), [1, 5 - 0.5, 3 - 0.125, 3 - 0.28125], atol=1e-6
    )
    assert smooth_min(None, b, 2.0) is b


def test_smooth_union_of_two_at_a_tie_and_far_from_it() -> None:
    rows = np.array([[5, 1], [5, 9]], np.float32)
    # at a tie the excess of 1 saturates: 1 / (1·swell + 1 − swell) = 1, so blend / 4
    np.testing.assert_allclose(smooth_union(rows, 2.0, 0.4), [4.5, 1.0], atol=1e-6)


def test_smooth_union_does_not_mind_the_order() -> None:
    rows = np.random.Generator(np.random.PCG64(0)).random((5, 300), np.float32) * 6
    np.testing.assert_allclose(smooth_union(rows, 4.0), smooth_union(rows[::-1], 4.0), atol=1e-5)
    assert (smooth_union(rows, 4.0) <= rows.min(axis=0) + 1e-6).all()
    assert (smooth_union(rows, 4.0) >= rows.min(axis=0) - 4.0).all()


def test_a_fingers_end_does_not_melt_into_the_palm_but_its_root_does() -> None:
    palm, apart = cone("palm"), (24.0, 0.0, 0.0)
    middle = points((12, 0, 0))  # 2 mm from both
    for part, blend in (("root", 7.0), ("finger", 1.0)):
        both = pack([palm, cone(part, apart, finger=1, joint=6, radii=(10.0, 6.0))])
        bridge = 2.0 - blend / 4
        np.testing.assert_allclose(hand_distance(both, middle), [bridge], atol=1e-5)


@pytest.fixture(scope="module")
def hand() -> Cones:
    return pack(build_surface(pose_skeleton(POSES["open"])))


def test_every_joint_of_a_hand_is_inside_it(hand: Cones) -> None:
    joints = pose_skeleton(POSES["open"]).joints
    assert (hand_distance(hand, points(*map(tuple, joints))) < -3.0).all()


def test_distances_grow_by_no_more_than_the_way_gone(hand: Cones) -> None:
    """The assumption of sphere tracing, checked along random short steps outside the hand."""
    random = np.random.Generator(np.random.PCG64(1))
    start = random.uniform((-60, -40, -40), (90, 220, 60), (4000, 3)).astype(np.float32)
    way = random.normal(size=(4000, 3)).astype(np.float32)
    way *= 2.0 / np.linalg.norm(way, axis=1, keepdims=True)
    before = hand_distance(hand, points(*map(tuple, start)))
    after = hand_distance(hand, points(*map(tuple, start + way)))
    steep = np.abs(after - before) / 2.0
    assert (before > 0).sum() > 1000
    assert steep[before > 0].max() < 1.25
    assert np.percentile(steep[before > 0], 95) < 1.05


def test_a_subset_of_cones_gives_the_same_where_the_others_are_far(hand: Cones) -> None:
    tip = pose_skeleton(POSES["open"]).joints[12]
    near = np.array([c.finger == 2 for c in hand.cones])
    where = points(tuple(tip + np.array([8, 0, 0])), tuple(tip + np.array([0, 9, 3])))
    np.testing.assert_array_equal(hand_distance(hand.only(near), where), hand_distance(hand, where))


def test_combining_nothing_is_an_error(hand: Cones) -> None:
    with pytest.raises(ValueError, match="no cone"):
        pack([])
    with pytest.raises(ValueError, match="no cone"):
        combine(hand.only(np.zeros(len(hand), bool)), np.zeros((0, 3), np.float32))
