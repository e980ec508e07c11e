"""`blazepalm detect`: what it finds, prints and writes; and every kind of bad input."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Outcome
from PIL import Image

from support.hand_scenes import facts, rendered
from support.models import shared_model

Command = Callable[..., Outcome]
KEYS = {
    "score",
    "box",
    "keypoints",
    "handedness",
    "handedness_score",
    "presence",
    "landmarks",
    "world_landmarks",
}


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "two.png"
    Image.fromarray(rendered("two").image).save(path)
    return path


def test_json(blazepalm: Command, photo: Path) -> None:
    done = blazepalm("detect", photo, "--json")
    assert done.code == 0, done.err
    found = done.json
    height, width = rendered("two").image.shape[:2]
    assert (found["image"], found["width"], found["height"]) == (str(photo), width, height)
    assert (found["detector"], found["landmark_model"]) == ("palm-full-2023-09", "hand-full-2022")
    assert found["drawn"] is None
    assert len(found["hands"]) == 2
    sides = {}
    for hand in found["hands"]:
        assert set(hand) == KEYS
        assert np.shape(hand["box"]) == (4,)
        assert np.shape(hand["keypoints"]) == (7, 2)
        assert np.shape(hand["landmarks"]) == np.shape(hand["world_landmarks"]) == (21, 3)
        assert 0.5 <= hand["handedness_score"] <= 1.0
        sides[hand["handedness"]] = np.array(hand["landmarks"]) * [width, height, 1]
    # the renderer's truth, and MediaPipe's recorded points
    for truth in rendered("two").hands:
        away = np.linalg.norm(sides[truth.handedness][:, :2] - truth.joints_2d, axis=1)
        assert away.mean() < 5
    for expected in facts()["two"]["hands"]:
        side = {"Left": "right", "Right": "left"}[expected["label"]]  # it thinks of a mirror
        away = np.abs(sides[side] - expected["landmarks"])
        assert away[:, :2].mean() < 1.0


def test_table_and_drawing(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "new" / "drawn.png"
    done = blazepalm("detect", photo, "--draw", drawn)
    assert done.code == 0, done.err
    assert "2 hands" in done.out
    assert "left" in done.out and "right" in done.out
    assert "drawn.png" in done.out.replace("\n", "")
    before, after = rendered("two").image, np.asarray(Image.open(drawn))
    assert after.shape == before.shape
    assert 0.02 < (before != after).any(axis=2).mean() < 0.5
    for truth in rendered("two").hands:  # every wrist is marked
        x, y = truth.joints_2d[0].astype(int)
        patch = (slice(y - 8, y + 9), slice(x - 8, x + 9))
        assert (before[patch] != after[patch]).any(axis=2).mean() > 0.2
    assert list(drawn.parent.iterdir()) == [drawn]


def test_no_hand_is_no_failure(blazepalm: Command, tmp_path: Path) -> None:
    path = tmp_path / "none.jpg"
    Image.fromarray(rendered("none").image).save(path)
    done = blazepalm("detect", path, "--draw", tmp_path / "drawn.jpg")
    assert done.code == 0
    assert "no hand found" in done.out
    assert (tmp_path / "drawn.jpg").exists()
    assert blazepalm("detect", path, "--json").json["hands"] == []


def test_palms_alone(blazepalm: Command, photo: Path) -> None:
    found = blazepalm("detect", photo, "--json", "--landmarks", "none").json
    assert found["landmark_model"] is None
    assert len(found["hands"]) == 2
    for hand in found["hands"]:
        assert set(hand) == KEYS
        assert hand["landmarks"] is None and hand["handedness"] is None
    plain = blazepalm("detect", photo, "--landmarks", "none", "--max-hands", "1")
    assert "1 palm" in plain.out and "1 palms" not in plain.out


def test_older_releases(blazepalm: Command, photo: Path) -> None:
    found = blazepalm(
        "detect", photo, "--json",
        "--model", shared_model("palm-2020-11"), "--landmarks", shared_model("hand-3d-2019-08"),
    )  # fmt: skip
    assert found.code == 0, found.err
    assert found.json["detector"] == "palm-2020-11"
    for hand in found.json["hands"]:
        assert hand["handedness"] is None and hand["world_landmarks"] is None


def refused(done: Outcome, *words: str) -> None:
    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    told = done.err.replace("\n", " ")
    for word in words:
        assert word in told, told


def test_bad_images(blazepalm: Command, tmp_path: Path) -> None:
    text = tmp_path / "letter.png"
    text.write_text("Dear diary,\n" * 9)
    drawn = tmp_path / "drawn.png"
    for path, word in (
        (text, "is no image"),
        (tmp_path, "is a folder"),
        (tmp_path / "nothing.png", "no such file"),
    ):
        refused(blazepalm("detect", path, "--draw", drawn), str(path), word)
        assert not drawn.exists()


def test_models_of_the_wrong_family(blazepalm: Command, photo: Path) -> None:
    refused(
        blazepalm("detect", photo, "--model", "hand-lite"),
        "hand-lite", "a hand landmark model", "--model takes a palm detector",
    )  # fmt: skip
    refused(blazepalm("detect", photo, "--landmarks", "palm-lite"), "takes a hand landmark model")
    refused(blazepalm("detect", photo, "--model", "palm-fall"), "palm-fall")


def test_nothing_is_overwritten(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.png"
    drawn.write_text("mine")
    refused(blazepalm("detect", photo, "--draw", drawn), "exists already", "--force")
    assert drawn.read_text() == "mine"
    assert blazepalm("detect", photo, "--draw", drawn, "--force").code == 0
    assert np.asarray(Image.open(drawn)).shape == rendered("two").image.shape
    before = photo.read_bytes()
    refused(blazepalm("detect", photo, "--draw", photo, "--force"), "is the image itself")
    assert photo.read_bytes() == before


def test_drawings_that_cannot_be(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    refused(blazepalm("detect", photo, "--draw", tmp_path / "drawn.txt"), ".png, .jpg")
    (tmp_path / "folder.png").mkdir()
    refused(blazepalm("detect", photo, "--draw", tmp_path / "folder.png"), "is a folder")
    (tmp_path / "file").write_text("")
    refused(blazepalm("detect", photo, "--draw", tmp_path / "file" / "a.png"), "cannot be written")
    assert (tmp_path / "file").read_text() == ""
