"""The warp against OpenCV 4's recorded bytes, and against arithmetic on paper."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blazepalm.errors import InvalidImage
from blazepalm.models.crop import (
    LIMIT,
    Letterbox,
    corners,
    crop_region,
    crop_whole,
    sampling_maps,
    to_range,
    widened,
)
from blazepalm.models.regions import Region
from support.opencv4_warps import FACTS, WARPS, digest, picture

F = np.float32


@pytest.mark.processor
@pytest.mark.parametrize("number", range(len(WARPS)))
def test_the_bytes_are_opencv_4s(number: int) -> None:
    import cv2

    warp = WARPS[number]
    expected = json.loads(FACTS.read_text(encoding="utf-8"))["sha256"]
    assert len(expected) == len(WARPS)
    side = F(warp.side)
    centre = (F(warp.centre[0]), F(warp.centre[1]))
    maps = sampling_maps(corners(centre, (side, side), warp.rotation), warp.output)
    found = cv2.remap(picture(warp), *maps, cv2.INTER_LINEAR, borderMode=warp.border)
    assert digest(found) == expected[number]


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(224, 224), (192, 192), (33, 70), (5, 300), (1, 1), (64, 64)]),
)
@settings(max_examples=30, deadline=None)
def test_positions_are_opencv_4s_formula(seed: int, size: tuple[int, int]) -> None:
    """Pixel by pixel in Python's doubles, as warpPerspective of OpenCV 4.10 (imgwarp.cpp) says."""
    import cv2

    draw = np.random.default_rng(seed)
    side = F(10 ** draw.uniform(-3, 4))
    turned = draw.choice([0.0, math.pi / 2, -math.pi / 4, draw.uniform(-math.pi, math.pi)])
    centre = (F(draw.uniform(-1000, 30000)), F(round(draw.uniform(-100, 3000))))
    source = corners(centre, (side, side), float(turned))
    maps, parts = sampling_maps(source, size)
    rows, columns = size
    target = np.array([[0, rows], [0, 0], [columns, 0], [columns, rows]], F)
    m = cv2.invert(cv2.getPerspectiveTransform(source, target))[1].ravel().tolist()
    wide = min(1024 // min(16, rows), columns)
    for _ in range(40):
        y, x = int(draw.integers(rows)), int(draw.integers(columns))
        start, step = x - x % wide, x % wide
        divisor = m[6] * start + m[7] * y + m[8] + m[6] * step
        scale = 32.0 / divisor if divisor else 0.0
        across, down = (
            round(
                min(max((m[k] * start + m[k + 1] * y + m[k + 2] + m[k] * step) * scale, -2e9), 2e9)
            )
            for k in (0, 3)
        )
        whole = [min(max(value >> 5, -32768), 32767) for value in (across, down)]
        assert maps[y, x].tolist() == whole
        if abs(across) < LIMIT * 32 > abs(down):  # nearer than the furthest
            assert parts[y, x] == (down & 31) * 32 + (across & 31)


def test_letterboxes_and_crops_are_those_warps() -> None:
    expected = json.loads(FACTS.read_text(encoding="utf-8"))["sha256"]
    for number in range(16, 20):
        found, _ = crop_whole(picture(WARPS[number]), WARPS[number].output)
        assert digest(found) == expected[number]
    warp = WARPS[19]  # the whole of a square image, whose border is not seen
    found, box = crop_region(picture(warp), Region(0.5, 0.5, 1.0, 1.0, 0.0), warp.output)
    assert digest(found) == expected[19]
    assert box == Letterbox(0.0, 0.0)


def test_a_crop_of_the_whole_image_is_the_image() -> None:
    image = picture(WARPS[19])
    np.testing.assert_array_equal(crop_whole(image, (192, 192))[0], image)


def test_positions_on_paper() -> None:
    """A rectangle of 8 × 4 at (10, 5) rotated by 90° clockwise: its top is to the right."""
    found = corners((F(10), F(5)), (F(8), F(4)), math.pi / 2)
    np.testing.assert_allclose(found, [[8, 1], [12, 1], [12, 9], [8, 9]], atol=1e-5)
    whole, parts = sampling_maps(found, (8, 16))  # half a pixel a step
    assert whole.shape == (8, 16, 2) and parts.shape == (8, 16)
    x, y = whole[0, 0] + np.array([parts[0, 0] & 31, parts[0, 0] >> 5]) / 32
    assert (x, y) == (12, 1)  # the upper left corner of the crop
    x, y = whole[2, 3] + np.array([parts[2, 3] & 31, parts[2, 3] >> 5]) / 32
    assert (x, y) == (12 - 2 * 0.5, 1 + 3 * 0.5)


def test_between_pixels_and_beyond_the_edge() -> None:
    """A ramp of 32 grey levels per pixel, sampled at quarters of a pixel."""
    image = np.repeat(np.arange(0, 256, 32, dtype=np.uint8)[None, :, None], 8, 0).repeat(3, 2)
    found, _ = crop_region(image, Region(0.25, 0.5, 0.5, 0.5, 0.0), (16, 16))  # x from 0 to 4
    assert found[8, :, 0].tolist() == [8 * i for i in range(16)]
    beyond, _ = crop_region(image, Region(0.0, 0.5, 0.5, 0.5, 0.0), (16, 16))  # x from −2 to 2
    assert beyond[8, :, 1].tolist() == [0] * 8 + [8 * i for i in range(8)]


def test_another_aspect_ratio_is_widened() -> None:
    assert widened(F(640), F(480), (192, 192)) == ((640, 640), Letterbox(0.0, 0.125))
    assert widened(F(100), F(400), (50, 100)) == ((800, 400), Letterbox(0.4375, 0.0))
    image = np.full((100, 100, 3), 9, np.uint8)
    _, box = crop_region(image, Region(0.5, 0.5, 0.2, 0.4, 0.3), (64, 64))
    assert box == Letterbox(pytest.approx(0.25), 0.0)


def test_value_ranges() -> None:
    grey = np.array([[[0, 51, 255]]], np.uint8)
    np.testing.assert_allclose(to_range(grey, (0.0, 1.0)), [[[0.0, 0.2, 1.0]]], atol=1e-7)
    found = to_range(grey, (-1.0, 1.0))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[[-1.0, -0.6, 1.0]]], atol=1e-7)


def test_points_come_back() -> None:
    box = Letterbox(left=0.0, top=0.125)
    points = np.array([[0.5, 0.5, 0.0, 0.125, 1.0, 0.875]], F)
    np.testing.assert_allclose(box.to_image(points), [[0.5, 0.5, 0, 0, 1, 1.0]])
    assert points[0, 3] == F(0.125)  # the argument stays as it was
    assert Letterbox(0.25, 0.0).depth_to_image(F(0.1)) == pytest.approx(0.2)
    np.testing.assert_allclose(
        box.boxes_to_image(np.zeros((1, 2), F), np.array([[0.3, 0.3]], F))[1], [[0.3, 0.4]], 1e-6
    )
    assert box.to_image(np.zeros((0, 14), F)).shape == (0, 14)


def test_too_long_a_side_is_refused() -> None:
    image = np.zeros((2, 32767, 3), np.uint8)
    with pytest.raises(InvalidImage, match=r"32767×2 pixels, but the limit is 32766"):
        crop_whole(image, (192, 192))
    assert crop_whole(image[:, :-1], (192, 192))[0].shape == (192, 192, 3)


def test_regions_far_off_are_all_edge() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[-1, -1] = 200
    found, _ = crop_region(image, Region(1e6, 1e6, 2.0, 2.0, 0.4), (32, 32))
    assert (found == 200).all()
