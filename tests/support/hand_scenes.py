"""Rendered scenes and a rendered video, and what MediaPipe itself finds in them, kept in
`mediapipe_hands.json` and `mediapipe_sequence.json`.

To record the facts again (the renderer, or a scene, has changed), from the checkout and in an
environment with mediapipe==0.10.21:
    python tests/support/hand_scenes.py DIR      renders DIR/images and DIR/video as PNG
    python tests/support/record_mediapipe.py images DIR/images tests/support/mediapipe_hands.json
    python tests/support/record_mediapipe.py video DIR/video tests/support/mediapipe_sequence.json
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
from blazepalm.golden.sequence import render_frame

FACTS = Path(__file__).with_name("mediapipe_hands.json")
SEQUENCE_FACTS = Path(__file__).with_name("mediapipe_sequence.json")
SEQUENCE_SIZE = (180, 240)
SEQUENCE_FRAMES = 300


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

# odd sizes, a border, and MediaPipe's usual one
ODD_SCENES = {
    "vga": one("victory", View(12, 6, 14, 0.3), "right", "tan", "white", size=(480, 640), seed=8),
    "vga-two": Scene(
        (
            HandModel(POSES["cup"], View(-20, 5, -30, 0.25, (0.3, 0.5)), "left", "deep", "rust"),
            HandModel(POSES["fist"], View(15, 0, 25, 0.25, (0.7, 0.6)), "right", "light", "sand"),
        ),
        {"size": (480, 640), "seed": 9, "background": "clutter"},
    ),
    "edge": one(
        "open", View(0, 5, 70, 0.3, (0.16, 0.4)), "right", "olive", size=(211, 287), seed=10
    ),
    "wide": one("point", View(10, 5, 0, 0.5), "right", "tan", "navy", size=(145, 500), seed=11),
    "tall": one("pinch", View(-30, 5, -20, 0.5), "left", "brown", "sand", size=(301, 77), seed=12),
    "small": one("open", View(0, 5, 200, 0.28), "left", "light", "navy", size=(97, 131), seed=13),
    "odd": one("thumb", View(25, 0, 40), "right", "porcelain", "rust", size=(193, 387), seed=14),
    "prime": one("victory", View(190, 5, -70), "left", "deep", "white", size=(257, 211), seed=15),
    "ties": one("open", View(-8, 5, 10), "right", "tan", "forest", size=(321, 213), seed=16),
}


@cache
def rendered(name: str) -> RenderedScene:
    """A scene's image and truth."""
    scene = SCENES[name] if name in SCENES else ODD_SCENES[name]
    return render_scene(scene.hands, **scene.options)


@cache
def recorded() -> dict[str, Any]:
    """name → `sha256` of the image that MediaPipe saw, `hands`: complexity ("0" or "1") →
    `landmarks` (21, 3) normalised, `world` (21, 3), `label`, `score` of each hand.
    """
    found: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))["images"]
    assert set(found) == {*SCENES, *ODD_SCENES}
    return found


@cache
def facts() -> dict[str, Any]:
    """name → `sha256`, and `hands` at complexity 1, their landmarks in pixels (z in image
    widths), of the scenes that are easy.
    """
    found = {}
    for name in SCENES:
        height, width = rendered(name).image.shape[:2]
        hands = [
            {**hand, "landmarks": (np.array(hand["landmarks"]) * [width, height, 1]).tolist()}
            for hand in recorded()[name]["hands"]["1"]
        ]
        found[name] = {"sha256": recorded()[name]["sha256"], "hands": hands}
    return found


@cache
def sequence_facts() -> list[dict[str, Any]]:
    """Of each frame of the video the beginning of its `sha256`, and `hands`: the landmarks of
    each, (21, 3) normalised, as MediaPipe tracks them at complexity 1.
    """
    found = json.loads(SEQUENCE_FACTS.read_text(encoding="utf-8"))["video"]
    assert len(found) == SEQUENCE_FRAMES
    return [found[name] for name in sorted(found)]


def sha256(image: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def write_png(image: np.ndarray, path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def check_moved_hands(hands: list[dict[str, Any]], number: int) -> None:
    """The hands that `detect` finds in frame `number` of the scene `two`, which moves to the right
    by 4 pixels a frame: near the truth, and tracked from the second frame on.
    """
    assert [hand["tracked"] for hand in hands] == [number > 0] * 2
    by_side = {hand["handedness"]: hand for hand in hands}
    for truth in rendered("two").hands:
        points = np.array(by_side[truth.handedness]["landmarks"])[:, :2] * (420, 260)
        away = np.linalg.norm(points - truth.joints_2d - (4 * number, 0), axis=1)
        assert away.mean() < 6, (truth.handedness, away.mean())


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name in (*SCENES, *ODD_SCENES):
        write_png(rendered(name).image, folder / "images" / f"{name}.png")
    for frame in range(SEQUENCE_FRAMES):
        image = render_frame(frame, SEQUENCE_SIZE).image
        write_png(image, folder / "video" / f"{frame:04d}.png")
