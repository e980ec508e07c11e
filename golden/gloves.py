"""Gloves: what covers a hand's skin from the finger tips to a cuff below the wrist.

A knitted glove has stitches in rows, a rubber one is smooth and shines; no glove shows creases or
nails. Only +, −, ×, / and √, like the skin.
"""

from dataclasses import dataclass, replace

import numpy as np

from blazepalm.golden.distance import Field, Points
from blazepalm.golden.skin import ONE, Colour, Surface, linear, mottle, step
from blazepalm.golden.surface import Cone

CUFF = (-26.0, -34.0, -36.0)  # mm along the hand: where the cuff begins, ends, and skin begins


@dataclass(frozen=True)
class Glove:
    """`thickness` in mm; `stitch`, the size of a stitch in mm, 0 for none, `depth` mm deep;
    `uneven` is how much the colour varies; `gloss` as of `Surface`.
    """

    colour: Colour
    thickness: float
    stitch: float = 0.0
    depth: float = 0.0
    uneven: float = 0.1
    gloss: float = 0.0


GLOVES = {
    "wool": Glove(linear(158, 56, 60), 1.8, 3.4, 0.75, 0.25),
    "cotton": Glove(linear(216, 212, 200), 0.8, 1.6, 0.2, 0.08),
    "leather": Glove(linear(88, 60, 44), 1.2, 0.0, 0.0, 0.3, 0.45),
    "nitrile": Glove(linear(64, 122, 196), 0.2, 0.0, 0.0, 0.04, 0.9),
}


def fitted(cones: tuple[Cone, ...], glove: Glove) -> tuple[Cone, ...]:
    """A hand's cones, thicker by the glove; its sleeve stays."""
    thick = glove.thickness
    return tuple(
        cone
        if cone.part == "sleeve"
        else replace(cone, radii=(cone.radii[0] + thick, cone.radii[1] + thick))
        for cone in cones
    )


def stitches(glove: Glove, where: Points, distances: Field) -> Field:
    """(N,) height in mm of the knit, in the frame of each point's nearest bone (`where` and
    `distances` as in `skin.relief`).
    """
    if not glove.stitch:
        return np.zeros_like(distances[0])
    nearest = (distances.argmin(axis=0), np.arange(distances.shape[1]))
    x, y, _ = (axis[nearest] * np.float32(1.0 / glove.stitch) for axis in where)
    row = _wave(x)
    return np.asarray(np.float32(glove.depth) * (row * _wave(y + row * np.float32(0.5)) - ONE))


def covered(surface: Surface, glove: Glove, points: Points, table: Field) -> Surface:
    """The surface at points in hand space (three (N,)), with the glove over its skin."""
    along = points[1]
    begins, ends, skin = CUFF
    worn = step(along, skin, ends) * (1.0 - surface.cloth)
    cuff = step(along, begins, begins - 2.0)
    cloudy = 0.6 * mottle(table, points, 6.0) + 0.4 * mottle(table, points, 1.3)
    shade = (1.0 + glove.uneven * cloudy) * (1.0 - 0.25 * cuff)
    albedo = np.stack(
        [
            base + (colour * shade - base) * worn
            for base, colour in zip(surface.albedo, glove.colour, strict=True)
        ]
    )
    gloss = surface.gloss + (glove.gloss - surface.gloss) * worn
    return Surface(albedo, gloss, np.maximum(surface.cloth, worn))


def _wave(x: Field) -> Field:
    """A smooth wave of period 1 between 0 and 1."""
    t = np.abs((x - np.floor(x)) * 2.0 - ONE)
    return np.asarray(t * t * (3.0 - 2.0 * t))
