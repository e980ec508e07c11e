"""Distances from points to a hand's surface: many cones at many points at once.

Arrays are (cones, points) float32, distances in mm, negative inside, at most a few per cent longer
than the true ones. Uses only +, −, ×, / and √, so that the bytes do not depend on the machine's
maths library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.surface import Cone

Field = NDArray[np.floating[Any]]  # float32 throughout
Points = tuple[Field, Field, Field]

ZERO = np.float32(0.0)
PALM_BLEND = 9.0  # mm over which the parts of a palm blend
ROOT_BLEND = 7.0  # a finger's first bone and the palm
CHAIN_BLEND = 3.0  # bones of one finger
TOUCH_BLEND = 1.0  # skin on skin


@dataclass(frozen=True)
class Cones:
    """Cones in arrays. `offset` (3, C, 1) and `axes` (3, 3, C, 1) map hand space to each cone's
    frame: coordinate i is axes[i] · p − offset[i]. The other arrays are (C, 1).
    """

    cones: tuple[Cone, ...]
    axes: Field
    offset: Field
    length: Field
    radius: Field
    taper: Field
    bulge: Field
    narrow: Field
    scale: Field

    def __len__(self) -> int:
        return len(self.cones)

    @cached_property
    def groups(self) -> dict[tuple[str, int], slice]:
        """The rows of each part of each finger (−1: not part of a finger)."""
        found: dict[tuple[str, int], slice] = {}
        for row, cone in enumerate(self.cones):
            key = (cone.part, cone.finger if cone.part in ("root", "finger") else -1)
            first = found[key].start if key in found else row
            found[key] = slice(first, row + 1)
        return found

    def only(self, keep: NDArray[np.bool_]) -> "Cones":
        """The cones for which `keep` (C,) is set, in their order."""
        if keep.all():
            return self
        return Cones(
            tuple(cone for cone, kept in zip(self.cones, keep, strict=True) if kept),
            self.axes[:, :, keep],
            self.offset[:, keep],
            self.length[keep],
            self.radius[keep],
            self.taper[keep],
            self.bulge[keep],
            self.narrow[:, keep],
            self.scale[keep],
        )


def _place(cone: Cone) -> tuple[int, int]:
    """Sort key: the palm first, then each finger from its root, then the sleeve."""
    if cone.part in ("root", "finger"):
        return 1 + cone.finger, int(cone.part == "finger")
    return (0, 0) if cone.part == "palm" else (9, 0)


def pack(cones: Sequence[Cone]) -> Cones:
    """Packs cones into arrays, grouped by finger and part. Raises ValueError for none."""
    cones = sorted(cones, key=_place)
    if not cones:
        raise ValueError("no cone to measure a distance to")

    def column(values: Sequence[float]) -> Field:
        return np.array(values, np.float32)[:, None]

    frames = np.array([cone.frame for cone in cones], np.float32)  # (C, 3, 3)
    starts = np.array([cone.start for cone in cones], np.float32)  # (C, 3)
    products = frames * starts[:, None, :]
    offset = products[:, :, 0] + products[:, :, 1] + products[:, :, 2]
    flats = np.array([cone.flat for cone in cones], np.float32)
    length = column([cone.length for cone in cones])
    return Cones(
        tuple(cones),
        np.ascontiguousarray(frames.transpose(1, 2, 0)[..., None]),
        np.ascontiguousarray(offset.T[..., None]),
        length,
        column([cone.radii[0] for cone in cones]),
        column([cone.radii[1] - cone.radii[0] for cone in cones]) / length,
        column([4.0 * cone.bulge for cone in cones]) / length,
        np.ascontiguousarray((1.0 / flats).T[..., None]),
        column([min(1.0, *cone.flat) for cone in cones]),
    )


def local(cones: Cones, points: Points) -> Points:
    """Coordinates in each cone's frame: sideways, along from its start, towards its pad; each (C,
    N) in mm.
    """
    px, py, pz = points

    def along(axis: int) -> Field:
        found: Field = cones.axes[axis, 0] * px
        found += cones.axes[axis, 1] * py
        found += cones.axes[axis, 2] * pz
        found -= cones.offset[axis]
        return found

    x, y, z = (along(axis) for axis in range(3))
    return x, y, z


def local_distances(cones: Cones, where: Points) -> Field:
    """(C, N) distances from coordinates in each cone's frame, which are not modified."""
    x, y, z = where
    along = np.maximum(y, ZERO)
    np.minimum(along, cones.length, out=along)
    square = y - along
    square *= square
    side = x * cones.narrow[0]
    side *= side
    square += side
    np.multiply(z, cones.narrow[1], out=side)
    side *= side
    square += side
    np.sqrt(square, out=square)
    square -= cones.radius
    np.multiply(along, cones.taper, out=side)
    square -= side
    # bulge · along · (1 − along / length)
    np.divide(along, cones.length, out=side)
    np.subtract(np.float32(1.0), side, out=side)
    side *= along
    side *= cones.bulge
    square -= side
    square *= cones.scale
    return square


def smooth_min(a: Field | None, b: Field, blend: float) -> Field:
    """The smaller of two distances, rounded by a quadratic within `blend` mm of a tie."""
    if a is None:
        return b
    near: Field = a - b
    np.abs(near, out=near)
    np.subtract(np.float32(blend), near, out=near)
    np.maximum(near, ZERO, out=near)
    near *= near
    near *= np.float32(0.25 / blend)
    return np.subtract(np.minimum(a, b), near, out=near)


def smooth_union(distances: Field, blend: float, swell: float = 0.4) -> Field:
    """(C, N) → (N,): the least distance, reduced as others come within `blend` mm of it. For two it
    is the quadratic `smooth_min`; for more it saturates, later for a smaller `swell`.
    """
    if len(distances) == 1:
        return np.asarray(distances[0])
    least: Field = np.minimum.reduce(distances)
    near = np.subtract(np.float32(blend) + least, distances)
    np.maximum(near, ZERO, out=near)
    near *= near
    excess: Field = np.add.reduce(near)  # row by row: the order of additions is fixed
    excess *= np.float32(1.0 / (blend * blend))
    excess -= np.float32(1.0)
    np.multiply(excess, np.float32(swell), out=near[0])
    near[0] += np.float32(1.0 - swell)
    excess /= near[0]
    excess *= np.float32(0.25 * blend)
    least -= excess
    return least


def combine(cones: Cones, distances: Field) -> Field:
    """(N,) the union's distance from each cone's (C, N), for any subset of a hand's cones."""
    groups = cones.groups
    total: Field | None = None
    if ("palm", -1) in groups:
        total = palm = smooth_union(distances[groups["palm", -1]], PALM_BLEND, 0.15)
    for finger in range(5):
        root, rest = groups.get(("root", finger)), groups.get(("finger", finger))
        if root is not None:
            chain = smooth_union(distances[root.start : (rest or root).stop], CHAIN_BLEND)
            if ("palm", -1) in groups:
                base = smooth_union(distances[root], CHAIN_BLEND)
                chain = np.minimum(chain, smooth_min(palm, base, ROOT_BLEND))
        elif rest is not None:
            chain = smooth_union(distances[rest], CHAIN_BLEND)
        else:
            continue
        total = smooth_min(total, chain, TOUCH_BLEND)
    if ("sleeve", -1) in groups:
        cloth = distances[groups["sleeve", -1]].min(axis=0)
        total = cloth if total is None else np.minimum(total, cloth)
    if total is None:
        raise ValueError("no cone to measure a distance to")
    return total


def hand_distance(cones: Cones, points: Points) -> Field:
    """(N,) distances in mm from points (three (N,) float32 arrays, hand space)."""
    return combine(cones, local_distances(cones, local(cones, points)))
