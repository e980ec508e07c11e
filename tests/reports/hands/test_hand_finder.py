"""`blazepalm.hands` and `HandFinder`: every kind of picture gives the same hands as the command
line, and videos are tracked from frame to frame.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from blazepalm import HandFinder, hands
from blazepalm.errors import InvalidImage, InvalidModel, UnknownRelease
from support.cli import Cli

PHOTO = Path(__file__).parents[3] / "docs/photo.jpg"


@pytest.fixture(scope="module")
def finder() -> HandFinder:
    return HandFinder("palm-lite", "hand-lite", backend="tflite")


@pytest.fixture(scope="module")
def pixels() -> Any:
    return np.asarray(Image.open(PHOTO).convert("RGB"))


def test_a_picture_may_be_of_any_kind(finder: HandFinder, pixels: Any) -> None:
    expected = finder(PHOTO)
    assert len(expected) == 3
    tensor = torch.from_numpy(pixels.copy())
    kinds = (
        str(PHOTO),
        Image.open(PHOTO),
        pixels,
        tensor,
        tensor.permute(2, 0, 1),
        tensor.permute(2, 0, 1).float() / 255,
    )
    for picture in kinds:
        assert finder(picture) == expected
    assert finder(pixels[:, ::-1]) != expected


def test_it_finds_what_detect_finds(finder: HandFinder, blazepalm: Cli) -> None:
    models = ["--model", "palm-lite", "--landmarks", "hand-lite", "--backend", "tflite"]
    done = blazepalm("detect", PHOTO, *models, "--json")
    assert finder(PHOTO).to_dicts() == done.json["frames"][0]["hands"]


def test_hands_are_drawn_and_shown(finder: HandFinder, pixels: Any) -> None:
    found = finder(pixels)
    drawn = np.asarray(found.draw())
    assert drawn.shape == pixels.shape
    changed = (drawn != pixels).any(axis=2)
    assert 0.005 < changed.mean() < 0.5
    shown = np.asarray(Image.open(BytesIO(found._repr_png_())))
    assert (shown == drawn).all()
    assert repr(found).startswith("<3 hands in 1280×640 pixels: ")
    assert [hand.landmarks.shape for hand in found] == [(21, 3)] * 3
    assert found[1:] == (found[1], found[2])


def test_lists_and_batches(pixels: Any) -> None:
    one, other = hands([pixels, PHOTO], "palm-lite", "hand-lite", backend="tflite")
    assert one == other
    batch: Any = np.stack([pixels, pixels[:, ::-1]])
    first, mirrored = hands(batch, "palm-lite", "hand-lite", backend="tflite")
    assert first == one
    assert mirrored != one
    assert hands([], "palm-lite", "hand-lite", backend="tflite") == []


def test_a_video_is_tracked(finder: HandFinder, pixels: Any) -> None:
    finder.reset()
    assert [hand.tracked for hand in finder.track(pixels)] == [False, False]
    assert [hand.tracked for hand in finder.track(pixels)] == [True, True]
    finder.reset()
    assert [hand.tracked for hand in finder.track(pixels)] == [False, False]
    assert len(finder(pixels)) == 3, "a call does not track"


def test_a_known_bundle_stands_for_its_embedded_members(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the bundle's file: its networks are embedded, so nothing needs to be fetched."""
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path))
    named = HandFinder("hand-landmarker", backend="tflite", max_hands=2)
    assert repr(named) == "<HandFinder: palm-full-2023-09, hand-full-2022, tflite>"


@pytest.mark.parametrize("picture", [None, 3, {"a": 1}, np.zeros((4, 4)), np.zeros((2, 2, 3), int)])
def test_what_is_no_picture(finder: HandFinder, picture: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="expected"):
        finder(picture)


def test_bad_files_and_models(finder: HandFinder, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match=r"none\.png: no such file"):
        finder(tmp_path / "none.png")
    with pytest.raises(UnknownRelease, match="did you mean palm-full"):
        HandFinder("palm-fuII")
    with pytest.raises(InvalidModel, match="expected a palm detector"):
        HandFinder("hand-lite", backend="tflite")
    with pytest.raises(ValueError, match="max_hands is 0, expected at least 1"):
        HandFinder(max_hands=0)
