"""Traces rays to points on the surface: sphere tracing in blocks, then in pixels.

A block of 8×8 pixels is traced as one widening cone; only blocks that come near the surface are
traced ray by ray, from where their block stopped, and only against the bones visible in their tile.
Distances along rays are in mm; a miss is `inf`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.camera import Camera
from blazepalm.golden.distance import (
    Cones,
    Field,
    Points,
    combine,
    hand_distance,
    local,
    local_distances,
)

BLOCK = 8  # pixels
TILE = 96  # pixels
STEPS = 56  # a ray still between surfaces is in a narrow gap, and stops there
STRIDE = np.float32(0.94)  # the distance is a little too long where a cone is flattened
CULL_MARGIN = 14.0  # mm: blends and ambient occlusion reach no further


def along(origin: Points, direction: Points, t: Field) -> Points:
    """The points at distances t on rays from one origin (or one origin per ray)."""
    x, y, z = (o + t * d for o, d in zip(origin, direction, strict=True))
    return x, y, z


def origin_of(camera: Camera) -> Points:
    x, y, z = (np.full(1, value, np.float32) for value in camera.origin)
    return x, y, z


def limits(camera: Camera, cones: Cones) -> tuple[float, float]:
    """The nearest and the furthest distance from the camera that any cone can have."""
    ends = np.array([end for cone in cones.cones for end in (cone.start, cone.end)])
    reach = np.array([cone.reach for cone in cones.cones for _ in range(2)])
    depth = np.sqrt(((ends - camera.origin) ** 2).sum(axis=1))
    near = float((depth - reach).min()) - 5.0
    # a long cone's middle may be nearer than both its ends
    side = max(float(cone.length) for cone in cones.cones)
    shortest = float(depth.min())
    near -= shortest - np.sqrt(max(shortest**2 - side**2 / 4.0, 0.0))
    return max(near, 20.0), float((depth + reach).max()) + 5.0


def trace_blocks(camera: Camera, cones: Cones) -> Field:
    """(blocks down, blocks across): the distance from which each block's rays may start, or inf."""
    rows, columns = (-(-side // BLOCK) for side in camera.size)
    v, u = np.meshgrid(
        np.arange(rows, dtype=np.float32) * BLOCK + BLOCK / 2,
        np.arange(columns, dtype=np.float32) * BLOCK + BLOCK / 2,
        indexing="ij",
    )
    start = np.full(u.size, np.inf, np.float32)
    for first in range(0, u.size, 2048):
        part = slice(first, first + 2048)
        start[part] = _trace_cones(camera, cones, u.ravel()[part], v.ravel()[part])
    return start.reshape(rows, columns)


def _trace_cones(camera: Camera, cones: Cones, u: Field, v: Field) -> Field:
    near, far = limits(camera, cones)
    spread = np.float32(camera.footprint(BLOCK * 0.75))  # a little over half the diagonal
    direction = camera.directions(u, v)
    start = np.full(u.size, np.inf, np.float32)
    active = np.arange(u.size)
    t: Field = np.full(u.size, near, np.float32)
    origin = origin_of(camera)
    for _ in range(40):
        room = hand_distance(cones, along(origin, direction, t)) - spread * t
        found = room < 2.0
        start[active[found]] = t[found] - np.float32(1.0)
        keep = ~found & (t < far)
        if not keep.any():
            return start
        t = np.asarray(t + room * STRIDE)[keep]
        active = active[keep]
        x, y, z = (d[keep] for d in direction)
        direction = (x, y, z)
    start[active] = t  # grazing: left to the pixels
    return start


def visible(camera: Camera, cones: Cones, corner: tuple[int, int]) -> Cones:
    """The cones that can matter in the tile whose upper left pixel is `corner` (row, column)."""
    top, left = corner
    ends = np.array([end for cone in cones.cones for end in (cone.start, cone.end)])
    reach = np.repeat([1.1 * cone.reach + CULL_MARGIN for cone in cones.cones], 2)
    depth = camera.distance - camera.to_view(ends)[:, 2]
    safe = (depth > 30.0).reshape(-1, 2).all(axis=1)  # else the projection is meaningless
    pixels = camera.project(ends)
    radius = (reach * camera.focal / np.maximum(depth, 30.0))[:, None]
    low = (pixels - radius).reshape(-1, 2, 2).min(axis=1)
    high = (pixels + radius).reshape(-1, 2, 2).max(axis=1)
    inside = (low < [left + TILE, top + TILE]).all(axis=1) & (high > [left, top]).all(axis=1)
    return cones.only(inside | ~safe)


def near_path(cones: Cones, points: Points, towards: Points, reach: float) -> Cones:
    """The cones that may come within a shadow's margin of any path of `reach` mm from points."""
    low = np.array([float(p.min()) for p in points])
    high = np.array([float(p.max()) for p in points])
    middle = (low + high) / 2.0
    size = np.sqrt(((high - low) ** 2).sum()) / 2.0
    steps = np.linspace(0.0, reach, 9)[:, None]
    path = middle + steps * np.array([float(axis[0]) for axis in towards])  # (9, 3)
    starts = np.array([cone.start for cone in cones.cones])[:, None]  # (C, 1, 3)
    axes = np.array([cone.frame[1] for cone in cones.cones])[:, None]
    part = np.clip(((path - starts) * axes).sum(axis=2), 0.0, cones.length)  # (C, 9)
    gap = path - (starts + part[..., None] * axes)
    limit = size + np.array([[cone.reach] for cone in cones.cones]) + 14.0 + reach / 16.0
    return cones.only(((gap**2).sum(axis=2) < limit * limit).any(axis=1))


def trace(camera: Camera, cones: Cones, u: Field, v: Field, start: Field) -> Field:
    """(N,) distances at which the rays through pixels (u, v) meet the surface, or inf."""
    far = limits(camera, cones)[1]
    direction = camera.directions(u, v)
    found = np.full(u.size, np.inf, np.float32)
    active: NDArray[np.int64] = np.arange(u.size)
    t = start.astype(np.float32)
    # in each cone's frame a ray is base + t · slope
    base = local(cones, origin_of(camera))  # (C, 1) each
    zero = np.zeros((len(cones), 1), np.float32)
    still = replace(cones, offset=np.stack([zero] * 3))
    slope = local(still, direction)  # (C, N) each
    precision = np.float32(max(0.01, camera.footprint(0.08) * camera.distance))
    least = np.float32(camera.footprint(0.6) * camera.distance)  # a minimum step for grazing rays
    for step in range(STEPS):
        x, y, z = (s * t for s in slope)
        for where, b in zip((x, y, z), base, strict=True):
            where += b
        distance = combine(cones, local_distances(cones, (x, y, z)))
        done = distance < precision
        t = t + np.where(done, distance, np.maximum(distance * STRIDE, least))
        if step % 2 == 0:
            continue
        found[active[done]] = t[done]
        keep = ~(done | (t > far))
        active, t = active[keep], t[keep]
        if not active.size:
            return found
        if step in (13, 25):
            least *= np.float32(2.0)
        sx, sy, sz = (s[:, keep] for s in slope)
        slope = (sx, sy, sz)
    found[active] = t
    return found


def tiles(blocks: Field) -> list[tuple[int, int]]:
    """Upper left corners (row, column) of the tiles that may show something."""
    side = TILE // BLOCK
    rows, columns = blocks.shape
    return [
        (row * BLOCK, column * BLOCK)
        for row in range(0, rows, side)
        for column in range(0, columns, side)
        if np.isfinite(blocks[row : row + side, column : column + side]).any()
    ]
