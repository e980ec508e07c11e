"""Reads a picture's file as H×W×3 uint8 RGB, upright; any failure becomes one sentence.

Files may be hostile: only the formats below are tried, the size is checked from the header before
anything is decoded, and any decoder error becomes `InvalidImage`.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage, first_line

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAX_PIXELS = 64_000_000
PAPER = (255, 255, 255)  # shows through transparent pixels
BAND = 256  # rows


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an image file, rotated as its EXIF orientation says.

    The first frame of an animation; transparency on white; 16-bit values rounded to 8 bits; grey,
    palette and CMYK converted. Raises InvalidImage naming the file.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    path = Path(path)
    try:
        if path.is_dir():
            raise InvalidImage(f"{path}: is a folder, expected an image file")
        with Image.open(path, formats=FORMATS) as picture:
            _check_size(path, picture.size)
            picture.load()
            with suppress(Exception):  # broken EXIF says nothing about the pixels
                ImageOps.exif_transpose(picture, in_place=True)
            return _as_rgb(path, picture)
    except InvalidImage:
        raise
    except FileNotFoundError as error:
        raise InvalidImage(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        raise InvalidImage(f"{path}: is not an image (supported: {', '.join(FORMATS)})") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage(_too_large(path, "more")) from error
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise InvalidImage(f"{path}: cannot be read: {reason}") from error
    except Exception as error:  # decoders may raise anything on hostile bytes
        raise InvalidImage(f"{path}: cannot be decoded: {first_line(error)}") from error


def picture_pixels(picture: "Image.Image") -> NDArray[np.uint8]:
    """An open PIL picture as `read_image` gives a file. Raises InvalidImage."""
    from PIL import ImageOps

    where = Path(str(getattr(picture, "filename", "") or "the picture"))
    _check_size(where, picture.size)
    return _as_rgb(where, ImageOps.exif_transpose(picture))


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise InvalidImage(f"{path}: has no pixels ({width}×{height})")
    if width * height > MAX_PIXELS:
        raise InvalidImage(_too_large(path, f"{width}×{height} pixels"))


def _too_large(path: Path, size: str) -> str:
    return f"{path}: has {size}, the limit is {MAX_PIXELS // 1_000_000} million; scale it down"


def _as_rgb(path: Path, picture: "Image.Image") -> NDArray[np.uint8]:
    from PIL import Image

    mode = picture.mode
    if mode.startswith("I"):  # 16-bit grey, which Pillow would clip
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise InvalidImage(f"{path}: has 32-bit pixels, expected 8 or 16 bits per channel")
        grey = ((values + 128) // 257).astype(np.uint8)
        return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))
    if mode == "F":
        raise InvalidImage(f"{path}: has floating-point pixels, expected 8 or 16 bits per channel")
    if "A" in mode or "a" in mode or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (*PAPER, 255))
        picture = Image.alpha_composite(paper, layer)
    return _pixels(picture if mode == "RGB" else picture.convert("RGB"))


def _pixels(picture: "Image.Image") -> NDArray[np.uint8]:
    """Converts in bands: Pillow makes copies, and those of a large picture would fill memory."""
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, BAND):
        end = min(top + BAND, height)
        pixels[top:end] = np.asarray(picture.crop((0, top, width, end)))
    return pixels
