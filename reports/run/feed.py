"""Converts a picture to what an input of a Core ML package takes: an image of its size, or a
tensor that looks like one.

An image input declares its size and colours, a tensor only its shape. A tensor of rank 4 or 3
with an axis of 3 (or 1) channels is treated as planes (N, C, H, W) or pixels (N, H, W, C) with
values in 0..1. These are assumptions, so `feed` returns them (`Fed`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidInput
from blazepalm.models.crop import crop_whole, to_range
from blazepalm.reports.backends.mil.interface import Feature
from blazepalm.reports.backends.mil.storage_types import FLOATS
from blazepalm.reports.backends.mil.values import MAX_ELEMENTS

PIXELS = (0.0, 255.0)
CHANNELS = (3, 1)


@dataclass(frozen=True)
class Fed:
    """How a picture was converted for an input. `size` is (H, W); `layout` is the feature's colour
    layout, or `NCHW`, `NHWC`, `CHW`, `HWC` for a tensor.
    """

    input: str
    size: tuple[int, int]
    layout: str
    value_range: tuple[float, float]
    letterbox: bool


def picture_input(inputs: Sequence[Feature], name: str | None, source: str) -> Feature:
    """The input that takes a picture: the one called `name`, else the only image input, else the
    only tensor that looks like one. Raises InvalidInput where there are none or several.
    """
    if name is not None:
        return next(feature for feature in inputs if feature.name == name)
    for fits in (
        [f for f in inputs if f.image is not None],
        [f for f in inputs if f.image is None and tensor_layout(f) is not None],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            names = ", ".join(f"{f.name}" for f in fits)
            raise InvalidInput(
                f"{source}: a picture could go to {names}; say which with --image NAME=FILE"
            )
    takes = ", ".join(map(str, inputs)) or "nothing"
    raise InvalidInput(f"{source}: takes {takes}, not an image; use --input NAME=FILE.npy")


def tensor_layout(feature: Feature) -> str | None:
    """`NCHW`, `NHWC`, `CHW` or `HWC`; None if the shape is not an image's. If two fit,
    three channels are preferred to one, and planes to pixels.
    """
    shape = default_shape(feature)
    if feature.type.dtype not in (*FLOATS, "INT32", "UINT8") or len(shape) not in (3, 4):
        return None
    batch = "N" if len(shape) == 4 else ""
    for channels in CHANNELS:
        if shape[-3] == channels:
            return f"{batch}CHW"
        if shape[-1] == channels:
            return f"{batch}HWC"
    return None


def default_shape(feature: Feature) -> tuple[int, ...]:
    """The shape to use: the description's, else the program's with flexible sizes set to 1."""
    return feature.shape or tuple(1 if d is None else d for d in feature.type.shape or ())


def feed(
    feature: Feature,
    pixels: NDArray[np.uint8],
    source: str,
    *,
    letterbox: bool = False,
    value_range: tuple[float, float] | None = None,
) -> tuple[np.ndarray, Fed]:
    """`pixels`, (H, W, 3) uint8 RGB, as a value of the input, and how it was converted. The
    picture is stretched to the input's size, or with `letterbox` padded with black.

    A tensor's values are scaled from 0..255 to `value_range`, by default 0..1 (integers:
    0..255). A batch of several is filled with copies of the picture. Raises InvalidInput.
    """
    shape = default_shape(feature)
    layout = feature.image or tensor_layout(feature)
    if layout is None:
        raise InvalidInput(f"{source}: input {feature} does not look like an image")
    if feature.image is not None:
        size, channels = (shape[0], shape[1]), 1 if layout.startswith("grayscale") else 3
    else:
        rows = layout.index("H") - len(layout)
        size, channels = (shape[rows], shape[rows + 1]), shape[layout.index("C") - len(layout)]
    if min(size) < 1 or size[0] * size[1] * 3 > MAX_ELEMENTS:
        raise InvalidInput(f"{source}: input {feature} has a size that no picture can have")
    resized = resize(pixels, size, letterbox=letterbox, grey=channels == 1)
    if feature.image is not None:
        picture: np.ndarray = resized[..., 0] if channels == 1 else resized
        picture = picture.astype(np.float16) if "float16" in layout else picture
        return picture, Fed(feature.name, size, layout, PIXELS, letterbox)
    floats = feature.type.dtype in FLOATS
    low, high = value_range or ((0.0, 1.0) if floats else PIXELS)
    scaled = to_range(resized, (low, high))
    value: np.ndarray = scaled if floats else np.rint(scaled).astype(np.int32)
    value = value.transpose(2, 0, 1) if "CHW" in layout else value
    if layout[0] == "N":
        if shape[0] * value.size > MAX_ELEMENTS:
            raise InvalidInput(f"{source}: input {feature} takes too many pictures at once")
        value = np.repeat(value[None], shape[0], axis=0)
    return np.ascontiguousarray(value), Fed(feature.name, size, layout, (low, high), letterbox)


def resize(
    pixels: NDArray[np.uint8], size: tuple[int, int], *, letterbox: bool, grey: bool
) -> NDArray[np.uint8]:
    """(*size, 3) uint8, or (*size, 1) if grey (ITU-R 601). Bilinear by Pillow, which averages
    when shrinking; a letterbox is sampled as MediaPipe samples it (`models.crop`).
    """
    from PIL import Image

    if letterbox:
        picture = Image.fromarray(crop_whole(pixels, size)[0])
    else:
        picture = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    values: NDArray[np.uint8] = np.array(picture.convert("L" if grey else "RGB"))
    return values[..., None] if grey else values
