"""Crops and letterboxes as OpenCV 4 makes them for MediaPipe, kept in `opencv4_warps.json` as
SHA-256 of their bytes. To record them again, in an environment with opencv-python 4.x (4.10 is
what MediaPipe 0.10.21 has inside): python tests/support/opencv4_warps.py
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FACTS = Path(__file__).with_name("opencv4_warps.json")


@dataclass(frozen=True)
class Warp:
    """A rectangle of a noise image: image and output are (height, width), centre and side in
    pixels, rotation in radians; `border` as in OpenCV: 0 black, 1 the edge repeated.
    """

    image: tuple[int, int]
    centre: tuple[float, float]
    side: float
    rotation: float
    output: tuple[int, int]
    border: int


def _drawn(number: int) -> Warp:
    draw = np.random.Generator(np.random.PCG64(number)).uniform
    image = (int(draw(20, 700)), int(draw(20, 900)))
    return Warp(
        image=image,
        centre=(float(np.float32(draw(-50, image[1] + 50))), float(np.float32(draw(0, image[0])))),
        side=float(np.float32(draw(10, 900))),
        rotation=float(np.float32(draw(-math.pi, math.pi))) if number % 5 else 0.0,
        output=((224, 224), (192, 192), (256, 256), (128, 128))[number % 4],
        border=number % 2,
    )


WARPS = (
    *(_drawn(number) for number in range(16)),
    # letterboxes; in the second every other column is exactly between two 1/32 pixels
    Warp((480, 640), (320.0, 240.0), 640.0, 0.0, (192, 192), 0),
    Warp((321, 213), (106.5, 160.5), 321.0, 0.0, (192, 192), 0),
    Warp((77, 301), (150.5, 38.5), 301.0, 0.0, (192, 192), 0),
    Warp((192, 192), (96.0, 96.0), 192.0, 0.0, (192, 192), 0),
)


def picture(warp: Warp) -> Any:
    """The noise image of a warp, (H, W, 3) uint8."""
    random = np.random.Generator(np.random.PCG64(list(warp.image)))
    return random.integers(0, 256, (*warp.image, 3), dtype=np.uint8)


def digest(pixels: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def opencv(warp: Warp) -> Any:
    """MediaPipe's calls in this environment's OpenCV."""
    import cv2

    rows, columns = warp.output
    degrees = float(np.float32(float(np.float32(warp.rotation) * np.float32(180)) / math.pi))
    corners = cv2.boxPoints((warp.centre, (warp.side, warp.side), degrees))
    target = np.array([[0, rows], [0, 0], [columns, 0], [columns, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(
        picture(warp),
        matrix,
        (columns, rows),
        flags=cv2.INTER_LINEAR,
        borderMode=warp.border,
    )


if __name__ == "__main__":
    import cv2

    facts = {"opencv": cv2.__version__, "sha256": [digest(opencv(warp)) for warp in WARPS]}
    FACTS.write_text(json.dumps(facts, indent=0) + "\n", encoding="utf-8")
