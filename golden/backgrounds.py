"""A name and a seed → a background: plain, gradient, noise, stripes, clutter, room, portrait.

Backgrounds are (3, H, W) float32, linear, 0 to 1. The same seed gives the same picture at any size,
except for noise, which is drawn per pixel.
"""

from collections.abc import Callable

import numpy as np

from blazepalm.golden.distance import Field
from blazepalm.golden.portrait import draw_person, someone
from blazepalm.golden.skin import step

Random = np.random.Generator


def make_background(name: str, size: tuple[int, int], seed: int = 0) -> Field:
    """(3, H, W) linear. Raises ValueError for a name that is not in `BACKGROUNDS`."""
    if name not in BACKGROUNDS:
        raise ValueError(f"background is {name!r}, expected one of {list(BACKGROUNDS)}")
    random = np.random.Generator(np.random.PCG64([seed, list(BACKGROUNDS).index(name)]))
    return np.ascontiguousarray(BACKGROUNDS[name](size, random), dtype=np.float32)


def _grid(size: tuple[int, int]) -> tuple[Field, Field]:
    """x (1, W) and y (H, 1), centred, as fractions of the short side."""
    height, width = size
    scale = np.float32(1.0 / min(size))
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) * scale
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) * scale
    return x[None, :], y[:, None]


def _tint(random: Random, low: float, high: float, colourful: float) -> Field:
    """(3, 1, 1) a linear colour."""
    value = low + (high - low) * random.random()
    tint = value * (1.0 + colourful * (random.random(3) * 2.0 - 1.0))
    return (np.clip(tint, 0.0, 1.0) ** 2).astype(np.float32)[:, None, None]


def plain(size: tuple[int, int], random: Random) -> Field:
    return np.broadcast_to(_tint(random, 0.35, 0.85, 0.12), (3, *size))


def gradient(size: tuple[int, int], random: Random) -> Field:
    """A wall lit from one corner."""
    x, y = _grid(size)
    light, dark = _tint(random, 0.72, 0.9, 0.08), _tint(random, 0.38, 0.55, 0.14)
    cx, cy = random.random(2) * 1.2 - 0.6
    far = np.sqrt((x - np.float32(cx)) ** 2 + (y - np.float32(cy - 0.3)) ** 2)
    part = step(far, 0.05, 1.35)
    return np.asarray(light + (dark - light) * part)


def noise(size: tuple[int, int], random: Random) -> Field:
    values = random.random((3, *size), dtype=np.float32)
    return values * values


def stripes(size: tuple[int, int], random: Random) -> Field:
    x, y = _grid(size)
    slope = np.float32(random.random() * 2.0 - 1.0)
    wave = np.abs(((x + slope * y) * np.float32(9.0)) % 1.0 - 0.5) * 2.0
    part = step(wave, 0.42, 0.58)
    one, two = _tint(random, 0.6, 0.95, 0.3), _tint(random, 0.1, 0.4, 0.4)
    return np.asarray(one + (two - one) * part)


def clutter(size: tuple[int, int], random: Random) -> Field:
    """Out-of-focus boxes, balls and bars of all colours, like an untidy shelf."""
    x, y = _grid(size)
    picture = np.broadcast_to(_tint(random, 0.3, 0.6, 0.2), (3, *size)).copy()
    for _ in range(46):
        cx, cy = (random.random(2) * np.array([2.0, 1.5]) - np.array([1.0, 0.75])).astype(
            np.float32
        )
        wide, tall = (0.03 + 0.22 * random.random(2) ** 2).astype(np.float32)
        slope = np.float32((random.random() - 0.5) * 0.5)
        blur = float(0.004 + 0.02 * random.random())
        round_one = random.random() < 0.35
        tint, shaded = _tint(random, 0.15, 0.95, 0.5), np.float32(0.25 + 0.5 * random.random())
        px, py = (x - cx) + slope * (y - cy), (y - cy) - slope * (x - cx)
        if round_one:
            outside = np.sqrt((px / wide) ** 2 + (py / wide) ** 2) * wide - wide
        else:
            outside = np.maximum(np.abs(px) - wide, np.abs(py) - tall)
        cover = step(outside, blur, -blur)
        shade = 1.0 - shaded * np.clip((px / wide + py / tall) * 0.25 + 0.5, 0.0, 1.0)
        picture += (tint * shade - picture) * cover
    return picture


def room(size: tuple[int, int], random: Random) -> Field:
    """An out-of-focus wall, a bright window and a table."""
    x, y = _grid(size)
    wall = gradient(size, random) * np.float32(0.55)
    cx, cy = np.float32(random.random() - 0.5), np.float32(-0.25)
    pane = np.maximum(np.abs(x - cx) - 0.22, np.abs(y - cy) - 0.26)
    glass = step(pane, 0.06, -0.06) * (1.0 - 0.7 * step(np.abs(x - cx), 0.035, 0.005))
    wall = wall + (np.float32(0.92) - wall) * glass * np.float32(0.8)
    top = 0.28 + 0.1 * float(random.random())
    table = step(y + 0.02 * x, top - 0.03, top + 0.03)
    wood = _tint(random, 0.35, 0.5, 0.1) * np.array([1.25, 0.95, 0.7], np.float32)[:, None, None]
    return np.asarray(wall + (wood - wall) * table)


def portrait(size: tuple[int, int], random: Random) -> Field:
    """A person's head and shoulders before a wall."""
    x, y = _grid(size)
    wall = gradient(size, random)
    person = someone(random)
    return draw_person(wall, x, y, person, int(random.integers(1 << 30)))


BACKGROUNDS: dict[str, Callable[[tuple[int, int], Random], Field]] = {
    "plain": plain,
    "gradient": gradient,
    "noise": noise,
    "stripes": stripes,
    "clutter": clutter,
    "room": room,
    "portrait": portrait,
}
