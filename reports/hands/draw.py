"""Draws hands on a picture: bones in one colour per finger, lighter and wider where they are
nearer, joints, palm boxes, labels.

Everything is in pixels; (0, 0) is the upper left corner of the first pixel. Line widths scale
with each hand and with the picture, so that a thumbnail and a poster look alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blazepalm.reports.hands.labels import put_label

Image = NDArray[np.uint8]
Array = NDArray[np.float64]
Colour = tuple[int, int, int]

PALM = ((0, 1), (0, 5), (5, 9), (9, 13), (13, 17), (0, 17))
FINGERS: dict[str, tuple[tuple[int, ...], Colour]] = {
    "thumb": ((1, 2, 3, 4), (255, 94, 91)),
    "index": ((5, 6, 7, 8), (255, 176, 46)),
    "middle": ((9, 10, 11, 12), (62, 201, 124)),
    "ring": ((13, 14, 15, 16), (54, 162, 255)),
    "pinky": ((17, 18, 19, 20), (190, 108, 255)),
}
TIPS = (4, 8, 12, 16, 20)
PALM_COLOUR: Colour = (236, 240, 244)
BOX_COLOUR: Colour = (46, 214, 198)
INK: Colour = (18, 24, 32)
WHITE: Colour = (255, 255, 255)
SHIFT = 4  # OpenCV takes coordinates in sixteenths of a pixel
LIGHTER, DARKER = 0.45, 0.42  # share of white at the nearest, of black at the furthest
SWELL = 0.40  # how much wider the nearest is than the middle, and narrower the furthest


@dataclass(frozen=True)
class DrawnHand:
    """What to draw of one hand, in pixels; None is not drawn. `box`: xmin, ymin, xmax, ymax;
    `landmarks`: (21, 2) x, y, or (21, 3) with depth, smaller is nearer; `keypoints`: (K, 2) of
    the palm; `label`: a short text for the box.
    """

    box: Array | None = None
    landmarks: Array | None = None
    keypoints: Array | None = None
    label: str = ""


def in_pixels(
    image_size: tuple[int, int],
    box: ArrayLike | None = None,
    landmarks: ArrayLike | None = None,
    keypoints: ArrayLike | None = None,
    label: str = "",
) -> DrawnHand:
    """Scales what to draw from coordinates normalised to an image of `image_size` (height, width):
    box (4,), landmarks (21, 3) with z in image widths, keypoints (K, 2).
    """
    height, width = image_size

    def scaled(values: ArrayLike | None, *scale: int) -> Array | None:
        return None if values is None else np.asarray(values, np.float64) * scale

    return DrawnHand(
        scaled(box, width, height, width, height),
        scaled(landmarks, width, height, width),
        scaled(keypoints, width, height),
        label,
    )


def draw_hands(image: Image, hands: Sequence[DrawnHand]) -> Image:
    """A copy of (H, W, 3) uint8 RGB with the hands drawn on it, the first on top. Raises
    ValueError for another shape or dtype.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"expected H×W×3 uint8, got {image.dtype} {image.shape}")
    canvas = np.ascontiguousarray(image).copy()
    short = min(image.shape[:2])
    for hand in reversed(hands):
        if hand.box is not None and _finite(hand.box):
            _draw_box(canvas, hand.box, max(1.0, short / 320.0))
        if hand.keypoints is not None and _finite(hand.keypoints):
            for point in hand.keypoints:
                _disc(canvas, point, max(1.5, short / 160.0), BOX_COLOUR)
        if hand.landmarks is not None and _finite(hand.landmarks):
            _draw_skeleton(canvas, hand.landmarks, line_width(hand.landmarks, short))
    for hand in reversed(hands):
        if hand.box is not None and hand.label and _finite(hand.box):
            parts = [p for p in (hand.landmarks, hand.keypoints) if p is not None and _finite(p)]
            points = np.concatenate([hand.box.reshape(2, 2), *(part[:, :2] for part in parts)])
            bones = 0.0 if hand.landmarks is None else line_width(hand.landmarks, short)
            put_label(canvas, hand.label, points, clearance=bones * 1.5)
    return canvas


def line_width(landmarks: Array, short: int) -> float:
    """Width of a hand's bones in pixels: 1/25 of its palm, limited by the image's size."""
    return float(np.clip(palm_size(landmarks) / 25.0, 1.0, max(1.5, short / 60.0)))


def palm_size(landmarks: Array) -> float:
    """The palm's longest side in pixels, ignoring depth."""
    spans = landmarks[[5, 9, 17, 17], :2] - landmarks[[0, 0, 0, 5], :2]
    return float(np.sqrt((spans**2).sum(axis=1)).max())


def nearness(landmarks: Array) -> Array:
    """(21,) from −1 (half a palm behind the middle of the hand's depth) to 1 (half a palm in
    front of it); zeros where the landmarks have no depth.
    """
    if landmarks.shape[1] < 3:
        return np.zeros(len(landmarks))
    depth = landmarks[:, 2]
    middle = (depth.min() + depth.max()) / 2.0
    near: Array = (middle - depth) / max(palm_size(landmarks) / 2.0, 1.0)
    return near.clip(-1.0, 1.0)


def shade(colour: Colour, near: float) -> Colour:
    """The colour, lighter when nearer (`near` up to 1), darker when further (down to −1)."""
    towards, part = (255, LIGHTER * near) if near > 0 else (0, -DARKER * near)
    red, green, blue = (round(c + (towards - c) * part) for c in colour)
    return red, green, blue


def _finite(values: Array) -> bool:
    return bool(np.isfinite(values).all() and (np.abs(values) < 1e6).all())


def _fixed(point: Array) -> tuple[int, int]:
    """OpenCV's fixed-point coordinates; its pixel centres are whole numbers, ours are halves."""
    x, y = (round((float(v) - 0.5) * (1 << SHIFT)) for v in point[:2])
    return x, y


def _line(canvas: Image, start: Array, end: Array, width: float, colour: Colour) -> None:
    import cv2

    thickness = max(1, round(width))
    cv2.line(canvas, _fixed(start), _fixed(end), colour, thickness, cv2.LINE_AA, SHIFT)


def _disc(canvas: Image, point: Array, radius: float, colour: Colour) -> None:
    import cv2

    size = max(1, round(radius * (1 << SHIFT)))
    cv2.circle(canvas, _fixed(point), size, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)


def _polygon(canvas: Image, corners: list[Array], colour: Colour) -> None:
    """Draws a filled convex polygon."""
    import cv2

    points = np.rint((np.array(corners) - 0.5) * (1 << SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(canvas, points, colour, cv2.LINE_AA, SHIFT)


def _bones() -> Iterator[tuple[int, int, Colour]]:
    """Every bone, from joint to joint, and its colour."""
    for a, b in PALM:
        yield a, b, PALM_COLOUR
    for chain, colour in FINGERS.values():
        for a, b in pairwise(chain):
            yield a, b, colour


def _draw_skeleton(canvas: Image, landmarks: Array, width: float) -> None:
    """Draws bones and joints on a soft dark halo, from furthest to nearest, each joint after the
    bones that meet in it.
    """
    near = nearness(landmarks)
    widths = width * (1.0 + SWELL * near)
    bones = list(_bones())
    _draw_halo(canvas, landmarks, bones, width)
    depths = [(near[a] + near[b]) / 2 for a, b, _ in bones]
    order: list[tuple[float, int, int]] = [(depth, 0, i) for i, depth in enumerate(depths)]
    colours = {0: PALM_COLOUR, **{j: c for chain, c in FINGERS.values() for j in chain}}
    for joint in colours:
        met = [depth for depth, bone in zip(depths, bones, strict=True) if joint in bone[:2]]
        order.append((max(near[joint], *met), 1, joint))
    for _, is_joint, index in sorted(order):
        if is_joint:
            radius = widths[index] * (1.25 if index in TIPS else 1.05)
            _disc(canvas, landmarks[index], radius + max(0.6, width * 0.28), INK)
            _disc(canvas, landmarks[index], radius, WHITE)
            _disc(canvas, landmarks[index], radius * 0.70, shade(colours[index], near[index]))
        else:
            a, b, colour = bones[index]
            _draw_bone(canvas, landmarks[[a, b], :2], widths[[a, b]], near[[a, b]], colour)


def _draw_bone(canvas: Image, ends: Array, widths: Array, near: Array, colour: Colour) -> None:
    """Draws a dark rim, which separates the bone from what it crosses, then graded pieces."""
    way = ends[1] - ends[0]
    length = float(np.hypot(*way))
    if length < 0.5:
        return
    side = np.array([-way[1], way[0]]) / length / 2.0
    pieces = int(np.clip(min(length / 3.0, abs(near[1] - near[0]) * 16.0), 1, 16))
    at = np.arange(pieces + 1)[:, None] / pieces
    middles, wides = ends[0] + way * at, widths[0] + (widths[1] - widths[0]) * at
    lefts, rights = middles + side * wides, middles - side * wides  # (pieces + 1, 2)
    rim = side * 2.0 * max(0.6, float(widths.max()) * 0.28)
    _polygon(canvas, [lefts[0] + rim, lefts[-1] + rim, rights[-1] - rim, rights[0] - rim], INK)
    overlap = way * (0.5 / length)  # half a pixel: no seams
    for i in range(pieces):
        tone = float(near[0] + (near[1] - near[0]) * (i + 0.5) / pieces)
        on = overlap if i + 1 < pieces else 0.0
        corners = [lefts[i], lefts[i + 1] + on, rights[i + 1] + on, rights[i]]
        _polygon(canvas, corners, shade(colour, tone))


def _draw_halo(
    canvas: Image, landmarks: Array, bones: list[tuple[int, int, Colour]], width: float
) -> None:
    """Slightly darkens the canvas under the skeleton, and nothing outside the skeleton's patch."""
    patch, origin = _patch(canvas, landmarks[:, :2], width * 2.0)
    if patch.size == 0:
        return
    halo = patch.copy()
    for a, b, _ in bones:
        _line(halo, landmarks[a, :2] - origin, landmarks[b, :2] - origin, width * 2.4, INK)
    patch[:] = _mix(patch, halo, 0.30)


def _patch(canvas: Image, points: Array, margin: float) -> tuple[Image, Array]:
    """A view of the canvas around (n, 2) points, and the position of its corner."""
    low = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int)
    high = np.maximum(np.ceil(points.max(axis=0) + margin), 0).astype(int)
    return canvas[low[1] : high[1], low[0] : high[0]], low.astype(np.float64)


def _mix(image: Image, over: Image, part: float) -> Image:
    import cv2

    mixed: Any = cv2.addWeighted(image, 1.0 - part, over, part, 0.0)
    return np.asarray(mixed, np.uint8)


def _draw_box(canvas: Image, box: Array, width: float) -> None:
    """Draws a thin frame with thick corners."""
    left, top, right, bottom = (float(v) for v in box)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    patch, origin = _patch(canvas, corners, width * 2)
    if patch.size:
        faint = patch.copy()
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            _line(faint, start - origin, end - origin, width, BOX_COLOUR)
        patch[:] = _mix(patch, faint, 0.55)
    reach = 0.22 * min(abs(right - left), abs(bottom - top))
    for corner in range(4):
        for other in (corner - 1, (corner + 1) % 4):
            way = corners[other] - corners[corner]
            length = float(np.abs(way).sum())
            if length > 0:
                end = corners[corner] + way / length * reach
                _line(canvas, corners[corner], end, width * 2.2, BOX_COLOUR)
