"""Hands are drawn on a picture: bones in a colour a finger, joints, palm boxes, labels.

Everything is in pixels, (0, 0) the upper left corner of the first pixel. Line widths follow
the size of each hand and of the picture, so that a thumbnail and a poster look alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
PALM_COLOUR: Colour = (236, 240, 244)
BOX_COLOUR: Colour = (46, 214, 198)
INK: Colour = (18, 24, 32)
SHIFT = 4  # opencv takes coordinates in sixteenths of a pixel


@dataclass(frozen=True)
class DrawnHand:
    """What is drawn of one hand, in pixels. Whatever is None is left out. `box`: xmin, ymin,
    xmax, ymax; `landmarks`: (21, 2) x, y, or (21, 3) with a depth, smaller nearer; `keypoints`:
    (K, 2) of the palm; `label`: a few words for the box.
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
    """What is drawn, from coordinates normalised to an image of `image_size` (height, width):
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
            _draw_label(canvas, hand, short)
    return canvas


def line_width(landmarks: Array, short: int) -> float:
    """Width in pixels of a hand's bones: a part of its palm, within what the image bears."""
    spans = landmarks[[5, 9, 17, 17], :2] - landmarks[[0, 0, 0, 5], :2]
    palm = float(np.sqrt((spans**2).sum(axis=1)).max())
    return float(np.clip(palm / 25.0, 1.0, max(1.5, short / 60.0)))


def _finite(values: Array) -> bool:
    return bool(np.isfinite(values).all() and (np.abs(values) < 1e6).all())


def _fixed(point: Array) -> tuple[int, int]:
    """Opencv's fixed-point coordinates; its pixel centres are whole numbers, ours are halves."""
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


def _draw_skeleton(canvas: Image, landmarks: Array, width: float) -> None:
    """Bones from the furthest to the nearest, on a soft dark halo, then joints."""
    depth = landmarks[:, 2] if landmarks.shape[1] > 2 else np.zeros(len(landmarks))
    bones = [(a, b, PALM_COLOUR) for a, b in PALM]
    colours = {0: PALM_COLOUR}
    for chain, colour in FINGERS.values():
        bones += [(a, b, colour) for a, b in pairwise(chain)]
        colours.update(dict.fromkeys(chain, colour))
    bones.sort(key=lambda bone: -(depth[bone[0]] + depth[bone[1]]))
    halo = canvas.copy()
    for a, b, _ in bones:
        _line(halo, landmarks[a], landmarks[b], width * 2.0, INK)
    canvas[:] = _mix(canvas, halo, 0.40)
    for a, b, colour in bones:
        _line(canvas, landmarks[a], landmarks[b], width, colour)
    for joint in np.argsort(-depth, kind="stable"):
        tip = joint in (4, 8, 12, 16, 20)
        radius = width * (1.25 if tip else 1.05)
        _disc(canvas, landmarks[joint], radius + max(0.6, width * 0.28), INK)
        _disc(canvas, landmarks[joint], radius, (255, 255, 255))
        _disc(canvas, landmarks[joint], radius * 0.66, colours[int(joint)])


def _mix(image: Image, over: Image, part: float) -> Image:
    import cv2

    mixed: Any = cv2.addWeighted(image, 1.0 - part, over, part, 0.0)
    return np.asarray(mixed, np.uint8)


def _draw_box(canvas: Image, box: Array, width: float) -> None:
    """A fine frame with strong corners."""
    left, top, right, bottom = (float(v) for v in box)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    faint = canvas.copy()
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        _line(faint, start, end, width, BOX_COLOUR)
    canvas[:] = _mix(canvas, faint, 0.55)
    reach = 0.22 * min(abs(right - left), abs(bottom - top))
    for corner in range(4):
        for other in (corner - 1, (corner + 1) % 4):
            way = corners[other] - corners[corner]
            length = float(np.abs(way).sum())
            if length > 0:
                end = corners[corner] + way / length * reach
                _line(canvas, corners[corner], end, width * 2.2, BOX_COLOUR)


def _draw_label(canvas: Image, hand: DrawnHand, short: int) -> None:
    """A dark tag with the words above the hand, or below it where there is no room."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    height, width = canvas.shape[:2]
    size = max(9, round(short / 30))
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(hand.label)
    pad = max(2, size // 3)
    wide, tall = int(right - left) + 2 * pad, size + pad
    if wide > width or tall > height:
        return
    parts = [p for p in (hand.landmarks, hand.keypoints) if p is not None and _finite(p)]
    assert hand.box is not None
    points = np.concatenate([np.reshape(hand.box, (2, 2)), *(p[:, :2] for p in parts)])
    (west, north), (_, south) = points.min(axis=0), points.max(axis=0)
    gap = pad + line_width(hand.landmarks, short) * 1.5 if hand.landmarks is not None else pad
    y = round(north - gap) - tall
    if y < 0 and round(south + gap) + tall <= height:
        y = round(south + gap)
    y = int(np.clip(y, 0, height - tall))
    x = int(np.clip(round(west - gap / 2), 0, width - wide))
    patch = canvas[y : y + tall, x : x + wide]
    tag = Pictures.new("RGB", (wide * 4, tall * 4), INK)
    mask = Pictures.new("L", tag.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, wide * 4 - 1, tall * 4 - 1), radius=pad * 4, fill=215
    )
    tag, mask = tag.resize((wide, tall)), mask.resize((wide, tall))
    middle = (pad - left, (tall - (top + bottom)) / 2)
    ImageDraw.Draw(tag).text(middle, hand.label, font=font, fill=(255, 255, 255))
    under = Pictures.fromarray(patch)
    under.paste(tag, (0, 0), mask)
    patch[:] = np.asarray(under)
