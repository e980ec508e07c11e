"""Difficult files: each is what its name says, and `read_image` handles it as it should."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import InvalidImage
from blazepalm.golden.files import LARGE, LARGE_SCALE, MAKERS, large_corner, make_file
from blazepalm.media.images import read_image

# smooth, colourful, not the same turned or mirrored
X, Y = np.meshgrid(np.linspace(0, 1, 48), np.linspace(0, 1, 32))
PIXELS = np.stack([255 * X, 255 * Y, 255 * (1 - X) * Y], axis=2).round().astype(np.uint8)
GREY = np.round(PIXELS @ [0.299, 0.587, 0.114])  # ITU-R 601, as Pillow's mode L


def written(folder: Path, name: str) -> Path:
    suffix, content = make_file(name, PIXELS)
    path = folder / f"file{suffix}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", sorted(set(MAKERS) - {"8000x6000"}))
def test_the_same_bytes_twice(name: str) -> None:
    assert make_file(name, PIXELS) == make_file(name, PIXELS)


@pytest.mark.parametrize(
    ("name", "mode", "form"),
    [
        ("greyscale", "L", "PNG"),
        ("rgba", "RGBA", "PNG"),
        ("palette", "P", "PNG"),
        ("16-bit", "I;16", "PNG"),
        ("cmyk-jpeg", "CMYK", "JPEG"),
        ("exif-rotated", "RGB", "JPEG"),
        ("1x1", "RGB", "PNG"),
    ],
)
def test_the_file_is_coded_as_its_name_says(name: str, mode: str, form: str) -> None:
    with Image.open(io.BytesIO(make_file(name, PIXELS)[1])) as picture:
        assert (picture.mode, picture.format) == (mode, form)


@pytest.mark.parametrize("name", ["greyscale", "16-bit"])
def test_grey_is_read_as_three_equal_channels(tmp_path: Path, name: str) -> None:
    found = read_image(written(tmp_path, name))
    assert found.shape == PIXELS.shape
    assert np.abs(found - GREY[..., None]).max() <= 1


def test_sixteen_bits_are_used_and_rounded(tmp_path: Path) -> None:
    path = written(tmp_path, "16-bit")
    with Image.open(path) as picture:
        values = np.asarray(picture).astype(int)
    assert (values % 257 != 0).any()
    expected = np.floor(values / 257 + 0.5)
    np.testing.assert_array_equal(read_image(path)[..., 1], expected)


def test_transparency_is_dropped(tmp_path: Path) -> None:
    path = written(tmp_path, "rgba")
    with Image.open(path) as picture:
        assert picture.getextrema()[3] == (0, 255)
    np.testing.assert_array_equal(read_image(path), PIXELS)


def test_palette_and_cmyk_are_near(tmp_path: Path) -> None:
    assert np.abs(read_image(written(tmp_path, "palette")).astype(int) - PIXELS).mean() < 16
    assert np.abs(read_image(written(tmp_path, "cmyk-jpeg")).astype(int) - PIXELS).mean() < 5


def test_exif_rotation_is_undone(tmp_path: Path) -> None:
    path = written(tmp_path, "exif-rotated")
    with Image.open(path) as picture:
        assert picture.size == (32, 48)  # lies on its side
    found = read_image(path)
    assert found.shape == PIXELS.shape
    assert np.abs(found.astype(int) - PIXELS).mean() < 8


def test_one_pixel(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_image(written(tmp_path, "1x1")), PIXELS[:1, :1])


def test_the_large_file_shows_the_picture_where_it_says(tmp_path: Path) -> None:
    found = read_image(written(tmp_path, "8000x6000"))
    assert found.shape == (*LARGE, 3) == (6000, 8000, 3)
    left, top = large_corner(PIXELS)
    middle = LARGE_SCALE // 2
    rows, columns = (
        first + middle + LARGE_SCALE * np.arange(count) for first, count in ((top, 32), (left, 48))
    )
    assert np.abs(found[np.ix_(rows, columns)].astype(int) - PIXELS).mean() < 4
    assert np.abs(found[:100].astype(int) - 150).max() <= 2


@pytest.mark.parametrize("name", ["truncated", "not-an-image"])
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    with pytest.raises(InvalidImage) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
