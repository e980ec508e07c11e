"""Regions and hands as tensors, on paper and against the pipeline's own functions, one by one."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blazepalm.models import regions, tasks
from blazepalm.models.batched import landmarks
from blazepalm.models.batched.regions import (
    Regions,
    distinct,
    image_extent,
    project_landmarks,
    project_world,
    regions_from_palms,
)
from blazepalm.models.c_math import ROUNDED
from blazepalm.models.crop import widened
from blazepalm.models.regions import Region
from blazepalm.models.release_registry import load_registry

F = np.float32
SIZE = (400, 800)  # height, width
CPU = torch.device("cpu")
REGISTRY = load_registry()
RULES = (REGISTRY.generations["palm-2021-11"].roi, REGISTRY.tasks["palm"])
SEEDS = st.integers(0, 2**32)


def random_of(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def as_regions(values: np.ndarray) -> Regions:
    """(…, 5) → regions."""
    return Regions(*torch.from_numpy(values.astype(F)).unbind(dim=-1))


def listed(values: np.ndarray) -> list[Region]:
    return [Region(*row) for row in values.astype(F).tolist()]


def test_a_palm_pointing_right() -> None:
    """80 × 80 pixels about (400, 200): 90° clockwise, half of 80 to the right, 2.6 × 80 wide."""
    keypoints = torch.full((1, 1, 7, 2), 0.5)
    keypoints[..., 0, :], keypoints[..., 2, :] = torch.tensor([[0.45, 0.5], [0.55, 0.5]])
    low, extent = torch.tensor([[[0.45, 0.4]]]), torch.tensor([[[0.1, 0.2]]])
    size = image_extent(SIZE, CPU)
    found = regions_from_palms(low, extent, keypoints, size, RULES[0])
    assert found.rotation.item() == pytest.approx(math.pi / 2)
    assert found.x_center.item() * 800 == pytest.approx(400 + 40)
    assert found.y_center.item() * 400 == pytest.approx(200)
    assert (found.width.item() * 800, found.height.item() * 400) == pytest.approx((208, 208))
    assert found.proper.all()


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(RULES))
def test_regions_are_equal_to_the_last_bit(seed: int, rule: object) -> None:
    """With the functions of the rule `tasks`, which are rounded correctly, as here."""
    random = random_of(seed)
    low, extent = random.uniform(-0.2, 1, (3, 4, 2)), random.uniform(0, 0.5, (3, 4, 2))
    keypoints = random.uniform(-0.2, 1.2, (3, 4, 7, 2))
    low, extent, keypoints = low.astype(F), extent.astype(F), keypoints.astype(F)
    given_size = tuple(random.integers(1, 4000, 2).tolist())
    found = regions_from_palms(
        *map(torch.from_numpy, (low, extent, keypoints)),
        image_extent(given_size, CPU),
        rule,  # type: ignore[arg-type]
    )
    for number in np.ndindex(3, 4):
        wide = low[number].astype(np.float64)
        box = np.concatenate((wide, wide + extent[number]))
        expected = regions.region_from_palm(box, keypoints[number], given_size, rule, ROUNDED)  # type: ignore[arg-type]
        assert Region(*(values[number].item() for values in found)) == expected


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_points_come_back_equal_to_the_last_bit(seed: int) -> None:
    random = random_of(seed)
    values = random.uniform(-0.3, 1.5, (4, 5))
    points = random.uniform(-0.5, 1.5, (4, 21, 3)).astype(F)
    given_regions = as_regions(values)
    found = project_landmarks(torch.from_numpy(points), given_regions)
    world = project_world(torch.from_numpy(points), given_regions)
    for number, region in enumerate(listed(values)):
        expected = regions.project_landmarks(points[number], region, ROUNDED)
        np.testing.assert_array_equal(found[number], expected)
        expected = regions.project_world(points[number], region, ROUNDED)
        np.testing.assert_array_equal(world[number], expected)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 8), st.integers(1, 4))
def test_the_same_regions_are_kept(seed: int, slots: int, places: int) -> None:
    random = random_of(seed)
    values = np.zeros((3, slots, 5))
    values[..., :2] = random.integers(0, places, (3, slots, 2)) / 10
    values[..., 2:4] = random.uniform(0, 0.5, (3, slots, 2))
    filled = random.integers(0, slots + 1, 3)
    given_slots = torch.arange(slots) < torch.from_numpy(filled)[:, None]
    kept = distinct(as_regions(values), given_slots)
    for number, count in enumerate(filled):
        expected = regions.distinct(listed(values[number, :count]))
        assert torch.nonzero(kept[number]).flatten().tolist() == expected


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 6), st.floats(0.001, 0.2))
def test_the_same_hands_are_kept(seed: int, slots: int, spread: float) -> None:
    """Hands about two places, so that some are another's."""
    random = random_of(seed)
    shape = random.uniform(0, 0.3, (2, 21, 3))
    which = random.integers(0, 2, (3, slots))
    hands = (shape[which] + random.normal(0, spread, (3, slots, 21, 3))).astype(F)
    filled = random.integers(0, slots + 1, 3)
    given_slots = torch.arange(slots) < torch.from_numpy(filled)[:, None]
    size = image_extent(SIZE, CPU)
    kept = landmarks.distinct_hands(torch.from_numpy(hands), given_slots, size)
    for number, count in enumerate(filled):
        expected = tasks.distinct_hands(list(hands[number, :count]), SIZE)
        assert torch.nonzero(kept[number]).flatten().tolist() == expected


@pytest.mark.parametrize("size", [(224, 224), (50, 100), (128, 96)])
def test_regions_are_widened_as_one_is(size: tuple[int, int]) -> None:
    sides = torch.tensor([[640.0, 480], [100, 400], [77.7, 77.7], [300.1, 300.2]])
    (width, height), box = landmarks.widened((sides[:, 0], sides[:, 1]), size)
    for number, (wide, tall) in enumerate(sides.numpy()):
        (expected_width, expected_height), letterbox = widened(wide, tall, size)
        assert (width[number].item(), height[number].item()) == (expected_width, expected_height)
        assert (box.left[number].item(), box.top[number].item()) == (letterbox.left, letterbox.top)


def test_hands_that_touch_are_two() -> None:
    """Ten landmarks at the same places, the others on opposite sides: the bounds overlap by a tenth
    of either, less than 0.2.
    """
    common = np.full((10, 3), 0.5)
    hands = np.stack(
        [
            np.concatenate(
                (common, np.linspace((0.5 - 0.4 * side, 0.4, 0), (0.5 + 0.04 * side, 0.6, 0), 11))
            )
            for side in (1, -1)
        ]
    ).astype(F)
    assert tasks.distinct_hands(list(hands), SIZE) == [0, 1]
    size, given_slots = image_extent(SIZE, CPU), torch.ones(1, 2).bool()
    kept = landmarks.distinct_hands(torch.from_numpy(hands)[None], given_slots, size)
    assert kept.tolist() == [[True, True]]
