"""Regions and projections on paper; the crop against OpenCV; the whole against MediaPipe."""

import math

import cv2
import numpy as np
import pytest
import torch

from blazepalm.models.hand_pipeline import (
    PALM_RULE,
    HandPipeline,
    Region,
    crop_region,
    distinct,
    normalise_radians,
    project_landmarks,
    region_from_palm,
    turn_world,
)
from blazepalm.models.releases import load_registry
from support.converted import converted
from support.hand_scenes import SCENES, facts, rendered, sha256

SIZE = (400, 800)  # height, width


def palm(
    box: list[float], wrist: list[float], middle: list[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    keypoints = torch.full((7, 2), float("nan"))  # the others must not matter
    keypoints[0], keypoints[2] = torch.tensor(wrist), torch.tensor(middle)
    return torch.tensor(box), keypoints


def test_an_upright_palm() -> None:
    # 80 × 120 pixels about (400, 200): half of 120 upwards, 2.6 × 120 on both sides
    region = region_from_palm(*palm([0.45, 0.35, 0.55, 0.65], [0.5, 0.65], [0.5, 0.35]), SIZE)
    assert region.rotation == pytest.approx(0.0, abs=1e-6)
    assert (region.x_center, region.y_center) == pytest.approx((0.5, (200 - 60) / 400))
    assert (region.width, region.height) == pytest.approx((312 / 800, 312 / 400))


def test_a_palm_pointing_right() -> None:
    # 90° clockwise: what was upwards is now to the right
    region = region_from_palm(*palm([0.45, 0.4, 0.55, 0.6], [0.45, 0.5], [0.55, 0.5]), SIZE)
    assert region.rotation == pytest.approx(math.pi / 2)
    assert region.x_center * 800 == pytest.approx(400 + 40)
    assert region.y_center * 400 == pytest.approx(200)


def test_the_angle_is_one_of_pixels_not_of_fractions() -> None:
    # 80 right and 80 up in pixels is 0.1 and 0.2 of the image
    region = region_from_palm(*palm([0.4, 0.4, 0.5, 0.6], [0.4, 0.6], [0.5, 0.4]), SIZE)
    assert region.rotation == pytest.approx(math.pi / 4)


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
    assert normalise_radians(angle) == pytest.approx(expected)


def test_the_rule_is_the_registrys() -> None:
    generations = load_registry().generations.values()
    rules = [g.roi for g in generations if g.family == "palm"]
    assert len(rules) == 3
    assert all(rule == PALM_RULE for rule in rules)


REGIONS = [
    Region(0.5, 0.5, 0.4, 0.8, 0.0),
    Region(0.45, 0.55, 0.3, 0.5, 0.7),
    Region(0.9, 0.1, 0.5, 0.9, -2.5),  # much of it beyond the image
]


@pytest.mark.parametrize("region", REGIONS)
def test_the_crop_is_opencvs(region: Region) -> None:
    """The calls of MediaPipe's converter: box points of the turned rectangle, a perspective
    warp, the edge repeated. OpenCV samples at 1/32 pixel and rounds to whole values.
    """
    random = np.random.Generator(np.random.PCG64(0))
    coarse = random.integers(0, 255, (25, 50, 3)).astype(np.uint8)
    image = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    width, height = region.width * SIZE[1], region.height * SIZE[0]
    centre = (region.x_center * SIZE[1], region.y_center * SIZE[0])
    corners = cv2.boxPoints((centre, (width, height), math.degrees(region.rotation)))
    target = np.array([[0, 224], [0, 0], [224, 0], [224, 224]], np.float32)
    expected = cv2.warpPerspective(
        image,
        cv2.getPerspectiveTransform(corners, target),
        (224, 224),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    planes = torch.from_numpy(image).permute(2, 0, 1).float()
    found = crop_region(planes, region, (224, 224))[0].permute(1, 2, 0).numpy()
    difference = np.abs(found - expected)
    assert expected.std() > 20
    assert difference.mean() < 0.5
    assert difference.max() <= 2.0


def test_a_crop_of_the_whole_image_is_the_image() -> None:
    image = torch.rand(3, 40, 40)
    found = crop_region(image, Region(0.5, 0.5, 1.0, 1.0, 0.0), (40, 40))
    torch.testing.assert_close(found[0], image, atol=1e-5, rtol=0)


def test_projection() -> None:
    region = Region(0.5, 0.25, 0.25, 0.5, math.pi / 2)  # 200 × 200 pixels about (400, 100)
    points = torch.tensor([[0.5, 0.5, 1.0], [0.5, 0.0, 0.0], [1.0, 0.5, -0.5]])
    found = project_landmarks(points, region, SIZE)
    # a quarter turn clockwise: up becomes right, right becomes down; z in image widths
    expected = [
        [400 / 800, 100 / 400, 0.25],
        [500 / 800, 100 / 400, 0],
        [400 / 800, 200 / 400, -0.125],
    ]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-6, rtol=0)


def test_world_landmarks_turn_too() -> None:
    found = turn_world(torch.tensor([[0.0, -1.0, 3.0]]), Region(0.1, 0.2, 1, 1, math.pi / 2))
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0, 3.0]]), atol=1e-6, rtol=0)


def test_of_two_regions_of_one_hand_the_later_stays() -> None:
    first, second = Region(0.3, 0.5, 0.2, 0.2, 0.0), Region(0.32, 0.5, 0.2, 0.2, 1.0)  # IoU 0.82
    third = Region(0.4, 0.5, 0.2, 0.2, 0.0)  # IoU with the second 0.43
    assert distinct([first, second, third]) == [1, 2]
    assert distinct([]) == []


@pytest.fixture(scope="module")
def pipeline() -> HandPipeline:
    detector = converted("palm-full-2023-09").module
    landmarks = converted("hand-full-2022").module
    return HandPipeline(detector, landmarks, max_hands=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCENES)
def test_what_mediapipe_finds(pipeline: HandPipeline, name: str) -> None:
    """Its recorded output. What remains is that it rounds crops to whole values and sampling
    positions to 1/32 pixel.
    """
    image = rendered(name).image
    expected = facts()[name]["hands"]
    exact = sha256(image) == facts()[name]["sha256"]  # else another machine's last digits
    height, width = image.shape[:2]
    hands = pipeline(image)
    assert len(hands) == len(expected)
    for hand in hands:
        points = hand.landmarks.numpy() * [width, height, 1]
        away = [np.linalg.norm(np.array(e["landmarks"]) - points, axis=1).mean() for e in expected]
        truth = expected[int(np.argmin(away))]
        landmarks = np.array(truth["landmarks"])
        error = np.linalg.norm(points[:, :2] - landmarks[:, :2], axis=1)
        assert error.mean() < (0.5 if exact else 1.0)
        assert error.max() < (2.0 if exact else 4.0)
        assert np.abs(points[:, 2] - landmarks[:, 2]).max() < 0.02
        assert hand.world_landmarks is not None
        assert np.abs(hand.world_landmarks.numpy() - truth["world"]).max() < 0.006
        assert hand.handedness is not None
        left = float(hand.handedness)  # of a mirrored picture, which MediaPipe expects
        assert abs((left if truth["label"] == "Left" else 1 - left) - truth["score"]) < 0.02


def test_array_and_tensor_are_the_same(pipeline: HandPipeline) -> None:
    image = rendered("open").image
    (one,) = pipeline(image)
    (other,) = pipeline(torch.from_numpy(image).permute(2, 0, 1))
    torch.testing.assert_close(one.landmarks, other.landmarks, rtol=0, atol=0)


def test_max_hands(pipeline: HandPipeline) -> None:
    alone = HandPipeline(pipeline.detector, pipeline.landmarks, max_hands=1)(rendered("two").image)
    both = pipeline(rendered("two").image)
    assert len(alone) == 1 and len(both) == 2
    torch.testing.assert_close(alone[0].landmarks, both[0].landmarks, rtol=0, atol=1e-5)


def test_no_palm_no_hand(pipeline: HandPipeline) -> None:
    assert pipeline(np.zeros((3, 5, 3), np.uint8)) == ()


def test_an_older_release_has_no_handedness() -> None:
    detector = converted("palm-full-2023-09").module
    older = HandPipeline(detector, converted("hand-3d-2019-08").module)  # type: ignore[arg-type]
    for hand in older(rendered("open").image):
        assert hand.handedness is None
        assert hand.world_landmarks is None
