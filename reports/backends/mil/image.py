"""Turns a picture into the tensor (1, C, H, W) that stands for an image input in the program.

Values stay 0..255, because an ML program scales its images itself (coremltools writes an image's
scale and bias as `mul` and `add`). The colour layout comes from the description. Nothing is
resized: a picture of another size is an error.
"""

from typing import Any

import numpy as np

from blazepalm.errors import InvalidImage
from blazepalm.reports.backends.mil.interface import Feature


def image_tensor(picture: Any, feature: Feature) -> np.ndarray:
    """(1, C, H, W) float32, 0..255 in the feature's colour layout.

    `picture` is a PIL image, or uint8 of shape (H, W, 3) RGB or (H, W) grey (float16 where the
    feature is). A float array (1, C, H, W) is taken as it is, in the model's own layout.
    Raises InvalidImage.
    """
    layout = feature.image or ""
    grey = layout.startswith("grayscale")
    pixels = _pixels(picture, grey, feature.name)
    if pixels.ndim == 4 and pixels.dtype.kind == "f":
        _check_size(pixels.shape[2:], feature)
        if pixels.shape[:2] != (1, 1 if grey else 3):
            raise InvalidImage(
                f"input '{feature.name}': a tensor of shape {list(pixels.shape)} is not a {layout} "
                "image; expected [1, C, H, W]"
            )
        return pixels.astype(np.float32)
    allowed = (np.uint8, np.float16) if "float16" in layout else (np.uint8,)
    if pixels.dtype not in allowed or pixels.shape[2:] != (() if grey else (3,)):
        raise InvalidImage(
            f"input '{feature.name}' takes a {layout} image: {'H×W' if grey else 'H×W×3'} uint8, "
            f"found {pixels.dtype} of shape {list(pixels.shape)}"
        )
    _check_size(pixels.shape[:2], feature)
    if grey:
        return pixels[None, None].astype(np.float32)
    if layout == "BGR":
        pixels = pixels[..., ::-1]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32)


def _pixels(picture: Any, grey: bool, name: str) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        return picture
    try:
        return np.asarray(picture.convert("L" if grey else "RGB"))
    except (AttributeError, OSError, ValueError, SyntaxError) as error:
        raise InvalidImage(f"input '{name}': cannot be read as an image ({error})") from error


def _check_size(size: tuple[int, ...], feature: Feature) -> None:
    if not feature.allows(tuple(size)):
        raise InvalidImage(
            f"input '{feature.name}' takes images of H×W {feature.allowed()}, found {list(size)}"
        )
