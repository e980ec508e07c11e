"""Reads a picture's file as H×W×3 uint8 RGB, upright; any failure becomes one sentence.

Files may be hostile: only the formats below are tried, the size is checked from the header before
anything is decoded, and any decoder error becomes `InvalidImage`. Pixels are what readers that
MediaPipe's users call give (`cv2.imread`, Pillow's `convert("RGB")`): transparency is dropped, and
colour profiles are ignored.
"""

import importlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage, first_line
from blazepalm.media import jpeg_xl
from blazepalm.media.formats import AVIF, HEIF, JPEG_XL, RAW, content_of

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
SUPPORTED = (*FORMATS, AVIF, HEIF, JPEG_XL)
MAX_PIXELS = 64_000_000

# format → module and class of its Pillow plugin, and what installs it. The class is called
# directly: registering the plugin would change what the user's own code reads.
PLUGINS = {
    HEIF: ("pillow_heif", "HeifImageFile", "pillow-heif", "blazepalm[heif]"),
    JPEG_XL: (
        "pillow_jxl.JpegXLImagePlugin",
        "JXLImageFile",
        "pillow-jxl-plugin",
        "blazepalm[jxl]",
    ),
}
BAND = 1 << 24  # pixels


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an image file, rotated as its EXIF orientation says.

    The first frame of an animation; transparency dropped: what lies under it is seen; 16-bit values
    rounded to 8 bits; grey, palette and CMYK converted; colour profiles ignored. The content
    decides how it is read, not the name. Raises InvalidImage naming the file.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    path = Path(path)
    try:
        if path.is_dir():
            raise InvalidImage(f"{path}: is a folder, expected an image file")
        if path.exists() and not path.is_file():  # a pipe or a device may never end
            raise InvalidImage(f"{path}: is not a regular file, expected an image file")
        with _opened(path) as picture:
            _check_size(path, picture.size)
            picture.load()
            _check_size(path, picture.size)  # HEIF's decoder may correct the header's
            with suppress(Exception):  # broken EXIF says nothing about the pixels
                ImageOps.exif_transpose(picture, in_place=True)
            return _as_rgb(path, picture)
    except InvalidImage:
        raise
    except FileNotFoundError as error:
        raise InvalidImage(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        raise InvalidImage(
            f"{path}: is not an image (supported: {', '.join(SUPPORTED)})"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage(_too_large(path, "more")) from error
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise InvalidImage(f"{path}: cannot be read: {reason}") from error
    except MemoryError as error:
        raise InvalidImage(f"{path}: cannot be decoded: needs more memory than it may") from error
    except Exception as error:  # decoders may raise anything on hostile bytes
        raise InvalidImage(f"{path}: cannot be decoded: {first_line(error)}") from error


def picture_pixels(picture: "Image.Image") -> NDArray[np.uint8]:
    """An open PIL picture as `read_image` gives a file. Raises InvalidImage."""
    from PIL import ImageOps

    where = Path(str(getattr(picture, "filename", "") or "the picture"))
    _check_size(where, picture.size)
    return _as_rgb(where, ImageOps.exif_transpose(picture))


def _opened(path: Path) -> "Image.Image":
    """The picture, only its header decoded (all of a JPEG XL). Raises InvalidImage, or what Pillow
    does.
    """
    from PIL import Image, features

    content = content_of(path)
    if content.kind == "video":
        raise InvalidImage(f"{path}: is a video, expected a picture")
    if content.format == RAW:
        raise InvalidImage(
            f"{path}: is a camera's raw file, of which only a small preview could be read; export "
            "it as JPEG or PNG"
        )
    if content.format in PLUGINS:
        module, name, distribution, extra = PLUGINS[content.format]
        if content.format == JPEG_XL:
            _check_size(path, jpeg_xl.size_of(path))  # its plugin decodes at once
        try:
            plugin = getattr(importlib.import_module(module), name)
        except ImportError as error:
            raise InvalidImage(
                f"{path}: is {content.format}, which needs {distribution}: "
                f"pip install '{extra}', or save it as JPEG or PNG"
            ) from error
        picture: Image.Image = plugin(str(path))
        return picture
    if content.format != AVIF:
        return Image.open(path, formats=FORMATS)
    try:
        readable = features.check_module("avif")
    except ValueError:  # a Pillow that has never heard of it
        readable = False
    if not readable:
        raise InvalidImage(
            f"{path}: is AVIF, which this Pillow cannot read: install Pillow 11.3 or newer, or "
            "save it as JPEG or PNG"
        )
    return Image.open(path, formats=(AVIF,))


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise InvalidImage(f"{path}: has no pixels ({width}×{height})")
    if width * height > MAX_PIXELS:
        raise InvalidImage(_too_large(path, f"{width}×{height} pixels"))


def _too_large(path: Path, size: str) -> str:
    return f"{path}: has {size}, the limit is {MAX_PIXELS // 1_000_000} million; scale it down"


def _as_rgb(path: Path, picture: "Image.Image") -> NDArray[np.uint8]:
    mode = picture.mode
    if mode.startswith("I"):  # 16-bit grey, which Pillow would clip
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise InvalidImage(f"{path}: has 32-bit pixels, expected 8 or 16 bits per channel")
        grey = ((values + 128) // 257).astype(np.uint8)
        return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))
    if mode == "F":
        raise InvalidImage(f"{path}: has floating-point pixels, expected 8 or 16 bits per channel")
    if mode == "La" or mode == "RGBa":  # colours are multiplied by their opacity: undone first
        picture = picture.convert(mode.upper())
    return _pixels(picture if mode == "RGB" else picture.convert("RGB"))


def _pixels(picture: "Image.Image") -> NDArray[np.uint8]:
    """Converts a large picture in bands: Pillow makes copies, which would fill memory."""
    width, height = picture.size
    rows = max(1, BAND // width)
    if height <= rows:
        return np.array(picture)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        end = min(top + rows, height)
        pixels[top:end] = np.asarray(picture.crop((0, top, width, end)))
    return pixels
