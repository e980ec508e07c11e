"""The README's picture: rendered hands, found and drawn by the converted models themselves.

`python -m blazepalm.reports.picture docs/hands.jpg` writes it again, byte for byte on one
machine. Nothing in it is drawn from the renderer's truth.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.camera import View
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import HandModel, render_scene
from blazepalm.models.hand_pipeline import HandPipeline
from blazepalm.reports.draw import draw_hands, in_pixels

SIZE = (640, 1280)  # height, width
HANDS = (
    HandModel(POSES["open"], View(170, 4, -8, 0.30, (0.17, 0.58)), "left", "tan", "forest"),
    HandModel(POSES["victory"], View(-15, 4, 0, 0.30, (0.5, 0.60)), "right", "light", "navy"),
    HandModel(POSES["pinch"], View(30, 4, 8, 0.30, (0.82, 0.57)), "right", "deep", "sand"),
)


def render_picture() -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: the hands alone."""
    return render_scene(HANDS, light="window", background="gradient", size=SIZE, seed=5).image


def draw_picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image with what `palm-full` and `hand-full`, converted to PyTorch, find in it."""
    from blazepalm.converter.convert import module_of
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

    detector, landmarks = (module_of(name).module for name in ("palm-full", "hand-full"))
    assert isinstance(detector, PalmDetector) and isinstance(landmarks, HandLandmarks)
    size = (image.shape[0], image.shape[1])
    found = []
    for hand in HandPipeline(detector, landmarks)(image):
        right = hand.handedness is not None and float(hand.handedness) > 0.5
        label = f"{'right' if right else 'left'} {float(hand.score):.2f}"
        found.append(in_pixels(size, hand.box.numpy(), hand.landmarks.numpy(), label=label))
    return draw_hands(image, found)


def main(path: str) -> None:
    """Writes the picture as JPEG or PNG, by the path's suffix."""
    from PIL import Image

    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(draw_picture(render_picture()))
    if target.suffix.lower() == ".png":
        picture.save(target, optimize=True)
    else:
        picture.save(target, quality=88, optimize=True, progressive=True, subsampling=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
