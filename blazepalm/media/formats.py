"""Tells pictures from videos, and which decoder a picture needs, by a file's first bytes.

A name says little: phones send HEIC named `.jpg`, and HEIC, AVIF, Canon's raw files and MP4 share
one container (ISO 14496-12), whose `ftyp` box lists brands: the first that is known decides. HEIF's
brands: ISO 23008-12; AVIF's: https://aomediacodec.github.io/av1-avif/. A camera's raw file would
open as the small preview that its TIFF structure begins with, so it is told apart and refused.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

IMAGES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".heic", ".heif", ".hif", ".avif", ".jxl"),
)
VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".3gp", ".wmv")

HEIF, AVIF, JPEG_XL, RAW = "HEIF", "AVIF", "JPEG XL", "raw"
OTHER = "other"  # Pillow tells these apart
START = 4096  # bytes that are looked at
MAX_BRANDS = 64
MAX_TAGS = 512

# what the brands of a `ftyp` box mean; those that leave the coding open come last
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm"), HEIF),
    **dict.fromkeys((b"hevs", b"avci", b"avcs", b"jpeg", b"jpgs", b"j2ki", b"vvic"), HEIF),
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    b"crx ": RAW,
    b"jxl ": JPEG_XL,
}
OPEN_BRANDS = (b"mif1", b"mif2", b"msf1", b"miaf", b"unif")
MOVIE_BRANDS = ("iso", "mp4", "avc", "qt", "M4V", "3g", "MSNV", "f4v", "dash", "XAVC")

PICTURES = (  # (offset, bytes, format)
    (0, b"\x89PNG\r\n\x1a\n", OTHER),
    (0, b"\xff\xd8\xff", OTHER),  # JPEG
    (0, b"GIF8", OTHER),
    (8, b"WEBP", OTHER),
    (0, b"\xff\x0a", JPEG_XL),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", JPEG_XL),
)
TIFF = {b"II*\0": "<", b"MM\0*": ">"}

# (offset, bytes) at a video's beginning
VIDEO_MARKS = (
    *((4, kind) for kind in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (8, b"AVI "),
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (0, b"\x00\x00\x01\xba"),  # MPEG programme stream
    (0, b"\x00\x00\x01\xb3"),  # MPEG video
    (0, b"\x30\x26\xb2\x75"),  # ASF
    (0, b"OggS"),
    (0, b"FLV"),
    (0, b"\x47\x40"),  # MPEG transport stream
)

NEW_SUBFILE_TYPE, DNG_VERSION = 254, 50706  # TIFF tags; the first one's lowest bit: a preview


@dataclass(frozen=True)
class Content:
    """What a file's first bytes say. `kind` is None if they say nothing; `format` of a picture is
    `HEIF`, `AVIF`, `JPEG_XL`, `RAW` or `OTHER`.
    """

    kind: Literal["image", "video"] | None
    format: str = OTHER


def content_of(path: Path) -> Content:
    """What a file's first bytes say; nothing if it cannot be read, or is a pipe or a device."""
    try:
        if not path.is_file():
            return Content(None)
        with path.open("rb") as file:
            return content_of_bytes(file.read(START))
    except (OSError, ValueError):
        return Content(None)


def content_of_bytes(start: bytes) -> Content:
    """What a file is that begins with `start`."""
    if start[4:8] == b"ftyp" and (picture := _picture_brand(start)):
        return Content("image", picture)
    for at, mark, form in PICTURES:
        if start[at : at + len(mark)] == mark:
            return Content("image", form)
    if start[:4] in TIFF:
        return Content("image", RAW if _is_raw(start) else OTHER)
    if any(start[at : at + len(mark)] == mark for at, mark in VIDEO_MARKS):
        return Content("video")
    return Content(None)


def _picture_brand(start: bytes) -> str | None:
    """The format of a picture's `ftyp` box: size, "ftyp", major brand, version, more brands."""
    end = min(int.from_bytes(start[:4], "big"), len(start), 16 + 4 * MAX_BRANDS)
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))]
    for brand in brands:
        if brand in BRANDS:
            return BRANDS[brand]
        if brand.decode("latin-1").startswith(MOVIE_BRANDS):
            return None
    return HEIF if any(brand in OPEN_BRANDS for brand in brands) else None


def _is_raw(start: bytes) -> bool:
    """Whether the first picture of a TIFF file is only the preview of a camera's raw data."""
    if start[8:10] == b"CR":  # Canon's CR2
        return True
    order = TIFF[start[:4]]
    try:
        (at,) = struct.unpack_from(order + "I", start, 4)
        (count,) = struct.unpack_from(order + "H", start, at)
        for number in range(min(count, MAX_TAGS)):
            tag, _, _, value = struct.unpack_from(order + "HHII", start, at + 2 + 12 * number)
            if tag == DNG_VERSION or (tag == NEW_SUBFILE_TYPE and value & 1):
                return True
    except struct.error:  # the directory lies further on, as writers of plain TIFF put it
        return False
    return False
