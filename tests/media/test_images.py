"""Image files of every kind, and every kind of bad one."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import InvalidImage
from blazepalm.media import images
from blazepalm.media.formats import Content, content_of
from blazepalm.media.frames import find_sources, read_frames
from blazepalm.media.images import MAX_PIXELS, read_image

# 2×3 pixels whose every channel differs
RGB = (np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 13 + 7).astype(np.uint8)


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


def test_png_is_read_as_it_is(tmp_path: Path) -> None:
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(RGB)))
    np.testing.assert_array_equal(found, RGB)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous and found.flags.writeable


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "picture.dat"
    Image.fromarray(RGB).save(path, "PNG")
    np.testing.assert_array_equal(read_image(str(path)), RGB)


@pytest.mark.parametrize("pixels", [1, 7 * 5, 7 * 23, 7 * 23 + 1])
def test_large_pictures_are_converted_in_bands(
    pixels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """23 rows of 7 pixels: row by row, by five, and whole."""
    monkeypatch.setattr(images, "BAND", pixels)
    drawn = np.random.default_rng(1).integers(0, 256, (23, 7, 3), np.uint8)
    Image.fromarray(drawn).save(tmp_path / "p.png")
    found = read_image(tmp_path / "p.png")
    np.testing.assert_array_equal(found, drawn)
    assert found.flags.writeable


def test_grey(tmp_path: Path) -> None:
    grey = RGB[..., 0]
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(grey)))
    np.testing.assert_array_equal(found, np.stack([grey] * 3, axis=2))


def test_sixteen_bit_grey_is_scaled(tmp_path: Path) -> None:
    values = np.array([[0, 257, 65535], [128, 129, 32768]], np.uint16)
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(values)))
    # value · 255 / 65535 = value / 257, rounded: 128 / 257 < ½ < 129 / 257
    np.testing.assert_array_equal(found[..., 1], [[0, 1, 255], [0, 1, 128]])


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    """A handmade PNG with 16 bits per channel."""
    path = tmp_path / "a.png"
    path.write_bytes(png16(RGB.astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(path), RGB)


def png16(values: np.ndarray) -> bytes:
    height, width = values.shape[:2]

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_dropped_as_opencv_drops_it(tmp_path: Path, mode: str) -> None:
    import cv2

    layer = np.full((2, 2, 4), (100, 0, 200, 51), np.uint8)  # a fifth of it is seen
    layer[0, 0], layer[1, 1] = (40, 40, 40, 255), (7, 8, 9, 0)
    path = tmp_path / "a.png"
    if mode == "P":
        picture = Image.fromarray(np.array([[1, 0], [0, 0]], np.uint8), "P")
        picture.putpalette([9, 7, 5, 40, 40, 40])
        picture.save(path, transparency=0)
    else:
        Image.fromarray(layer, "RGBA").convert(mode).save(path)
    found = read_image(path)
    assert found[0, 0].tolist() == [40, 40, 40]
    if mode == "RGBA":
        np.testing.assert_array_equal(found, layer[..., :3])
    np.testing.assert_array_equal(found[..., ::-1], cv2.imread(str(path), cv2.IMREAD_COLOR))


def test_palette(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    found = read_image(saved(tmp_path / "a.gif", picture))
    np.testing.assert_array_equal(found[0], np.eye(3) * 255)


def test_cmyk(tmp_path: Path) -> None:
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 1] = ink[..., 2] = 255  # magenta and yellow: red
    found = read_image(saved(tmp_path / "a.jpg", Image.fromarray(ink, "CMYK"), quality=95))
    np.testing.assert_allclose(found[8, 8], [255, 0, 0], atol=12)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (6, lambda a: np.rot90(a, -1)),
        (8, np.rot90),
    ],
)
def test_exif_orientation(tmp_path: Path, orientation: int, expected: object) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(RGB), exif=exif))
    np.testing.assert_array_equal(found, expected(RGB))  # type: ignore[operator]


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    for kind in ("gif", "webp"):
        path = tmp_path / f"a.{kind}"
        first.save(path, save_all=True, append_images=[second], lossless=True)
        assert read_image(path)[0, 0].tolist() == [255, 0, 0]


def test_one_pixel(tmp_path: Path) -> None:
    assert read_image(saved(tmp_path / "a.png", Image.new("L", (1, 1), 77))).tolist() == [
        [[77] * 3]
    ]


def jpeg() -> bytes:
    target = io.BytesIO()
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(target, "JPEG")
    return target.getvalue()


def png(width: int, height: int) -> bytes:
    """A PNG whose header declares a size but whose data are missing."""
    whole = png16(np.zeros((1, 1, 3), np.uint16))
    header = struct.pack(">II", width, height)
    body = b"IHDR" + header + whole[24:29]
    return whole[:12] + body + struct.pack(">I", zlib.crc32(body)) + whole[33:]


BAD = {
    "empty.png": (b"", "not an image"),
    "text.jpg": (b"Dear diary,\n" * 40, "not an image"),
    "noise.png": (np.random.Generator(np.random.PCG64(1)).bytes(3000), "not an image"),
    "cut.jpg": (jpeg()[:1500], "cannot be read|cannot be decoded"),
    "cut.png": (png16(np.zeros((50, 50, 3), np.uint16))[:60], "cannot be read|cannot be decoded"),
    "huge.png": (png(8001, 8000), "8001×8000 pixels, the limit is 64 million"),
    "monstrous.png": (png(2**31 - 1, 2**31 - 1), "the limit is 64 million"),
    "hollow.png": (png(900, 900), "cannot be"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_sentence(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidImage, match=words) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_every_truncation_of_a_jpeg(tmp_path: Path) -> None:
    whole, path = jpeg(), tmp_path / "a.jpg"
    for length in range(0, len(whole) - 2, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(InvalidImage):
            read_image(path)


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(InvalidImage, match="no such file"):
        read_image(tmp_path / "none.png")


def test_wide_pixels_are_refused(tmp_path: Path) -> None:
    wide = Image.fromarray(np.full((2, 2), 70000, np.int32))
    with pytest.raises(InvalidImage, match="32-bit"):
        read_image(saved(tmp_path / "a.tiff", wide))
    real = Image.fromarray(np.ones((2, 2), np.float32))
    with pytest.raises(InvalidImage, match="floating-point"):
        read_image(saved(tmp_path / "b.tiff", real))


def test_the_bound_is_what_it_says() -> None:
    assert MAX_PIXELS == 64_000_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_or_device_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        assert content_of(path) == Content(None)
        with pytest.raises(InvalidImage, match="is not a regular file"):
            read_image(path)
        with pytest.raises(InvalidImage, match="is not a regular file"):
            list(read_frames(find_sources(path)[0]))
