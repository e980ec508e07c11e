"""Makes the README's picture: rendered hands, with what the converted models find drawn in.

`python -m blazepalm.reports.hands.readme_picture docs` renders `photo.jpg`, reads it back as
`detect` does, and draws the hands found in it as `hands.jpg`; both are reproducible byte for byte
on one machine. The renderer's truth is not used for drawing.
"""

import io
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepalm.atomic import atomic_file
from blazepalm.golden.camera import View
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import HandModel, render_scene
from blazepalm.models.hand_pipeline import HandPipeline
from blazepalm.models.runners import torch_models
from blazepalm.reports.hands.draw import draw_hands, in_pixels

SIZE = (640, 1280)  # height, width
HANDS = (
    HandModel(POSES["open"], View(170, 4, -8, 0.30, (0.17, 0.58)), "left", "tan", "forest"),
    HandModel(POSES["victory"], View(-15, 4, 0, 0.30, (0.5, 0.60)), "right", "light", "navy"),
    HandModel(POSES["pinch"], View(30, 4, 8, 0.30, (0.82, 0.57)), "right", "deep", "sand"),
)


def render_picture() -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: the hands, nothing drawn on them."""
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
    for hand in HandPipeline(torch_models(detector, landmarks), max_hands=None)(image):
        right = hand.handedness is not None and float(hand.handedness) > 0.5
        label = f"{'right' if right else 'left'} {float(hand.score):.2f}"
        found.append(in_pixels(size, hand.box, hand.landmarks, label=label))
    return draw_hands(image, found)


def main(folder: str = "docs") -> None:
    """Writes `photo.jpg`, the rendered hands, and `hands.jpg`, the same with the hands found."""
    from PIL import Image

    from blazepalm.media.images import read_image

    target = Path(folder)

    def save(pixels: NDArray[np.uint8], name: str) -> Path:
        options = {"quality": 88, "optimize": True, "progressive": True, "subsampling": 0}
        packed = io.BytesIO()
        Image.fromarray(pixels).save(packed, "JPEG", **options)
        with atomic_file(target / name) as temporary:
            temporary.write_bytes(packed.getvalue())
        return target / name

    photo = save(render_picture(), "photo.jpg")
    save(draw_picture(read_image(photo)), "hands.jpg")


if __name__ == "__main__":
    main(*sys.argv[1:])
