"""Pictures without a hand that may still fool a detector, (H, W, 3) uint8 RGB.

`DRAWINGS` names them; each takes a size (height, width) and a seed, which only noise uses.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.lighting import LIGHTS, WRAP, unit
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
    """Slanted bars as wide as fingers, light on dark."""
    y, x = np.mgrid[: size[0], : size[1]]
    bars = ((x + y // 3) // 22 % 2).astype(np.uint8)
    return np.stack([bars * 120 + 60, bars * 90 + 50, bars * 70 + 45], axis=2).astype(np.uint8)


def skin_ball(size: tuple[int, int], seed: int) -> Image:
    """A skin-coloured ball, lit like the hands, in front of a grey wall."""
    height, width = size
    radius = np.float32(0.28 * min(size))
    u = (np.arange(width, dtype=np.float32)[None, :] + 0.5 - width / 2) / radius
    v = (np.arange(height, dtype=np.float32)[:, None] + 0.5 - height / 2) / radius
    far = np.sqrt(u * u + v * v)
    cover = np.clip((1 - far) * radius + np.float32(0.5), 0, 1)
    w = np.sqrt(np.clip(1 - far * far, 0, 1))
    light = LIGHTS["window"]
    key = [np.float32(part) for part in unit(light.direction)]
    facing = u * key[0] - v * key[1] + w * key[2]
    channels = []
    for i, tone in enumerate(TONES["light"].back):
        diffuse = np.maximum((facing + WRAP[i]) / (1 + WRAP[i]), 0)
        around = light.bounce[i] + (light.sky[i] - light.bounce[i]) * (0.5 - 0.5 * v)
        ball = tone * (diffuse * light.key[i] + around)
        channels.append(np.float32(0.18) + (ball - np.float32(0.18)) * cover)
    return encode(np.stack(channels).astype(np.float32))


def face_drawing(size: tuple[int, int], seed: int) -> Image:
    """A face of plain shapes: an oval, two eyes, a nose, a mouth."""
    height, width = size
    scale = min(size)
    x = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
    image = np.full((height, width, 3), (206, 214, 220), np.float32)

    def oval(cx: float, cy: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        u = (x - np.float32(cx * width)) / np.float32(rx * scale)
        v = (y - np.float32(cy * height)) / np.float32(ry * scale)
        edge = (1 - np.sqrt(u * u + v * v)) * np.float32(min(rx, ry) * scale)
        cover = np.clip(edge + np.float32(0.5), 0, 1)[..., None]
        image[:] += (np.array(colour, np.float32) - image) * cover

    oval(0.5, 0.5, 0.27, 0.36, (224, 180, 152))
    for side in (-1, 1):
        oval(0.5 + side * 0.075, 0.43, 0.045, 0.028, (250, 250, 248))
        oval(0.5 + side * 0.075, 0.43, 0.02, 0.022, (60, 48, 40))
        oval(0.5 + side * 0.075, 0.36, 0.055, 0.010, (92, 66, 50))
    oval(0.5, 0.53, 0.022, 0.055, (206, 156, 128))
    oval(0.5, 0.665, 0.085, 0.022, (176, 86, 80))
    return (image + np.float32(0.5)).astype(np.uint8)


DRAWINGS: dict[str, Callable[[tuple[int, int], int], Image]] = {
    "black": black,
    "white": white,
    "noise": noise,
    "stripes": stripes,
    "skin-ball": skin_ball,
    "face-drawing": face_drawing,
}
