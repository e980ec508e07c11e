"""A person's head and shoulders as a background: hands are then seen before a face.

The head is an ellipsoid in relief (brows, sockets, nose, lips, chin), lit like the hands; eyes,
lips, brows and hair are coloured. Lengths are fractions of the picture's short side, `u` and `v`
of half the face's width and height. Only +, −, ×, / and √.
"""

from dataclasses import dataclass

import numpy as np

from blazepalm.golden.distance import Field
from blazepalm.golden.lighting import LIGHTS, shade
from blazepalm.golden.skin import (
    SLEEVES,
    TONES,
    Colour,
    Surface,
    Tone,
    bump,
    lattice,
    linear,
    mottle,
    step,
)

ONE = np.float32(1.0)
HAIR = (linear(38, 30, 28), linear(86, 58, 40), linear(168, 128, 82), linear(150, 148, 146))
IRIS = (linear(70, 48, 34), linear(66, 98, 124), linear(84, 96, 60))
WIDE, TALL, DEEP = 0.205, 0.285, 0.20  # half of the face, in fractions of the short side
# u, v of half-width and half-height: what stands out of the ellipsoid (as a fraction of DEEP)
FEATURES = (
    (0.0, -0.32, 0.60, 0.10, 0.07),  # the brows' ridge
    (-0.42, -0.14, 0.20, 0.10, -0.13),  # the sockets
    (0.42, -0.14, 0.20, 0.10, -0.13),
    (0.0, 0.02, 0.09, 0.28, 0.16),  # the nose's bridge
    (0.0, 0.24, 0.13, 0.09, 0.24),  # its tip
    (-0.14, 0.29, 0.07, 0.06, 0.10),  # its wings
    (0.14, 0.29, 0.07, 0.06, 0.10),
    (-0.58, 0.20, 0.24, 0.20, 0.07),  # the cheeks
    (0.58, 0.20, 0.24, 0.20, 0.07),
    (0.0, 0.51, 0.26, 0.05, 0.06),  # the lips
    (0.0, 0.62, 0.22, 0.06, 0.07),
    (0.0, 0.565, 0.30, 0.02, -0.05),  # and between them
    (0.0, 0.86, 0.22, 0.12, 0.10),  # the chin
)


@dataclass(frozen=True)
class Person:
    """How a person looks, and where: `centre` x, y of the face from the picture's middle, its
    `size` beside the usual one, `turn`: how far its middle lies to the side, −1 to 1 (a profile).
    """

    tone: Tone
    hair: Colour
    iris: Colour
    shirt: Colour
    centre: tuple[float, float]
    size: float
    turn: float


def someone(random: np.random.Generator) -> Person:
    """A person by chance."""

    def chosen(things: tuple[Colour, ...]) -> Colour:
        return things[int(random.integers(len(things)))]

    tones = tuple(TONES.values())
    x, y, size, turn = random.random(4)
    return Person(
        tones[int(random.integers(len(tones)))],
        chosen(HAIR),
        chosen(IRIS),
        chosen(tuple(SLEEVES.values())),
        (0.1 * x - 0.05, 0.06 * y - 0.09),
        0.95 + 0.25 * size,
        0.4 * turn - 0.2,
    )


def draw_person(wall: Field, x: Field, y: Field, person: Person, seed: int) -> Field:
    """(3, H, W) linear: the person before the wall. x (1, W) and y (H, 1) are the pixels' places
    from the picture's middle, y downwards.
    """
    u = (x - np.float32(person.centre[0])) * np.float32(1.0 / (WIDE * person.size))
    v = (y - np.float32(person.centre[1])) * np.float32(1.0 / (TALL * person.size))
    u, v = (np.ascontiguousarray(a) for a in np.broadcast_arrays(u, v))
    soft = float(4.0 * (x[0, 1] - x[0, 0]) / WIDE) if x.size > 1 else 1.0  # an edge of two pixels
    strands = mottle(lattice(seed), (u * 60.0, v * 4.0, np.zeros_like(u)), 1.0)
    hair = np.stack([c * (0.75 + 0.5 * strands) * (0.9 - 0.25 * v) for c in person.hair])
    picture = _over(wall, hair, _ellipse(u, v - 0.02, 1.22, 1.24, soft))
    neck = step(np.abs(u), 0.58 + soft, 0.58 - soft) * step(v, 0.45, 0.6)
    tone = np.array(person.tone.back, np.float32)[:, None, None]
    round_neck = (0.34 + 0.30 * np.sqrt(np.maximum(ONE - u * u * 2.4, 0))) * step(v, 0.6, 1.5)
    picture = _over(picture, tone * (0.12 + round_neck), neck)
    shirt = np.array(person.shirt, np.float32)[:, None, None] * (0.55 - 0.16 * u + 0.05 * strands)
    picture = _over(picture, shirt, _ellipse(u, v - 2.35, 2.3, 1.12, soft))
    jaw = u * (1.0 + 0.20 * step(v, 0.1, 1.0))
    face = _lit_face(jaw, v, person, seed)
    picture = _over(picture, face, _ellipse(jaw, v, 1.0, 1.0, soft))
    line = v + 0.52 - 0.42 * u * u + 0.05 * strands
    fringe = _ellipse(u, v - 0.02, 1.14, 1.16, soft) * step(line, soft + 0.04, -soft - 0.04)
    return np.minimum(_over(picture, hair, fringe), ONE)


def _lit_face(u: Field, v: Field, person: Person, seed: int) -> Field:
    """(3, H, W) the face's skin, eyes, lips and brows, as if it reached everywhere."""
    inside = np.maximum(ONE - u * u - v * v, 0.04)
    across = u - np.float32(person.turn) * np.sqrt(inside)  # the features turn with the head
    height = np.sqrt(inside)
    closed = np.zeros_like(u)
    for cu, cv, wide, tall, out in FEATURES:
        there = bump((across - cu) * (1.0 / wide)) * bump((v - cv) * (1.0 / tall))
        height = height + out * there
        closed += there * (0.35 if out < 0 else 0.0)
    step_u = max(float(u[0, -1] - u[0, 0]) / max(u.shape[1] - 1, 1), 1e-6)
    step_v = max(float(v[-1, 0] - v[0, 0]) / max(v.shape[0] - 1, 1), 1e-6)
    slope_x = _slope(height, 1) * np.float32(DEEP / (WIDE * step_u))
    slope_y = _slope(height, 0) * np.float32(DEEP / (TALL * step_v))
    scale = ONE / np.sqrt(slope_x * slope_x + slope_y * slope_y + ONE)
    normal = (-slope_x * scale, slope_y * scale, scale)
    albedo = _face_colours(across, v, person, seed)
    under = 0.30 * bump((v - 0.36) * 9.0) * bump(across * 3.5) + 0.25 * step(v, 0.8, 1.1)
    opened = np.clip(ONE - closed - under, 0.2, 1.0)
    nothing = np.zeros(u.size, np.float32)
    flat = Surface(albedo.reshape(3, -1), np.full(u.size, 0.3, np.float32), nothing)
    x, y, z = (axis.ravel() for axis in normal)
    eye = (nothing, nothing, nothing + ONE)
    lit = (0.35 + 0.65 * opened).ravel()
    light = LIGHTS["window"]
    return shade(flat, (x, y, z), eye, light, lit, opened.ravel()).reshape(albedo.shape)


def _face_colours(u: Field, v: Field, person: Person, seed: int) -> Field:
    spots = mottle(lattice(seed + 1), (u * 9.0, v * 9.0, np.zeros_like(u)), 1.0)
    cheeks = bump((np.abs(u) - 0.55) * 3.0) * bump((v - 0.2) * 3.5)
    blush = 0.5 * (cheeks + bump(u * 6.0) * bump((v - 0.25) * 6.0))
    reds = (0.02, -0.12, -0.10)
    skin: Field = np.stack(
        [c * (1.0 + r * (blush + spots)) for c, r in zip(person.tone.back, reds, strict=True)]
    )
    lips = _ellipse(u, v - 0.565, 0.34, 0.10, 0.08)
    rose = np.stack([0.8 * skin[0], 0.52 * skin[1], 0.55 * skin[2]])
    mouth = bump((v - 0.565 - 0.05 * u * u) * 60.0) * step(np.abs(u), 0.34, 0.26)
    skin = _over(_over(skin, rose, 0.8 * lips), 0.12 * rose, mouth)
    side = np.abs(u) - 0.42
    brow = _ellipse(side, v + 0.33 + 0.25 * side * side, 0.24, 0.035, 0.3)
    hair = np.array(person.hair, np.float32)[:, None, None]
    skin = _over(skin, hair, 0.85 * brow)
    white = _ellipse(side, v + 0.14, 0.17, 0.062, 0.12)
    iris = np.array(person.iris, np.float32)[:, None, None]
    eyes: Field = np.full_like(skin, 0.62)
    eyes = _over(eyes, iris, _ellipse(side, v + 0.14, 0.075, 0.055, 0.12))
    eyes = _over(eyes, np.full_like(skin, 0.01), _ellipse(side, v + 0.14, 0.034, 0.025, 0.2))
    skin = _over(skin, eyes, white)
    lid = _ellipse(side, v + 0.165, 0.18, 0.062, 0.12) * (1.0 - white)
    return _over(skin, 0.25 * skin, lid)


def _slope(height: Field, axis: int) -> Field:
    """The difference from one pixel to the next, by the neighbours on both sides."""
    if height.shape[axis] < 3:
        return np.zeros_like(height)
    before, after = np.roll(height, 1, axis), np.roll(height, -1, axis)
    return np.asarray((after - before) * np.float32(0.5))


def _ellipse(u: Field, v: Field, wide: float, tall: float, soft: float) -> Field:
    """1 inside, 0 outside, from 1 − soft to 1 + soft of its radius smoothly."""
    far = np.sqrt((u * (1.0 / wide)) ** 2 + (v * (1.0 / tall)) ** 2)
    return step(far, 1.0 + soft, 1.0 - soft)


def _over(below: Field, above: Field, cover: Field) -> Field:
    return np.asarray(below + (above - below) * cover)
