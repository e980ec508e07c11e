"""Letterboxes and crops as tensors, against OpenCV 4's recorded bytes and arithmetic on paper."""

import json

import numpy as np
import pytest
import torch

from blazepalm.errors import InvalidImage
from blazepalm.models import tasks
from blazepalm.models.batched.sampling import (
    Positions,
    corners_of,
    letterboxed,
    region_positions,
    sample,
    to_planes,
)
from blazepalm.models.crop import corners, remap, sampling_maps
from blazepalm.models.letterbox import letterbox
from support.opencv4_warps import FACTS, WARPS, Warp, digest, picture

F = np.float32
ROTATED = 16  # the warps behind them are letterboxes


def scalars(*values: float) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor([value]) for value in values)


def crop(warp: Warp, *, others: int = 0) -> torch.Tensor:
    """The warp of its picture, which lies behind `others` of the same size."""
    (x, y), (width, height) = scalars(*warp.centre), scalars(warp.side, warp.side)
    corners = corners_of((x, y), (width, height), torch.tensor([warp.rotation]), tasks=False)
    shown = torch.from_numpy(picture(warp))
    pictures = torch.stack([255 - shown] * others + [shown])
    at = region_positions(corners, warp.output)
    found = sample(pictures, torch.tensor([others]), at, replicate=warp.border == 1)
    return found[0]


def test_the_bytes_are_opencv_4s() -> None:
    """All but one of 16 crops are; in it, one position is so near the middle between two that
    OpenCV, which solves eight equations for the matrix, rounds to the other: 1/32 pixel moves a
    sample by 255/32 grey levels at most, and its rounding by one.
    """
    facts = json.loads(FACTS.read_text(encoding="utf-8"))["sha256"]
    moved = []
    for number, warp in enumerate(WARPS[:ROTATED]):
        found = crop(warp, others=number % 3)
        assert found.min() >= 0 and found.max() <= 255
        if digest(found.to(torch.uint8).numpy()) == facts[number]:
            continue
        side = F(warp.side)
        source = corners((F(warp.centre[0]), F(warp.centre[1])), (side, side), warp.rotation)
        maps = sampling_maps(source, warp.output)
        expected = remap(picture(warp), maps, replicate=warp.border == 1)
        assert digest(expected) == facts[number]  # OpenCV's own bytes
        away = np.abs(found.numpy() - expected.astype(int)).max(axis=2)
        assert away.max() <= 255 / 32 + 1
        moved.append(int((away > 0).sum()))
    assert sum(moved) <= 1


@pytest.mark.parametrize("number", range(ROTATED, len(WARPS)))
def test_a_letterbox_is_opencv_4s(number: int) -> None:
    """Also where every other column is exactly between two positions."""
    warp = WARPS[number]
    expected = json.loads(FACTS.read_text(encoding="utf-8"))["sha256"][number]
    pictures = torch.from_numpy(np.stack([picture(warp), 255 - picture(warp)]))
    planes, box = letterboxed(pictures, warp.output, (0.0, 255.0))
    assert planes.dtype == torch.float32 and planes.shape == (2, 3, *warp.output)
    pixels = planes.to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert digest(pixels[0]) == expected
    other, place = letterbox(255 - picture(warp), warp.output, (0.0, 255.0))
    np.testing.assert_array_equal(pixels[1], other[0])
    assert box == place


def test_positions_on_paper() -> None:
    """A rectangle of 8 × 4 at (10, 5) rotated by 90° clockwise: its top is to the right."""
    ((x, y), sides), turn = (scalars(10, 5), scalars(8, 4)), torch.tensor([torch.pi / 2])
    found = corners_of((x, y), (sides[0], sides[1]), turn, tasks=False)
    np.testing.assert_allclose(found[0], [[8, 1], [12, 1], [12, 9], [8, 9]], atol=1e-5)
    at = region_positions(found, (8, 16))  # half a pixel a step
    assert at.x.shape == (1, 8, 16)
    assert (at.x[0, 0, 0] / 32, at.y[0, 0, 0] / 32) == (12, 1)  # the crop's upper left corner
    assert (at.x[0, 2, 3] / 32, at.y[0, 2, 3] / 32) == (12 - 2 * 0.5, 1 + 3 * 0.5)


@pytest.mark.parametrize("rotation", [0.0, 0.7, -2.5, 3.1415927])
def test_the_corners_of_tasks(rotation: float) -> None:
    """In the order of OpenCV 5, which the arrays' own were compared with."""
    (x, y), (width, height) = scalars(310.7, 95.3), scalars(200.1, 199.9)
    found = corners_of((x, y), (width, height), torch.tensor([rotation]), tasks=True)[0]
    expected = tasks.corners((F(310.7), F(95.3)), (F(200.1), F(199.9)), float(F(rotation)))
    np.testing.assert_array_equal(found, expected)


def test_a_region_of_no_size_is_one_pixel() -> None:
    (x, y), (width, height) = scalars(1.0, 2.0), scalars(0.0, 0.0)
    at = region_positions(corners_of((x, y), (width, height), torch.zeros(1), tasks=False), (2, 2))
    assert at.x.unique().tolist() == [32] and at.y.unique().tolist() == [64]


def test_between_pixels_and_beyond_the_edge() -> None:
    """A ramp of 32 grey levels per pixel, sampled at quarters of a pixel from −1 to 8.75."""
    ramp = torch.arange(0, 256, 32, dtype=torch.uint8)[None, None, :, None].expand(1, 8, 8, 3)
    x = torch.arange(-32, 9 * 32, 8, dtype=torch.int32).expand(1, 1, 40)
    at = Positions(x, torch.full_like(x, 3 * 32))
    repeated = sample(ramp, torch.tensor([0]), at, replicate=True)[0, 0, :, 1].tolist()
    assert repeated == [0] * 4 + [8 * i for i in range(29)] + [224] * 7
    black = sample(ramp, torch.tensor([0]), at, replicate=False)[0, 0, :, 1].tolist()
    assert black == [0] * 4 + [8 * i for i in range(29)] + [168, 112, 56] + [0] * 4


def test_value_ranges() -> None:
    grey = torch.tensor([0, 51, 255], dtype=torch.int32)[None, None, None]
    assert to_planes(grey, (0.0, 1.0)).flatten().tolist() == pytest.approx([0, 0.2, 1], abs=1e-7)
    assert to_planes(grey, (-1.0, 1.0)).flatten().tolist() == pytest.approx([-1, -0.6, 1], abs=1e-7)


def test_too_long_a_side_is_refused() -> None:
    with pytest.raises(InvalidImage, match=r"32767×2 pixels, but the limit is 32766"):
        letterboxed(torch.zeros(1, 2, 32767, 3, dtype=torch.uint8), (192, 192), (0.0, 1.0))
