"""Effects applied to a rendered picture: an object in front, camera motion, sensor noise, JPEG. The
truth stays unchanged. The same arguments give the same bytes.
"""

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.exact import cos_sin

Image = NDArray[np.uint8]

FULL_WELL = 9000.0  # electrons of a white pixel: a phone's small sensor
READ_NOISE = 6.0  # electrons


SHADOW = 0.45  # fraction of light lost where an object's shadow is darkest


@dataclass(frozen=True)
class Occluder:
    """An opaque object between the hand and the camera: a flat `box` or a round `bar`.

    `centre` x, y as fractions of width and height; `size` along and across as fractions of the
    short side; `angle` in degrees, clockwise; `colour` 8-bit RGB.
    """

    shape: str
    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float = 0.0
    colour: tuple[int, int, int] = (92, 104, 116)

    def __post_init__(self) -> None:
        if self.shape not in ("box", "bar"):
            raise ValueError(f"shape is {self.shape!r}, expected 'box' or 'bar'")
        if min(self.size) <= 0:
            raise ValueError(f"size is {self.size}, expected more than 0")


@dataclass(frozen=True)
class Effects:
    """The effects, in the order of application. `motion`: length in pixels and direction in
    degrees, clockwise from the right; `gain`: sensor gain, 1 is base sensitivity; `jpeg`: quality 1
    to 95. None: not applied.
    """

    occluder: Occluder | None = None
    motion: tuple[float, float] | None = None
    gain: float | None = None
    jpeg: int | None = None


def apply_effects(image: Image, effects: Effects, seed: int) -> Image:
    """(H, W, 3) uint8 → the same; `seed` seeds the noise."""
    if effects.occluder is not None:
        image = occlude(image, effects.occluder)
    if effects.motion is not None:
        image = blur(image, *effects.motion)
    if effects.gain is not None:
        image = sensor_noise(image, effects.gain, seed)
    if effects.jpeg is not None:
        image = through_jpeg(image, effects.jpeg)
    return image


def occlude(image: Image, occluder: Occluder) -> Image:
    """Draws the object over everything, shaded, antialiased, its soft shadow to the lower right."""
    height, width = image.shape[:2]
    short = np.float32(min(height, width))
    colour = _linear(np.array([[occluder.colour]], np.uint8))
    linear = _linear(image)
    reach = 0.03  # of the short side: the shadow's offset and its softness
    shadow = np.clip(0.5 - _outside(occluder, (height, width), reach)[0] / reach, 0, 1)
    linear *= (1 - np.float32(SHADOW) * shadow * shadow * (3 - 2 * shadow))[..., None]
    outside, across = _outside(occluder, (height, width), 0.0)
    cover = np.clip(np.float32(0.5) - outside * short, 0, 1)[..., None]
    if occluder.shape == "bar":  # round: darker towards its lower edge
        lit = 0.45 + 0.75 * np.sqrt(np.clip(1 - (across + np.float32(0.35)) ** 2, 0, 1))
    else:  # flat, with a bright edge
        rim = np.clip(1 + outside * short / 3, 0, 1)
        lit = 0.9 - 0.12 * across + 0.35 * rim * rim
    front = colour * lit[..., None].astype(np.float32)
    return _encoded((linear + (front - linear) * cover).astype(np.float32))


def _outside(
    occluder: Occluder, size: tuple[int, int], aside: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(H, W) distance from the object moved `aside`, in parts of the short side, negative inside;
    and the place across it, −1 its upper edge to 1.
    """
    height, width = size
    short = min(size)
    x = (np.arange(width, dtype=np.float32) + 0.5 - occluder.centre[0] * width) / short - aside
    y = (np.arange(height, dtype=np.float32) + 0.5 - occluder.centre[1] * height) / short - aside
    cos, sin = (np.float32(value) for value in cos_sin(occluder.angle))
    along = x[None, :] * cos + y[:, None] * sin
    across = y[:, None] * cos - x[None, :] * sin
    long, wide = (np.float32(side / 2) for side in occluder.size)
    dx, dy = np.abs(along) - long, np.abs(across) - wide
    far = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    outside = far + np.minimum(np.maximum(dx, dy), 0)
    return outside.astype(np.float32), np.asarray(across / wide, np.float32)


def blur(image: Image, length: float, direction: float) -> Image:
    """The mean along a line of `length` pixels, in linear light. The truth is the line's middle."""
    steps = max(2, math.ceil(length) + 1)
    cos, sin = cos_sin(direction)
    linear = _linear(image)
    total = np.zeros_like(linear)
    for step in range(steps):
        along = (step / (steps - 1) - 0.5) * length
        total += _shifted(linear, along * cos, along * sin)
    return _encoded(total / np.float32(steps))


def sensor_noise(image: Image, gain: float, seed: int) -> Image:
    """Shot noise of the light and read noise of the sensor, both scaled by `gain`."""
    random = np.random.Generator(np.random.PCG64([seed, 1707]))
    electrons = _linear(image).astype(np.float64) * (FULL_WELL / gain)
    spread = np.sqrt(electrons + READ_NOISE**2)
    noisy = electrons + random.standard_normal(electrons.shape) * spread
    return _encoded((noisy * (gain / FULL_WELL)).astype(np.float32))


def through_jpeg(image: Image, quality: int) -> Image:
    """The picture after JPEG compression of that quality."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(image).save(stream, "JPEG", quality=quality, subsampling=2)
    stream.seek(0)
    with Pillow.open(stream) as again:
        return np.asarray(again.convert("RGB")).copy()


def _shifted(image: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
    """Shifts bilinearly, repeating edge pixels."""
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
