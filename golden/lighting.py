"""Shades points from normals and reflectances: a key light with soft shadows, a sky, a bounce.

Skin is translucent: its red reaches further around the shadow's edge than its green and blue, and
its creases darken towards red. Colours are linear; directions are in view space (x right, y up, z
towards the camera). Powers are repeated products, so that bytes do not depend on the machine's
maths library.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blazepalm.golden.camera import Camera
from blazepalm.golden.distance import Cones, Field, Points, hand_distance
from blazepalm.golden.exact import product
from blazepalm.golden.march import along, near_path
from blazepalm.golden.skin import Surface

ZERO, ONE = np.float32(0.0), np.float32(1.0)
WRAP = (0.42, 0.20, 0.14)  # how far each channel's light reaches round the edge
OCCLUSION_STEPS = (1.6, 4.5, 10.0)  # mm along the normal
SHADOW_STEPS = (3.0, 7.0, 13.0, 22.0, 35.0, 53.0, 78.0, 110.0)  # mm to the light


@dataclass(frozen=True)
class Light:
    """A key light from `direction` (of any length), and light from all sides."""

    direction: tuple[float, float, float] = (-0.5, 0.75, 0.8)
    key: tuple[float, float, float] = (1.02, 0.98, 0.92)
    sky: tuple[float, float, float] = (0.40, 0.43, 0.48)
    bounce: tuple[float, float, float] = (0.24, 0.20, 0.17)


LIGHTS = {
    "window": Light(),
    "noon": Light((0.15, 1.0, 0.5), (1.2, 1.16, 1.08), (0.34, 0.38, 0.46), (0.22, 0.19, 0.16)),
    "lamp": Light((0.8, 0.35, 0.7), (1.10, 0.92, 0.70), (0.26, 0.25, 0.26), (0.16, 0.12, 0.09)),
    "overcast": Light((0.0, 1.0, 0.6), (0.55, 0.57, 0.60), (0.62, 0.64, 0.67), (0.34, 0.33, 0.32)),
    "flash": Light((0.05, 0.15, 1.0), (1.05, 1.04, 1.02), (0.22, 0.22, 0.23), (0.12, 0.12, 0.12)),
    "dim": Light((-0.7, 0.5, 0.5), (0.42, 0.39, 0.36), (0.14, 0.15, 0.17), (0.08, 0.07, 0.06)),
}


def unit(vector: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = np.asarray(vector, np.float64) / np.sqrt(sum(v * v for v in vector))
    return float(x), float(y), float(z)


def occlusion(cones: Cones, points: Points, normal: Points) -> Field:
    """(N,) how open the surroundings of each point are, 0 to 1."""
    closed = np.zeros_like(points[0])
    weight = 0.0
    for reach in OCCLUSION_STEPS:
        there = along(points, normal, np.full_like(points[0], reach))
        room = np.clip(hand_distance(cones, there) * (1.0 / reach), ZERO, ONE)
        share = 1.0 / math.sqrt(math.sqrt(reach))
        closed += (ONE - room) * share
        weight += share
    opened = ONE - closed * (0.85 / weight)
    return np.asarray(opened * opened)


def shadow(cones: Cones, points: Points, normal: Points, towards: Points) -> Field:
    """(N,) fraction of the key light that arrives, 0 to 1, with a soft edge."""
    light = np.zeros_like(points[0])
    facing = normal[0] * towards[0] + normal[1] * towards[1] + normal[2] * towards[2]
    (open_side,) = np.nonzero(facing > -0.05)
    # the light fades towards its grazing edge, where marching would stop early
    grazing = np.clip((facing[open_side] + np.float32(0.05)) * np.float32(3.0), ZERO, ONE)
    cones = near_path(cones, points, towards, SHADOW_STEPS[-1])
    if not open_side.size or not len(cones):
        light[open_side] = grazing
        return light
    x, y, z = (
        p[open_side] + np.float32(1.2) * n[open_side] for p, n in zip(points, normal, strict=True)
    )
    arrives = np.ones_like(x)
    for reach in SHADOW_STEPS:
        room = hand_distance(cones, along((x, y, z), towards, np.full(1, reach, np.float32)))
        arrives = np.minimum(arrives, room * np.float32(6.0 / (reach + 6.0)) + np.float32(0.35))
    arrives = np.clip(arrives, ZERO, ONE)
    light[open_side] = arrives * arrives * (3.0 - 2.0 * arrives) * grazing
    return light


def shade(
    surface: Surface, normal: Points, eye: Points, light: Light, lit: Field, opened: Field
) -> Field:
    """(3, N) linear colour. `normal` and `eye` (towards the camera) are in view space."""
    key = unit(light.direction)
    facing = sum(n * np.float32(k) for n, k in zip(normal, key, strict=True))
    half = [e + np.float32(k) for e, k in zip(eye, key, strict=True)]
    length = 1.0 / np.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2] + 1e-6)
    shine = np.maximum(sum(h * n for h, n in zip(half, normal, strict=True)) * length, ZERO)
    for _ in range(4):
        shine = shine * shine  # to the 16th
    glint = shine * shine
    glint = glint * glint  # to the 64th
    across = ONE - np.clip(sum(e * n for e, n in zip(eye, normal, strict=True)), ZERO, ONE)
    rim = across * across
    rim = rim * rim * across
    up = 0.5 + 0.5 * normal[1]
    skin = 1.0 - surface.cloth
    gloss = surface.gloss
    channels = []
    for i in range(3):
        wrap = WRAP[i] * skin
        diffuse = np.maximum((facing + wrap) / (1.0 + wrap), ZERO)
        arrives = lit + (1.0 - lit) * (0.10, 0.03, 0.02)[i] * skin
        around = opened + (1.0 - opened) * opened * (0.35, 0.10, 0.06)[i] * skin
        ambient = light.bounce[i] + (light.sky[i] - light.bounce[i]) * up
        colour = surface.albedo[i] * (diffuse * arrives * light.key[i] + ambient * around)
        colour += light.key[i] * lit * gloss * (0.11 * shine + 0.16 * glint * gloss)
        colour += (0.10 + 0.14 * skin) * rim * opened * light.sky[i]
        channels.append(colour)
    return np.stack(channels)


def to_hand(camera: Camera, light: Light) -> tuple[float, float, float]:
    """The key light's direction in hand space."""
    x, y, z = product(np.asarray(unit(light.direction)), camera.turn)
    return float(x), float(y), float(z)
