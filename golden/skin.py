"""The appearance of skin at a point: its relief (creases, nails, knuckles, tendons) and its colour.

Relief is a height in mm that tilts the normals; the surface itself stays smooth. Coordinates are
those of each bone (sideways, along, towards its pad) or of the hand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.distance import Cones, Field, Points
from blazepalm.golden.surface import Cone

ZERO, ONE = np.float32(0.0), np.float32(1.0)
Colour = tuple[float, float, float]
Index = NDArray[np.int32]


@dataclass(frozen=True)
class Tone:
    """Linear reflectances of the back of the hand, of its palm, and of a nail."""

    back: Colour
    palm: Colour
    nail: Colour


def linear(*values: int) -> Colour:
    """An 8-bit colour as linear reflectances."""
    red, green, blue = ((value / 255.0) ** 2 for value in values)  # gamma 2, as render.py encodes
    return red, green, blue


TONES = {
    "porcelain": Tone(linear(245, 208, 186), linear(247, 205, 188), linear(248, 205, 192)),
    "light": Tone(linear(234, 188, 160), linear(240, 190, 168), linear(243, 194, 178)),
    "olive": Tone(linear(214, 166, 130), linear(229, 178, 150), linear(232, 184, 163)),
    "tan": Tone(linear(190, 138, 102), linear(216, 165, 136), linear(220, 170, 148)),
    "brown": Tone(linear(146, 98, 70), linear(193, 143, 116), linear(200, 150, 128)),
    "deep": Tone(linear(96, 64, 48), linear(166, 120, 98), linear(176, 130, 110)),
}
SLEEVES = {
    "navy": linear(52, 66, 104),
    "charcoal": linear(72, 74, 80),
    "white": linear(226, 226, 222),
    "rust": linear(158, 84, 58),
    "forest": linear(60, 92, 74),
    "sand": linear(196, 178, 146),
}


def bump(x: Field) -> Field:
    """A bell curve of height 1 and half-width about 0.64."""
    square = x * x + ONE
    return np.asarray(ONE / (square * square))


def step(x: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth in between (either may be the larger)."""
    t = np.clip((x - low) * (1.0 / (high - low)), ZERO, ONE)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def is_bone(cone: Cone) -> bool:
    return cone.finger >= 0 and not cone.soft


def tip_of(cone: Cone) -> bool:
    """Whether a bone has a nail."""
    return is_bone(cone) and cone.joint % 4 == 0


def nail_shape(cone: Cone, x: Field, y: Field, z: Field) -> Field:
    """Below 1 on the nail; 1 on its rim. Only the side away from the pad has one."""
    radius = cone.radii[1]
    wide, long = 0.88 * radius, 0.88 * radius
    q = (x * (1.0 / wide)) ** 2
    p = ((y - (cone.length - 0.14 * radius)) * (1.0 / long)) ** 2
    behind = step(z, -0.35 * radius, 0.0)
    return np.asarray(q * q + p * p + 4.0 * behind)


def relief(cones: Cones, points: Points, where: Points, distances: Field) -> Field:
    """(N,) height in mm over the smooth surface; negative in a crease. `where` and `distances` are
    the results of `local` and `local_distances` for the same points.
    """
    height = np.zeros_like(points[0])
    if ("palm", -1) in cones.groups:
        palm = distances[cones.groups["palm", -1]].min(axis=0)
        (near,) = np.nonzero(palm < 5.0)
        if near.size:
            x, y, z = (p[near] for p in points)
            height[near] = step(palm[near], 5.0, 2.5) * _palm_relief((x, y, z))
    for row, cone in enumerate(cones.cones):
        if not is_bone(cone) or cone.part == "palm":
            continue
        (near,) = np.nonzero(distances[row] < 3.5)
        if not near.size:
            continue
        x, y, z = (axis[row, near] for axis in where)
        height[near] += step(distances[row, near], 3.5, 0.8) * _bone_relief(cone, x, y, z)
    return height


def _bone_relief(cone: Cone, x: Field, y: Field, z: Field) -> Field:
    radius = cone.radii[0]
    pad = step(z, 0.0, 0.5 * radius)
    back = step(z, -0.15 * radius, -0.6 * radius)
    first = cone.part == "root" and cone.joint != 3
    straight = max(0.0, 1.0 - abs(cone.bend) / 55.0)
    wavy = y + 0.012 * x * x
    if first:  # the crease at the finger's root, and the knuckle's dimple when straight
        crease = -0.38 * bump((y - 0.50 * cone.length) * 0.75) * pad
        return np.asarray(crease - 0.25 * straight * bump(y * 0.25) * back)
    crease = -0.36 * bump(wavy * 0.75) * pad
    if not tip_of(cone):
        crease -= 0.20 * bump((wavy - 2.9 + 0.1 * x) * 1.0) * pad
    else:
        crease *= 0.8
    wrinkled = (0.12 + 0.88 * straight) * (0.4 if cone.joint == 3 else 1.0)
    for offset, depth in ((-3.6, 0.12), (-1.3, 0.24), (1.1, 0.24), (3.5, 0.12)):
        crease -= (depth * wrinkled) * bump((y - offset - 0.02 * x * x) * 1.5) * back
    if tip_of(cone):
        shape = nail_shape(cone, x, y, z)
        crease += 0.30 * step(shape, 1.10, 0.80) - 0.50 * bump((shape - 1.12) * 4.5)
    return np.asarray(crease)


def _palm_relief(points: Points) -> Field:
    """The three great lines of the palm, and the tendons of its back, in hand space."""
    x, y, z = points
    inside = step(z, 4.0, 9.0) * step(y, 2.0, 10.0) * step(y, 95.0, 84.0)
    heart = y - (64.5 + 0.16 * x + 0.0066 * x * x + 0.00022 * x * x * x)
    lines = 0.55 * bump(heart * 0.62) * step(x, 19.0, 8.0)
    head = y - (50.0 + 0.42 * x - 0.0015 * x * x)
    lines += 0.50 * bump(head * 0.66) * step(x, -34.0, -22.0) * step(x, 36.0, 28.0)
    px, py = (x - 37.0) * (1.0 / 27.0), (y - 18.0) * (1.0 / 45.0)
    ring = px * px + py * py
    lines += 0.60 * bump((ring - 1.0) * 8.0) * step(x, 37.0, 30.0) * step(y, 0.0, 14.0)
    height = -inside * lines
    outside = step(z, -3.0, -8.0) * step(y, 22.0, 45.0) * step(y, 96.0, 82.0)
    if outside.any():
        for base, head_x in ((4.0, 25.5), (1.0, 4.5), (-2.0, -15.0), (-5.0, -32.0)):
            tendon = x - (base + (head_x - base) * (1.0 / 88.0) * y)
            height += 0.45 * outside * bump(tendon * 0.30)
    wrist = step(z, 2.0, 8.0) * (bump((y + 2.0) * 0.8) + 0.6 * bump((y + 8.0) * 0.9))
    return np.asarray(height - 0.22 * wrist)


def lattice(seed: int) -> Field:
    """(32, 32, 32) uniform values in −1..1 for `mottle`."""
    values = np.random.Generator(np.random.PCG64(seed)).random((32, 32, 32), dtype=np.float32)
    return np.asarray(values * 2.0 - 1.0)


def mottle(table: Field, points: Points, size: float) -> Field:
    """Smooth noise in −1..1 with cells of `size` mm, periodic over 32 cells."""
    corners, parts = [], []
    for p in points:
        scaled = p * np.float32(1.0 / size)
        floor = np.floor(scaled)
        part = scaled - floor
        index = floor.astype(np.int32) & 31
        corners.append((index, (index + 1) & 31))
        parts.append(part * part * (3.0 - 2.0 * part))
    (x0, x1), (y0, y1), (z0, z1) = corners
    fx, fy, fz = parts

    def line(yi: Index, zi: Index) -> Field:
        a = table[x0, yi, zi]
        return np.asarray(a + (table[x1, yi, zi] - a) * fx)

    def plane(zi: Index) -> Field:
        a = line(y0, zi)
        return np.asarray(a + (line(y1, zi) - a) * fy)

    a = plane(z0)
    return np.asarray(a + (plane(z1) - a) * fz)


@dataclass(frozen=True)
class Surface:
    """The surface properties of N points: reflectance (3, N), gloss, and cloth or skin."""

    albedo: Field
    gloss: Field
    cloth: Field


def colour(
    cones: Cones,
    where: Points,
    distances: Field,
    points: Points,
    normal: Points,
    height: Field,
    tone: Tone,
    sleeve: Colour,
    table: Field,
    sharp: float,
) -> Surface:
    """Reflectances at points in hand space (`where` and `distances` as in `relief`). `normal`
    is in hand space; `height` is `relief`'s; `sharp` is the size of a pixel there in mm.
    """
    n = points[0].size
    facing, weight = np.zeros(n, np.float32), np.full(n, 1e-6, np.float32)
    blush, nail = np.zeros(n, np.float32), np.zeros(n, np.float32)
    edge = np.zeros(n, np.float32)
    skin, cloth = np.full(n, 1e3, np.float32), np.full(n, 1e3, np.float32)
    soft = 0.05 + 0.16 * sharp
    for row, cone in enumerate(cones.cones):
        x, y, z = (axis[row] for axis in where)
        distance = distances[row]
        if cone.part == "sleeve":
            cloth = np.minimum(cloth, distance)
            continue
        skin = np.minimum(skin, distance)
        near = np.clip(1.0 - distance * (1.0 / 7.0), ZERO, ONE)
        near *= near
        turned = sum(a * b for a, b in zip(cone.frame[2], normal, strict=True))
        facing += near * turned
        weight += near
        if is_bone(cone) and cone.part != "palm":
            close = step(distance, 4.0, 0.5)
            blush = np.maximum(blush, 0.5 * close * bump(y * 0.14))  # joints are redder
            if tip_of(cone):
                blush = np.maximum(blush, close * step(y, 0.2 * cone.length, 1.2 * cone.length))
                shape = nail_shape(cone, x, y, z)
                nail = np.maximum(nail, close * step(shape, 1.0 + soft, 1.0 - soft))
                white = step(
                    y, cone.length + 0.56 * cone.radii[1], cone.length + 0.66 * cone.radii[1]
                )
                edge = np.maximum(edge, white * nail)
    palm = step(facing / weight, -0.35, 0.25)
    spots = 0.6 * mottle(table, points, 9.0) + 0.4 * mottle(table, points, 3.1)
    crease = np.clip(-height * 1.1, ZERO, ONE)
    weave = mottle(table, points, 1.1)
    worn = step(cloth - skin, 0.4, -0.4)
    channels = []
    reds, depths = (0.02, -0.13, -0.12), (0.35, 0.50, 0.52)
    for i in range(3):
        base = tone.back[i] + (tone.palm[i] - tone.back[i]) * palm
        base = base * (1.0 + reds[i] * (blush + 0.6 * spots) + 0.03 * spots)
        base = base * (1.0 - depths[i] * crease)
        plate = tone.nail[i] * (1.0 - 0.1 * np.clip(-height, ZERO, ONE))
        plate = plate + edge * 0.35 * (0.85 - plate)
        base = base + (plate - base) * nail
        fabric = sleeve[i] * (1.0 + 0.22 * weave)
        channels.append(base + (fabric - base) * worn)
    return Surface(np.stack(channels), (0.25 + 0.75 * nail) * (1.0 - worn), worn)
