"""Posed hands become an image with its truth: 2-D and 3-D joints, boxes, handedness.

A hand is ray-marched as an implicit surface in its own layer, supersampled where its outline
or its depth breaks, and laid over the background. The same arguments give the same bytes.
Encoding is gamma 2 (a square root), close to sRGB.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden import lighting, march, skin
from blazepalm.golden.backgrounds import make_background
from blazepalm.golden.camera import Camera, View, place_camera
from blazepalm.golden.distance import (
    Cones,
    Field,
    Points,
    combine,
    local,
    local_distances,
    pack,
)
from blazepalm.golden.lighting import LIGHTS, Light
from blazepalm.golden.skeleton import Array, Pose, pose_skeleton
from blazepalm.golden.surface import Cone, build_surface

SUBSAMPLES = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
MAX_PIXELS = 64_000_000


@dataclass(frozen=True)
class HandTruth:
    """What is true of one rendered hand.

    `joints_2d` (21, 2) float64 pixels, x then y, (0, 0) the image's upper left corner;
    `joints_3d` (21, 3) float64 metres from the camera: right, down, forward;
    `handedness` `"left"` or `"right"`, the hand's own; `box` xmin, ymin, xmax, ymax in pixels
    of the hand without its arm, not clipped to the image.
    """

    joints_2d: Array
    joints_3d: Array
    handedness: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class RenderedHand(HandTruth):
    """A `HandTruth` with its `image` (H, W, 3) uint8 RGB."""

    image: NDArray[np.uint8]


@dataclass(frozen=True)
class RenderedScene:
    """`image` (H, W, 3) uint8 RGB and the truth of each hand, in the order they were given."""

    image: NDArray[np.uint8]
    hands: tuple[HandTruth, ...]


@dataclass(frozen=True)
class HandModel:
    """One hand of a scene. `tone` and `sleeve` are names in `skin.TONES` and `skin.SLEEVES`
    (sleeve None: a bare arm); `cuff` is where the sleeve begins, in mm below the wrist.
    """

    pose: Pose = field(default_factory=Pose)
    view: View = field(default_factory=View)
    handedness: str = "right"
    tone: str = "light"
    sleeve: str | None = "navy"
    cuff: float = 70.0

    def __post_init__(self) -> None:
        if self.handedness not in ("left", "right"):
            raise ValueError(f"handedness is {self.handedness!r}, expected 'left' or 'right'")
        if self.tone not in skin.TONES:
            raise ValueError(f"tone is {self.tone!r}, expected one of {list(skin.TONES)}")
        if self.sleeve is not None and self.sleeve not in skin.SLEEVES:
            raise ValueError(f"sleeve is {self.sleeve!r}, expected one of {list(skin.SLEEVES)}")


@dataclass(frozen=True)
class _Scene:
    """Everything that a ray needs to know of one hand."""

    camera: Camera
    cones: Cones
    model: HandModel
    light: Light
    table: Field


@dataclass(frozen=True)
class _Layer:
    """Linear colour times coverage (3, H, W), coverage (H, W), depth in mm (H, W; inf: none)."""

    colour: Field
    coverage: Field
    depth: Field


def render_hand(
    pose: Pose,
    view: View | None = None,
    *,
    handedness: str = "right",
    tone: str = "light",
    sleeve: str | None = "navy",
    light: str = "window",
    background: str = "gradient",
    size: tuple[int, int] = (480, 640),
    seed: int = 0,
) -> RenderedHand:
    """One hand in an image of `size` (height, width).

    `light` is a name in `lighting.LIGHTS`, `background` one in `backgrounds.BACKGROUNDS`.
    `seed` chooses the background and the skin's mottling. Raises ValueError for unknown names,
    angles no hand has, and images over 64 megapixels.
    """
    hand = HandModel(pose, view or View(), handedness, tone, sleeve)
    scene = render_scene([hand], light=light, background=background, size=size, seed=seed)
    truth = scene.hands[0]
    return RenderedHand(
        truth.joints_2d, truth.joints_3d, truth.handedness, truth.box, image=scene.image
    )


def render_scene(
    hands: Sequence[HandModel],
    *,
    light: str = "window",
    background: str | NDArray[np.uint8] = "gradient",
    size: tuple[int, int] = (480, 640),
    seed: int = 0,
) -> RenderedScene:
    """Any number of hands, nearer ones over further ones. `background` may be an image of
    `size`. Other arguments and errors as `render_hand`.
    """
    height, width = size
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise ValueError(f"size is {height}×{width}, expected 1 to {MAX_PIXELS} pixels")
    if light not in LIGHTS:
        raise ValueError(f"light is {light!r}, expected one of {list(LIGHTS)}")
    if isinstance(background, str):
        colour = make_background(background, size, seed)
    else:
        if background.shape != (height, width, 3):
            raise ValueError(f"background is {background.shape}, expected {(height, width, 3)}")
        scaled = background.astype(np.float32) * np.float32(1.0 / 255.0)
        colour = np.ascontiguousarray(np.moveaxis(scaled * scaled, 2, 0))
    truths, layers = [], []
    for index, model in enumerate(hands):
        skeleton = pose_skeleton(model.pose)
        camera = place_camera(model.view, skeleton, size, model.handedness == "left")
        cones = build_surface(skeleton, model.cuff if model.sleeve else None)
        scene = _Scene(camera, pack(cones), model, LIGHTS[light], skin.lattice(seed * 16 + index))
        layers.append(_render_layer(scene))
        truths.append(_truth(camera, skeleton.joints, cones, model.handedness))
    # per pixel, the furthest layer first
    order = np.argsort(np.stack([-layer.depth for layer in layers]), axis=0) if layers else []
    for rank in order:
        for index, layer in enumerate(layers):
            alpha = layer.coverage * (rank == index)
            colour = colour * (1.0 - alpha) + layer.colour * (rank == index)
    return RenderedScene(encode(colour), tuple(truths))


def encode(colour: Field) -> NDArray[np.uint8]:
    """(3, H, W) linear → (H, W, 3) uint8, with a soft shoulder above 0.8."""
    high = np.maximum(colour - np.float32(0.8), np.float32(0.0))
    soft = np.minimum(colour, np.float32(0.8)) + high / (1.0 + 5.0 * high)
    values = np.sqrt(np.clip(soft, np.float32(0.0), np.float32(1.0))) * np.float32(255.0)
    return np.ascontiguousarray(np.moveaxis((values + np.float32(0.5)).astype(np.uint8), 0, 2))


def _truth(camera: Camera, joints: Array, cones: Sequence[Cone], handedness: str) -> HandTruth:
    radii = np.full(21, 10.0)
    radii[0] = 22.0
    for cone in cones:
        if cone.joint and not cone.soft:
            radii[cone.joint] = cone.radii[1]
    pixels = camera.project(joints)
    depth = camera.distance - camera.to_view(joints)[:, 2]
    reach = (radii * camera.focal / np.maximum(depth, 1.0))[:, None]
    low, high = (pixels - reach).min(axis=0), (pixels + reach).max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return HandTruth(pixels, camera.to_camera(joints), handedness, box)


def _render_layer(scene: _Scene) -> _Layer:
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
            tint = tint.reshape(3, 4, -1)
            colour[:, rows, columns] = (tint[:, 0] + tint[:, 1] + tint[:, 2] + tint[:, 3]) * 0.25
            coverage[rows, columns] = hit.reshape(4, -1).sum(axis=0) * np.float32(0.25)
            fresh[rows, columns] = t.reshape(4, -1).min(axis=0)

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(find, corners))
        coverage = np.isfinite(depth).astype(np.float32)
        edges = np.isfinite(start) & _breaks(depth, scene.camera)
        nearest = np.maximum(_least_of_nine(depth) - np.float32(4.0), start)
        fresh = depth.copy()
        list(pool.map(paint, corners))
    depth = np.minimum(depth, fresh)
    return _Layer(colour, coverage, depth)


def _centres(index: NDArray[np.intp], aside: float = 0.0) -> Field:
    """Pixel coordinates of pixels' centres, or of points `aside` of them."""
    return index.astype(np.float32) + np.float32(0.5 + aside)


def _pixels(
    mask: NDArray[np.bool_], corner: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the set pixels of one tile."""
    top, left = corner
    rows, columns = np.nonzero(mask[top : top + march.TILE, left : left + march.TILE])
    return rows + top, columns + left


def _breaks(depth: Field, camera: Camera) -> NDArray[np.bool_]:
    """(H, W) pixels whose depth differs from a neighbour's by more than a slope would."""
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


def _shade(scene: _Scene, cones: Cones, u: Field, v: Field, t: Field) -> Field:
    """(3, N) linear colour of the points at distances t on the rays through pixels (u, v)."""
    camera = scene.camera
    direction = camera.directions(u, v)
    points = march.along(march.origin_of(camera), direction, t)
    pixel = camera.footprint(1.0) * camera.distance
    smooth, rough, height = _normals(cones, points, max(0.18, 0.45 * pixel))
    where = local(cones, points)
    surface = skin.colour(
        cones,
        where,
        local_distances(cones, where),
        points,
        smooth,
        height,
        skin.TONES[scene.model.tone],
        skin.SLEEVES[scene.model.sleeve or "navy"],
        scene.table,
        pixel,
    )
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


def _normals(cones: Cones, points: Points, size: float) -> tuple[Points, Points, Field]:
    """Unit normals in hand space without and with relief, and the relief's height in mm."""
    corners = ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1))
    smooth = [np.zeros_like(points[0]) for _ in range(3)]
    rough = [np.zeros_like(points[0]) for _ in range(3)]
    height = np.zeros_like(points[0])
    for corner in corners:
        x, y, z = (p + np.float32(c * size) for p, c in zip(points, corner, strict=True))
        where = local(cones, (x, y, z))
        distances = local_distances(cones, where)
        bumps = skin.relief(cones, (x, y, z), where, distances)
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
