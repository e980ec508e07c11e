"""Pictures without a hand that a detector may still fall for."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.lighting import LIGHTS
from blazepalm.golden.render import encode
from blazepalm.golden.skin import TONES

Image = NDArray[np.uint8]


def black(size: tuple[int, int], seed: int) -> Image:
    return np.zeros((*size, 3), np.uint8)


def white(size: tuple[int, int], seed: int) -> Image:
    return np.full((*size, 3), 255, np.uint8)


def noise(size: tuple[int, int], seed: int) -> Image:
    random = np.random.Generator(np.random.PCG64(seed))
    return random.integers(0, 256, (*size, 3), dtype=np.uint8)


def stripes(size: tuple[int, int], seed: int) -> Image:
    """Slanted bars of the width of fingers, light on dark."""
    y, x = np.mgrid[: size[0], : size[1]]
    bars = ((x + y // 3) // 22 % 2).astype(np.uint8)
    return np.stack([bars * 120 + 60, bars * 90 + 50, bars * 70 + 45], axis=2).astype(np.uint8)


def skin_ball(size: tuple[int, int], seed: int) -> Image:
    """A lit ball of the colour of skin."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = np.float32(0.28 * min(size))
    u, v = (x - width / 2) / radius, (y - height / 2) / radius
    inside = (u * u + v * v < 1).astype(np.float32)
    w = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    light = LIGHTS["window"]
    key = np.asarray(light.direction, np.float32)
    lit = np.clip(u * key[0] - v * key[1] + w * key[2], 0, 1) * 0.9 + 0.25
    tone = np.asarray(TONES["light"].back, np.float32)
    colour = np.float32(0.18) * (1 - inside) + inside * lit * tone[:, None, None]
    return encode(colour.astype(np.float32))


def face_drawing(size: tuple[int, int], seed: int) -> Image:
    """A face of plain shapes: an oval, two eyes, a nose, a mouth."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float64)
    image = np.full((height, width, 3), (206, 214, 220), np.uint8)

    def oval(cx: float, cy: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        scale = min(size)
        u = (x - cx * width) / (rx * scale)
        v = (y - cy * height) / (ry * scale)
        image[u * u + v * v < 1] = colour

    oval(0.5, 0.5, 0.27, 0.36, (224, 180, 152))
    for side in (-1, 1):
        oval(0.5 + side * 0.075, 0.43, 0.045, 0.028, (250, 250, 248))
        oval(0.5 + side * 0.075, 0.43, 0.02, 0.022, (60, 48, 40))
        oval(0.5 + side * 0.075, 0.36, 0.055, 0.010, (92, 66, 50))
    oval(0.5, 0.53, 0.022, 0.055, (206, 156, 128))
    oval(0.5, 0.665, 0.085, 0.022, (176, 86, 80))
    return image


DRAWINGS: dict[str, Callable[[tuple[int, int], int], Image]] = {
    "black": black,
    "white": white,
    "noise": noise,
    "stripes": stripes,
    "skin-ball": skin_ball,
    "face-drawing": face_drawing,
}
