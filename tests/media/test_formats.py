"""Pictures as phones and browsers write them: HEIC, AVIF, JFIF, JPEG XL, and files whose name lies.

HEIC and JPEG XL are written by their plugins' own encoders; where a plugin is not installed, its
tests are skipped.
"""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import InvalidImage
from blazepalm.media import images
from blazepalm.media.formats import AVIF, HEIF, JPEG_XL, OTHER, RAW, Content, content_of_bytes
from blazepalm.media.frames import find_sources, read_frames
from blazepalm.media.images import read_image
from blazepalm.media.jpeg_xl import size_of

# red at the upper left, blue at the lower right, black elsewhere; 120 wide, 80 tall
PICTURE = np.zeros((80, 120, 3), np.uint8)
PICTURE[:40, :60], PICTURE[40:, 60:] = (220, 30, 30), (30, 30, 220)
LOSS = 6  # grey levels, of the coders at quality 95, inside the areas


def brands(major: bytes, *others: bytes) -> bytes:
    """A `ftyp` box and what may follow it."""
    body = major + bytes(4) + b"".join(others)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + bytes(64)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (brands(b"heic", b"mif1", b"heic"), Content("image", HEIF)),
        (brands(b"mif1", b"mif1", b"miaf", b"heix"), Content("image", HEIF)),
        (brands(b"mif1", b"miaf", b"avif"), Content("image", AVIF)),
        (brands(b"avis", b"msf1", b"iso8"), Content("image", AVIF)),
        (brands(b"msf1", b"hevc"), Content("image", HEIF)),
        (brands(b"mif1"), Content("image", HEIF)),
        (brands(b"abcd", b"heic"), Content("image", HEIF)),
        (brands(b"qt  ", b"qt  "), Content("video")),
        (brands(b"isom", b"iso2", b"mp41"), Content("video")),
        (brands(b"mp42", b"isom", b"mif1"), Content("video")),  # a film with a cover
        (brands(b"abcd"), Content("video")),
        (brands(b"crx ", b"crx ", b"isom"), Content("image", RAW)),
        (b"\xff\x0a" + bytes(20), Content("image", JPEG_XL)),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + brands(b"jxl "), Content("image", JPEG_XL)),
        (b"\xff\xd8\xff\xe0", Content("image", OTHER)),
        (b"Dear diary", Content(None)),
        (b"", Content(None)),
        (b"\0\0\0\x08ftyp", Content("video")),
    ],
)
def test_the_first_bytes_decide(start: bytes, expected: Content) -> None:
    assert content_of_bytes(start) == expected


def heic(path: Path, picture: Image.Image, **options: Any) -> Path:
    plugin = pytest.importorskip("pillow_heif.as_plugin", reason="pillow-heif is not installed")
    Image.register_save("HEIF-test", plugin._save_heif)
    picture.save(path, "HEIF-test", quality=95, **options)
    return path


def avif(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, "AVIF", quality=95, subsampling="4:4:4", **options)
    return path


def jxl(path: Path, picture: Image.Image, **options: Any) -> Path:
    plugin = pytest.importorskip(
        "pillow_jxl.JpegXLImagePlugin", reason="pillow-jxl-plugin is not installed"
    )
    Image.register_save("JXL-test", plugin._save)
    picture.save(path, "JXL-test", lossless=True, **options)
    return path


def assert_shows(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal except near the edges, where the coders blur."""
    assert found.shape == expected.shape and found.dtype == np.uint8
    height, width = expected.shape[:2]
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            area = (slice(y - 4, y + 4), slice(x - 4, x + 4))
            assert np.abs(found[area].astype(int) - expected[area]).max() <= LOSS


WRITERS = {"heic": heic, "avif": avif, "jxl": jxl}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("suffix", [None, ".jpg", ".mp4", ".mov", ""])
def test_read_whatever_the_name_says(tmp_path: Path, kind: str, suffix: str | None) -> None:
    path = tmp_path / ("photo" + (f".{kind.upper()}" if suffix is None else suffix))
    WRITERS[kind](path, Image.fromarray(PICTURE))
    (source,) = find_sources([path])
    assert (source.kind, source.frames) == ("image", 1)
    assert_shows(next(read_frames(source)).image, PICTURE)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [(3, np.rot90(PICTURE, 2)), (6, np.rot90(PICTURE, -1)), (8, np.rot90(PICTURE)),
     (2, np.fliplr(PICTURE)), (5, PICTURE.transpose(1, 0, 2))],
)  # fmt: skip
def test_turned_upright_once(
    tmp_path: Path, kind: str, orientation: int, expected: np.ndarray
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = WRITERS[kind](tmp_path / "a", Image.fromarray(PICTURE), exif=exif.tobytes())
    assert_shows(read_image(path), expected)


@pytest.mark.parametrize("kind", WRITERS)
def test_transparency_is_dropped(tmp_path: Path, kind: str) -> None:
    layer = np.dstack((PICTURE, np.full(PICTURE.shape[:2], 128, np.uint8)))
    assert_shows(read_image(WRITERS[kind](tmp_path / "a", Image.fromarray(layer))), PICTURE)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.8])
def test_damaged_is_one_sentence(tmp_path: Path, kind: str, part: float) -> None:
    noise = np.random.Generator(np.random.PCG64(3)).integers(0, 255, (64, 64, 3), np.uint8)
    path = WRITERS[kind](tmp_path / "a.pic", Image.fromarray(noise))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(InvalidImage) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_size_is_bounded(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRITERS[kind](tmp_path / "a", Image.fromarray(PICTURE))
    monkeypatch.setattr(images, "MAX_PIXELS", 9000)  # 120 · 80 = 9600
    with pytest.raises(InvalidImage, match="120×80 pixels, the limit"):
        read_image(path)


@pytest.mark.parametrize(("kind", "extra"), [("heic", "heif"), ("jxl", "jxl")])
def test_without_its_plugin_a_sentence_says_what_installs_it(
    tmp_path: Path, kind: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = brands(b"heic", b"mif1") if kind == "heic" else b"\xff\x0a" + jxl_header(80, 120)
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(start)

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(InvalidImage, match=rf"which needs pillow-.*blazepalm\[{extra}\]"):
        read_image(path)


def jxl_header(height: int, width: int) -> bytes:
    """A SizeHeader by hand (18181-1, 9.2): not small, 9 bits each, no ratio."""
    bits = 0 | 0 << 1 | (height - 1) << 3 | 0 << 12 | 0 << 15 | (width - 1) << 17
    return bits.to_bytes(10, "little")


def test_the_size_of_a_jpeg_xl_header(tmp_path: Path) -> None:
    path = tmp_path / "a.jxl"
    path.write_bytes(b"\xff\x0a" + jxl_header(80, 120))
    assert size_of(path) == (120, 80)
    # on paper: small, 8 · (9 + 1) tall, ratio 4: 3 to 2
    path.write_bytes(b"\xff\x0a" + (1 | 9 << 1 | 4 << 6).to_bytes(10, "little"))
    assert size_of(path) == (120, 80)


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (77, 513), (1920, 1080), (1200, 800), (9000, 3)])
@pytest.mark.parametrize("container", [False, True])
def test_the_size_is_what_the_encoder_wrote(
    tmp_path: Path, size: tuple[int, int], container: bool
) -> None:
    picture = Image.new("RGB", size)
    assert size_of(jxl(tmp_path / "a", picture, use_container=container, effort=1)) == size


def test_a_jpeg_from_a_browser(tmp_path: Path) -> None:
    path = tmp_path / "download.jfif"
    Image.fromarray(PICTURE).save(path, "JPEG", quality=95, subsampling=0)
    assert [Path(source.path).name for source in find_sources([tmp_path])] == ["download.jfif"]
    assert_shows(read_image(path), PICTURE)


def test_a_jpeg_with_a_second_picture(tmp_path: Path) -> None:
    """As phones store a depth or gain map behind the photograph."""
    path = tmp_path / "a.jpg"
    Image.fromarray(PICTURE).save(
        path, "MPO", save_all=True, append_images=[Image.new("L", (30, 20))], quality=95
    )
    assert_shows(read_image(path), PICTURE)


def tiff(order: str, *tags: tuple[int, int]) -> bytes:
    """A TIFF header and its first directory, at once behind it."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    rows = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags)
    return head + struct.pack(order + "IH", 8, len(tags)) + rows + bytes(64)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("tags", [((254, 1), (256, 160)), ((254, 0), (50706, 0x01040000))])
def test_a_cameras_raw_file_is_not_its_preview(
    tmp_path: Path, order: str, tags: tuple[tuple[int, int], ...]
) -> None:
    for name, content in (
        ("a.dng", tiff(order, *tags)),
        ("a.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(64)),
        ("a.cr3", brands(b"crx ", b"isom")),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert find_sources([path])[0].kind == "image"
        with pytest.raises(InvalidImage, match="is a camera's raw file"):
            read_image(path)


def test_a_plain_tiff_is_read(tmp_path: Path) -> None:
    target = io.BytesIO()
    Image.fromarray(PICTURE).save(target, "TIFF")
    (tmp_path / "a.tif").write_bytes(target.getvalue())
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), PICTURE)


def test_a_video_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(brands(b"isom"))
    assert find_sources([path])[0].kind == "video"
    with pytest.raises(InvalidImage, match="is a video, expected a picture"):
        read_image(path)
