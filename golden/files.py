"""Difficult files: one small picture of a hand in every encoding that users send, and files that
are not pictures. The same arguments give the same bytes.
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]

LARGE = (6000, 8000)  # height, width
LARGE_SCALE = 16
ROTATED_LEFT = 8  # EXIF orientation: turn by 270 degrees to make it upright


def make_file(name: str, pixels: Pixels) -> tuple[str, bytes]:
    """(suffix, content) of the difficult file with that name, showing `pixels` (H, W, 3) RGB."""
    return MAKERS[name](pixels)


def greyscale(pixels: Pixels) -> tuple[str, bytes]:
    return _png(_picture(pixels).convert("L"))


def rgba(pixels: Pixels) -> tuple[str, bytes]:
    """The left edge fades out."""
    picture = _picture(pixels).convert("RGBA")
    height, width = pixels.shape[:2]
    fade = np.clip(np.arange(width) * (4 * 255 / width), 0, 255).astype(np.uint8)
    from PIL import Image

    picture.putalpha(Image.fromarray(np.ascontiguousarray(np.broadcast_to(fade, (height, width)))))
    return _png(picture)


def palette(pixels: Pixels) -> tuple[str, bytes]:
    from PIL import Image

    return _png(_picture(pixels).quantize(64, method=Image.Quantize.MEDIANCUT))


def sixteen_bit(pixels: Pixels) -> tuple[str, bytes]:
    from PIL import Image

    grey = np.asarray(_picture(pixels).convert("L")).astype(np.int64) * 257
    within = np.arange(grey.size).reshape(grey.shape) * 71 % 255 - 127  # rounds to the same 8 bits
    return _png(Image.fromarray(np.clip(grey + within, 0, 65535).astype(np.uint16)))


def cmyk_jpeg(pixels: Pixels) -> tuple[str, bytes]:
    stream = io.BytesIO()
    _picture(pixels).convert("CMYK").save(stream, "JPEG", quality=92)
    return ".jpg", stream.getvalue()


def exif_rotated(pixels: Pixels) -> tuple[str, bytes]:
    """Stored on its side, with the EXIF tag that says so."""
    from PIL import Image

    picture = _picture(pixels).transpose(Image.Transpose.ROTATE_270)
    exif = Image.Exif()
    exif[0x0112] = ROTATED_LEFT
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=92, exif=exif)
    return ".jpg", stream.getvalue()


def one_pixel(pixels: Pixels) -> tuple[str, bytes]:
    return _png(_picture(pixels[:1, :1]))


def large(pixels: Pixels) -> tuple[str, bytes]:
    """The picture, every pixel `LARGE_SCALE` wide, in the middle of a grey wall."""
    wall = np.full((*LARGE, 3), 150, np.uint8)
    big = np.repeat(np.repeat(pixels, LARGE_SCALE, axis=0), LARGE_SCALE, axis=1)
    left, top = large_corner(pixels)
    wall[top : top + big.shape[0], left : left + big.shape[1]] = big
    stream = io.BytesIO()
    _picture(wall).save(stream, "JPEG", quality=75)
    return ".jpg", stream.getvalue()


def large_corner(pixels: Pixels) -> tuple[int, int]:
    """The position x, y of the upper left corner of `pixels` in the large file."""
    top, left = ((LARGE[i] - LARGE_SCALE * pixels.shape[i]) // 2 for i in (0, 1))
    return left, top


def truncated(pixels: Pixels) -> tuple[str, bytes]:
    stream = io.BytesIO()
    _picture(pixels).save(stream, "JPEG", quality=92)
    content = stream.getvalue()
    return ".jpg", content[: len(content) // 3]


def not_an_image(pixels: Pixels) -> tuple[str, bytes]:
    return ".png", b"This is a text file whose name says it is a picture.\n"


MAKERS: dict[str, Callable[[Pixels], tuple[str, bytes]]] = {
    "greyscale": greyscale,
    "rgba": rgba,
    "palette": palette,
    "16-bit": sixteen_bit,
    "cmyk-jpeg": cmyk_jpeg,
    "exif-rotated": exif_rotated,
    "1x1": one_pixel,
    "8000x6000": large,
    "truncated": truncated,
    "not-an-image": not_an_image,
}


def _picture(pixels: Pixels) -> "Image.Image":
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels))


def _png(picture: "Image.Image") -> tuple[str, bytes]:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=4)
    return ".png", stream.getvalue()
