"""A golden folder of own pictures: two hands, one, none, and a file that cannot be read."""

from functools import cache
from pathlib import Path

from PIL import Image

from blazepalm.golden.make import make_golden
from blazepalm.golden.manifest import GoldenSet
from blazepalm.reports.hands.open_model import OpenModel
from blazepalm.reports.hands.open_models import open_model
from support.hand_scenes import rendered

SCENES = ("two", "back", "none")
NAMES = tuple(f"own-{name}" for name in SCENES)


def own_golden(folder: Path) -> GoldenSet:
    """The set in `folder`/golden, made as `blazepalm golden make --images` does."""
    photos = folder / "photos"
    photos.mkdir()
    for name in SCENES:
        Image.fromarray(rendered(name).image).save(photos / f"{name}.png")
    paths = [photos / f"{name}.png" for name in SCENES]
    return make_golden(folder / "golden", names=("file-not-an-image",), images=paths, jobs=1)


@cache
def lite_models() -> tuple[OpenModel, OpenModel]:
    """The embedded lite releases in LiteRT."""
    return open_model("palm-lite", "palm", "tflite"), open_model("hand-lite", "hand", "tflite")
