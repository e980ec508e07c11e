"""The README's picture: the models find every hand in the photo."""

import numpy as np
import pytest

from blazepalm.golden.render import render_scene
from blazepalm.media.images import read_image
from blazepalm.reports.hands import readme_picture
from support.models import ROOT

PHOTO, DRAWN = ROOT / "docs" / "photo.jpg", ROOT / "docs" / "hands.jpg"


@pytest.fixture(scope="module")
def redrawn() -> np.ndarray:
    return readme_picture.draw_picture(read_image(PHOTO))


def test_the_picture_is_what_the_models_find_in_the_photo(redrawn: np.ndarray) -> None:
    shown, photo = read_image(DRAWN).astype(int), read_image(PHOTO).astype(int)
    difference = np.abs(shown - redrawn)
    assert (np.abs(shown - photo).max(axis=2) > 60).mean() > 0.03  # something is drawn
    assert difference.mean() < 2.0  # but for JPEG, the same
    assert (difference.max(axis=2) > 60).mean() < 0.003


def test_every_hand_is_marked(redrawn: np.ndarray) -> None:
    """The truth comes from the renderer, at a size that renders quickly."""
    small = (readme_picture.SIZE[0] // 8, readme_picture.SIZE[1] // 8)
    truths = render_scene(readme_picture.HANDS, size=small).hands
    photo = read_image(PHOTO)
    assert len(truths) == 3
    for truth in truths:
        for joint in (0, 5, 9, 17):
            x, y = (truth.joints_2d[joint] * 8).astype(int)
            patch = (slice(y - 24, y + 25), slice(x - 24, x + 25))
            assert (redrawn[patch] != photo[patch]).any(axis=2).mean() > 0.2


def test_files_are_small_and_of_one_size() -> None:
    for path in (PHOTO, DRAWN):
        assert path.stat().st_size <= 300_000
        assert read_image(path).shape == (*readme_picture.SIZE, 3)
