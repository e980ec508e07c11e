"""What happens to a picture between the hand and the file: something in front of it, motion of
the camera, the sensor's noise, JPEG. The truth stays as it was. The same arguments give the
same bytes.
"""

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

FULL_WELL = 9000.0  # electrons of a white pixel: a phone's small sensor
READ_NOISE = 6.0  # electrons


@dataclass(frozen=True)
class Effects:
    """In the order in which they are applied. `bar`: left, top, right, bottom of an opaque bar
    in parts of width and height, and its grey level; `motion`: length in pixels and direction in
    degrees, clockwise from the right; `gain`: sensor gain, 1 is base sensitivity; `jpeg`:
    quality 1 to 95. None: not applied.
    """

    bar: tuple[float, float, float, float, int] | None = None
    motion: tuple[float, float] | None = None
    gain: float | None = None
    jpeg: int | None = None


def apply_effects(image: Image, effects: Effects, seed: int) -> Image:
    """(H, W, 3) uint8 → the same; `seed` chooses the noise."""
    if effects.bar is not None:
        image = occlude(image, effects.bar)
    if effects.motion is not None:
        image = blur(image, *effects.motion)
    if effects.gain is not None:
        image = sensor_noise(image, effects.gain, seed)
    if effects.jpeg is not None:
        image = through_jpeg(image, effects.jpeg)
    return image


def occlude(image: Image, bar: tuple[float, float, float, float, int]) -> Image:
    """A bar with a slightly lighter upper edge, in front of everything."""
    height, width = image.shape[:2]
    left, top, right, bottom, grey = bar
    x0, x1 = round(left * width), round(right * width)
    y0, y1 = round(top * height), round(bottom * height)
    covered = image.copy()
    covered[y0:y1, x0:x1] = grey
    covered[y0 : min(y0 + 3, y1), x0:x1] = min(grey + 40, 255)
    return covered


def blur(image: Image, length: float, direction: float) -> Image:
    """The mean along a line of `length` pixels, in linear light."""
    steps = max(2, math.ceil(length) + 1)
    angle = math.radians(direction)
    linear = _linear(image)
    total = np.zeros_like(linear)
    for step in range(steps):
        along = (step / (steps - 1) - 0.5) * length
        total += _shifted(linear, along * math.cos(angle), along * math.sin(angle))
    return _encoded(total / np.float32(steps))


def sensor_noise(image: Image, gain: float, seed: int) -> Image:
    """Shot noise of the light and read noise of the sensor, both as large as `gain` makes them."""
    random = np.random.Generator(np.random.PCG64([seed, 1707]))
    electrons = _linear(image).astype(np.float64) * (FULL_WELL / gain)
    spread = np.sqrt(electrons + READ_NOISE**2)
    noisy = electrons + random.standard_normal(electrons.shape) * spread
    return _encoded((noisy * (gain / FULL_WELL)).astype(np.float32))


def through_jpeg(image: Image, quality: int) -> Image:
    """Compressed as JPEG of that quality, and read again."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(image).save(stream, "JPEG", quality=quality, subsampling=2)
    stream.seek(0)
    with Pillow.open(stream) as again:
        return np.asarray(again.convert("RGB")).copy()


def _shifted(image: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
    """Bilinear, edge pixels repeated."""
    height, width = image.shape[:2]
    left, top = math.floor(x), math.floor(y)
    share_x, share_y = np.float32(x - left), np.float32(y - top)
    columns = [np.clip(np.arange(width) - left - i, 0, width - 1) for i in (0, 1)]
    lines = [np.clip(np.arange(height) - top - i, 0, height - 1) for i in (0, 1)]
    upper, lower = image[lines[0]], image[lines[1]]
    one = np.float32(1)
    rows = upper * (one - share_y) + lower * share_y
    mixed = rows[:, columns[0]] * (one - share_x) + rows[:, columns[1]] * share_x
    return mixed.astype(np.float32, copy=False)


def _linear(image: Image) -> NDArray[np.float32]:
    """Gamma 2, as `render.encode`."""
    scaled = image.astype(np.float32) * np.float32(1 / 255)
    return scaled * scaled


def _encoded(linear: NDArray[np.float32]) -> Image:
    values = np.sqrt(np.clip(linear, 0, 1)) * np.float32(255)
    return (values + np.float32(0.5)).astype(np.uint8)
