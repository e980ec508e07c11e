"""The compiled warp against OpenCV 4's recorded bytes, and against cv2.remap at the positions of
`crop.sampling_maps`, which `tests/models/test_crop.py` compares with OpenCV 4's formula.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blazepalm.errors import CouldNotVerify, InvalidImage
from blazepalm.models import crop
from blazepalm.models.crop import corners, sampling_maps
from blazepalm.reports.forms.compiled import build, warp
from support.kernels import need_compiler
from support.opencv4_warps import FACTS, WARPS, digest, picture

F = np.float32
REPLICATED = [number for number, each in enumerate(WARPS) if each.border == 1]


@pytest.fixture(scope="module", autouse=True)
def _compiler() -> None:
    need_compiler()


@pytest.mark.processor
def test_the_bytes_are_opencv_4s() -> None:
    expected = json.loads(FACTS.read_text(encoding="utf-8"))["sha256"]
    assert len(REPLICATED) == 8
    for number in REPLICATED:
        each = WARPS[number]
        side, centre = F(each.side), (F(each.centre[0]), F(each.centre[1]))
        source = corners(centre, (side, side), each.rotation)
        found = warp.compiled_warp()(picture(each), source, each.output)
        assert digest(found) == expected[number]


@pytest.mark.processor
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(224, 224), (33, 70), (5, 300), (1, 1), (64, 64), (7, 1023)]),
    st.sampled_from([(2, 2), (2, 300), (31, 17), (480, 640)]),
    st.sampled_from(["turned", "any four points", "no size", "far", "NaN"]),
)
@example(124, (33, 70), (31, 17), "any four points")  # beyond int32, where the horizon is
@settings(max_examples=60, deadline=None)
def test_it_is_remap(seed: int, size: tuple[int, int], image: tuple[int, int], kind: str) -> None:
    import cv2

    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (*image, 3), dtype=np.uint8)
    if kind == "any four points":  # also crossed, and with the horizon in the picture
        source = draw.uniform(-700, 900, (4, 2)).astype(F)
    else:
        side = F(0 if kind == "no size" else 10 ** draw.uniform(-3, 4))
        turned = draw.choice([0.0, math.pi / 2, -math.pi / 4, draw.uniform(-math.pi, math.pi)])
        centre = draw.uniform(-100, 700, 2) * (1e6 if kind == "far" else 1)
        source = corners((F(centre[0]), F(centre[1])), (side, side), float(turned))
    if kind == "NaN":
        source[draw.integers(4), draw.integers(2)] = np.nan
    maps = sampling_maps(source, size)
    expected = cv2.remap(pixels, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found = warp.compiled_warp()(pixels, source, size)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.processor
def test_ties() -> None:
    """Most positions are between two 1/32 pixels: the last digit of every sum decides, so none may
    be contracted or added up in other blocks than OpenCV 4's.
    """
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    for number in range(60):
        size = ((224, 224), (192, 192))[number % 2]
        turned = (0.0, math.pi / 2, -math.pi / 4, math.pi)[number % 4]
        extent = size[0] * draw.choice([3, 17, 33, 65, 107, 127], 2) / 64
        x, y = draw.integers(0, 4000, 2) / 64
        source = corners((F(x), F(y)), (F(extent[0]), F(extent[1])), turned)
        found = warp.compiled_warp()(pixels, source, size)
        np.testing.assert_array_equal(found, crop.warp(pixels, source, size))


def test_pictures_of_any_layout() -> None:
    """One pixel wide, not contiguous, more columns than the kernel has room for; too long."""
    draw = np.random.default_rng(5)
    pixels = draw.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    source = corners((F(20), F(20)), (F(25), F(25)), 0.3)
    found = warp.compiled_warp()
    for image, size in (
        (pixels[:, :1], (32, 32)),
        (pixels[:1], (32, 32)),
        (pixels[::-1, ::2], (32, 32)),
        (pixels, (3, 1025)),
    ):
        np.testing.assert_array_equal(found(image, source, size), crop.warp(image, source, size))
    with pytest.raises(InvalidImage, match="the limit is 32766 per side"):
        found(np.zeros((2, 32767, 3), np.uint8), source, (32, 32))


def test_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    with pytest.raises(CouldNotVerify, match="which is not there"):
        warp.compiled_warp()
    assert warp.quickest_warp() is crop.warp


def test_it_is_another_library_than_the_kernels() -> None:
    compiler = build.find_compiler()
    keys = {build.library_key(compiler, {}, each) for each in (build.KERNELS, warp.SOURCE)}
    assert len(keys) == 2
