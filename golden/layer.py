"""Renders one hand as a layer of an image: traces rays, shades points, supersamples edges.

Pixels whose depth differs sharply from a neighbour's are traced again at four points each, so that
outlines, against the background or the hand itself, are antialiased.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden import gloves, lighting, march, skin
from blazepalm.golden.camera import Camera
from blazepalm.golden.distance import Cones, Field, Points, combine, local, local_distances
from blazepalm.golden.lighting import Light

threads = min(4, os.cpu_count() or 1)  # they share a layer's tiles; no byte depends on it
SUBSAMPLES = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))


@dataclass(frozen=True)
class HandScene:
    """Everything that a ray needs to know about one hand. `table` is from `skin.lattice`."""

    camera: Camera
    cones: Cones
    tone: skin.Tone
    sleeve: skin.Colour
    light: Light
    table: Field
    glove: gloves.Glove | None = None


@dataclass(frozen=True)
class Layer:
    """Linear colour times coverage (3, H, W), coverage (H, W), depth in mm (H, W; inf: none)."""

    colour: Field
    coverage: Field
    depth: Field


def render_layer(scene: HandScene) -> Layer:
    """Renders only the hand, on nothing."""
    height, width = scene.camera.size
    blocks = march.trace_blocks(scene.camera, scene.cones)
    start = np.repeat(np.repeat(blocks, march.BLOCK, axis=0), march.BLOCK, axis=1)
    start = start[:height, :width]
    colour = np.zeros((3, height, width), np.float32)
    depth = np.full((height, width), np.inf, np.float32)
    corners = march.tiles(blocks)
    kept = {corner: march.visible(scene.camera, scene.cones, corner) for corner in corners}

    def find(corner: tuple[int, int]) -> None:
        rows, columns = _pixels(np.isfinite(start), corner)
        u, v = _centres(columns), _centres(rows)
        depth[rows, columns] = march.trace(scene.camera, kept[corner], u, v, start[rows, columns])

    def paint(corner: tuple[int, int]) -> None:
        rows, columns = _pixels(np.isfinite(depth) & ~edges, corner)
        if rows.size:
            u, v = _centres(columns), _centres(rows)
            colour[:, rows, columns] = _shade(scene, kept[corner], u, v, depth[rows, columns])
        rows, columns = _pixels(edges, corner)
        if rows.size:
            u = np.concatenate([_centres(columns, dx) for dx, _ in SUBSAMPLES])
            v = np.concatenate([_centres(rows, dy) for _, dy in SUBSAMPLES])
            begin = np.tile(nearest[rows, columns], len(SUBSAMPLES))
            t = march.trace(scene.camera, kept[corner], u, v, begin)
            hit = np.isfinite(t)
            tint = np.zeros((3, t.size), np.float32)
            if hit.any():
                tint[:, hit] = _shade(scene, kept[corner], u[hit], v[hit], t[hit])
            four = tint.reshape(3, 4, -1)
            colour[:, rows, columns] = (four[:, 0] + four[:, 1] + four[:, 2] + four[:, 3]) * 0.25
            coverage[rows, columns] = hit.reshape(4, -1).sum(axis=0) * np.float32(0.25)
            fresh[rows, columns] = t.reshape(4, -1).min(axis=0)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(find, corners))
        coverage = np.isfinite(depth).astype(np.float32)
        edges = np.isfinite(start) & _breaks(depth, scene.camera)
        nearest = np.maximum(_least_of_nine(depth) - np.float32(4.0), start)
        fresh = depth.copy()
        list(pool.map(paint, corners))
    depth = np.minimum(depth, fresh)
    return Layer(colour, coverage, depth)


def _centres(index: NDArray[np.intp], aside: float = 0.0) -> Field:
    """Pixel coordinates of pixel centres, or of points offset by `aside` from them."""
    return index.astype(np.float32) + np.float32(0.5 + aside)


def _pixels(
    mask: NDArray[np.bool_], corner: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the set pixels of one tile."""
    top, left = corner
    rows, columns = np.nonzero(mask[top : top + march.TILE, left : left + march.TILE])
    return rows + top, columns + left


def _breaks(depth: Field, camera: Camera) -> NDArray[np.bool_]:
    """(H, W) pixels whose depth differs from a neighbour's by more than a slope explains."""
    limit = np.float32(max(2.5, camera.footprint(4.0) * camera.distance))
    flat = np.where(np.isfinite(depth), depth, np.float32(1e6))
    broken = np.zeros(depth.shape, np.bool_)
    for axis in (0, 1):
        jump = np.abs(np.diff(flat, axis=axis)) > limit
        low = [slice(None), slice(None)]
        high = [slice(None), slice(None)]
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        broken[tuple(low)] |= jump
        broken[tuple(high)] |= jump
    return broken


def _least_of_nine(depth: Field) -> Field:
    """(H, W) the least value of each pixel and its eight neighbours."""
    for axis in (0, 1):
        padded = np.pad(depth, [(1, 1) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
        parts = [np.take(padded, range(i, i + depth.shape[axis]), axis=axis) for i in (0, 1, 2)]
        depth = np.minimum(np.minimum(parts[0], parts[1]), parts[2])
    return depth


def _shade(scene: HandScene, cones: Cones, u: Field, v: Field, t: Field) -> Field:
    """(3, N) linear colour of the points at distances t on the rays through pixels (u, v)."""
    camera = scene.camera
    direction = camera.directions(u, v)
    points = march.along(march.origin_of(camera), direction, t)
    pixel = camera.footprint(1.0) * camera.distance
    smooth, rough, height = _normals(cones, points, max(0.18, 0.45 * pixel), scene.glove)
    where = local(cones, points)
    surface = skin.colour(
        cones,
        where,
        local_distances(cones, where),
        points,
        smooth,
        height,
        scene.tone,
        scene.sleeve,
        scene.table,
        pixel,
    )
    if scene.glove is not None:
        surface = gloves.covered(surface, scene.glove, points, scene.table)
    towards = tuple(np.float32(x) for x in lighting.to_hand(camera, scene.light))
    lx, ly, lz = (np.full(1, x, np.float32) for x in towards)
    lit = lighting.shadow(scene.cones, points, smooth, (lx, ly, lz))
    opened = lighting.occlusion(cones, points, smooth)
    eye = _to_view(camera, tuple(-d for d in direction))
    return lighting.shade(surface, _to_view(camera, rough), eye, scene.light, lit, opened)


def _to_view(camera: Camera, vectors: Sequence[Field]) -> Points:
    turn = camera.turn.astype(np.float32)
    x, y, z = (sum(turn[i, j] * vectors[j] for j in range(3)) for i in range(3))
    return x, y, z


def _normals(
    cones: Cones, points: Points, size: float, glove: gloves.Glove | None
) -> tuple[Points, Points, Field]:
    """Unit normals in hand space without and with relief, and the relief's height in mm."""
    corners = ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1))
    smooth = [np.zeros_like(points[0]) for _ in range(3)]
    rough = [np.zeros_like(points[0]) for _ in range(3)]
    height = np.zeros_like(points[0])
    for corner in corners:
        x, y, z = (p + np.float32(c * size) for p, c in zip(points, corner, strict=True))
        where = local(cones, (x, y, z))
        distances = local_distances(cones, where)
        if glove is None:
            bumps = skin.relief(cones, (x, y, z), where, distances)
        else:
            bumps = gloves.stitches(glove, where, distances)
        distance = combine(cones, distances)
        height += bumps * np.float32(0.25)
        for axis in range(3):
            smooth[axis] += distance * np.float32(corner[axis])
            rough[axis] += (distance - bumps) * np.float32(corner[axis])
    return _unit(smooth), _unit(rough), height


def _unit(vector: Sequence[Field]) -> Points:
    x, y, z = vector
    scale = 1.0 / np.sqrt(x * x + y * y + z * z + np.float32(1e-12))
    return x * scale, y * scale, z * scale
