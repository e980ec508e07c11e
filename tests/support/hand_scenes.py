"""Rendered scenes and what MediaPipe itself finds in them, kept in `mediapipe_hands.json`.

To record the facts again (the renderer, or a scene, has changed):
    python tests/support/hand_scenes.py DIR          renders the scenes as PNG, from the checkout
    python tests/support/record_mediapipe.py DIR     in an environment with mediapipe==0.10.21
"""

import hashlib
import json
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.golden.camera import View
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import HandModel, RenderedScene, render_scene

FACTS = Path(__file__).with_name("mediapipe_hands.json")


@dataclass(frozen=True)
class Scene:
    hands: tuple[HandModel, ...]
    options: dict[str, Any] = field(default_factory=dict)


def one(pose: str, view: View, *looks: str, **options: Any) -> Scene:
    return Scene((HandModel(POSES[pose], view, *looks),), options)


SCENES = {
    "open": one("open", View(8, 5, -6), "right", "light", "navy", size=(240, 320)),
    "back": one("open", View(172, 0, 24, 0.22), "left", "deep", "sand", size=(241, 318), seed=1),
    "fist": one("fist", View(20, 0, 90, 0.24), "right", "brown", "white", size=(300, 224), seed=2),
    "point": one("point", View(-25, 8, 180), "left", "tan", "rust", size=(256, 256), seed=3),
    "pinch": one("pinch", View(30, 4, -45), "right", "olive", "navy", size=(200, 333), seed=4),
    "cup": one(
        "cup", View(0, 5, 135, 0.24, (0.5, 0.5)), "left", "porcelain", size=(261, 261), seed=5
    ),
    "two": Scene(
        (
            HandModel(POSES["open"], View(5, 5, 8, 0.24, (0.27, 0.6)), "left", "light", "forest"),
            HandModel(POSES["open"], View(174, 4, 10, 0.24, (0.74, 0.6)), "right", "tan", "rust"),
        ),
        {"size": (260, 420), "seed": 6},
    ),
    "none": Scene((), {"size": (180, 240), "background": "clutter", "seed": 7}),
}


@cache
def rendered(name: str) -> RenderedScene:
    """A scene's image and truth."""
    scene = SCENES[name]
    return render_scene(scene.hands, **scene.options)


@cache
def facts() -> dict[str, Any]:
    """name → `sha256` of the image that MediaPipe saw, `hands`: `landmarks` (21, 3) x, y in
    pixels and z in image widths, `world` (21, 3), `label`, `score`.
    """
    found: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))["scenes"]
    assert set(found) == set(SCENES)
    return found


def sha256(image: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


if __name__ == "__main__":
    from PIL import Image

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCENES:
        Image.fromarray(rendered(name).image).save(folder / f"{name}.png")
