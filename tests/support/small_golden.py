"""A golden set of three small rendered scenes: two hands, one, and none."""

import hashlib
from functools import cache
from pathlib import Path

from PIL import Image

from blazepalm.golden.manifest import GoldenCase, GoldenSet, TrueHand
from blazepalm.golden.render import RenderedScene, render_scene
from support.hand_scenes import SCENES

NAMES = {"two": "hand", "back": "hand", "none": "hard"}


@cache
def _scene(name: str) -> RenderedScene:
    return render_scene(SCENES[name].hands, **SCENES[name].options)


def small_golden(folder: Path) -> GoldenSet:
    """The set, its pictures in `folder`."""
    cases = []
    for name, kind in NAMES.items():
        scene, file = _scene(name), f"{name}.png"
        Image.fromarray(scene.image).save(folder / file)
        height, width = scene.image.shape[:2]
        hands = tuple(
            TrueHand(
                tuple((float(x), float(y)) for x, y in hand.joints_2d),
                (),
                tuple(float(v) for v in hand.box),  # type: ignore[arg-type]
                hand.handedness,
            )
            for hand in scene.hands
        )
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        cases.append(GoldenCase(name, kind, file, digest, True, width, height, 0, {}, hands))
    return GoldenSet(1, folder, tuple(cases))
