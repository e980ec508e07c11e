"""`blazepalm detect camera`, with a stand-in for the camera itself: frames in RGB, hands in the
JSON, tracking, and the ways to end: no more frames, --max-frames, Ctrl-C, none at all.
"""

import json
import signal
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from blazepalm.reports.schemas import json_schema
from support.camera import Camera
from support.cli import Cli
from support.clips import read_clip
from support.hand_scenes import check_moved_hands, rendered

QUICK = ("--backend", "tflite", "--model", "palm-lite", "--landmarks", "hand-lite")
SCHEMA = json_schema("detections")


def moved(number: int) -> np.ndarray:
    """The two hands, four pixels further to the right in each frame."""
    return np.roll(rendered("two").image, 4 * number, axis=1)


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    return Camera(moved).install(monkeypatch)


def test_hands_before_the_camera(blazepalm: Cli, camera: Camera, tmp_path: Path) -> None:
    camera.count = 4
    done = blazepalm("detect", "camera:1", *QUICK, "--json")
    assert done.code == 0, done.err
    assert camera.opened == [1] and camera.released == 1
    jsonschema.Draft202012Validator(SCHEMA).validate(done.json)
    frames = done.json["frames"]
    assert [frame["index"] for frame in frames] == [0, 1, 2, 3]
    assert {(f["source"], f["width"], f["height"]) for f in frames} == {("camera:1", 420, 260)}
    seconds = [frame["seconds"] for frame in frames]
    assert seconds[0] == 0.0 and seconds == sorted(seconds)
    for number, frame in enumerate(frames):
        check_moved_hands(frame["hands"], number)
    # the very numbers of the same picture in a file: no channel is another
    path = tmp_path / "first.png"
    Image.fromarray(moved(0)).save(path)
    file = blazepalm("detect", path, *QUICK, "--json").json["frames"][0]
    assert file["hands"] == frames[0]["hands"]


def test_so_many_frames_at_most(blazepalm: Cli, camera: Camera, tmp_path: Path) -> None:
    """The camera never ends. Also checks that the drawing's colours are not swapped."""
    movie, table = tmp_path / "m.mp4", tmp_path / "t.csv"
    done = blazepalm(
        "detect", "camera", *QUICK, "--max-frames", "3", "--video", movie, "--csv", table
    )
    assert done.code == 0, done.err
    assert "camera:0, 420×260: 3 frames, 3 with hands, 6 hands in all" in done.out
    assert camera.opened == [0] and camera.given == 3 and camera.released == 1
    assert len(table.read_text("utf-8").splitlines()) == 1 + 6
    drawn = read_clip(movie)[0][0]
    corner = (slice(0, 20), slice(0, 20))
    away = np.abs(drawn[corner].astype(int) - moved(0)[corner])
    assert away.mean() < 12, "no hand is drawn there"


def test_ctrl_c_completes_the_files_and_frees_the_camera(
    blazepalm: Cli, camera: Camera, tmp_path: Path
) -> None:
    def press(number: int) -> None:
        if number == 2:
            signal.raise_signal(signal.SIGINT)

    camera.before = press
    document = tmp_path / "d.json"
    done = blazepalm("detect", "camera", *QUICK, "--output-json", document)
    assert done.code == 130
    assert "interrupted" in done.err and "Traceback" not in done.err
    assert camera.given == 3 and camera.released == 1
    values = json.loads(document.read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(values)
    assert values["interrupted"] is True
    assert [len(frame["hands"]) for frame in values["frames"]] == [2, 2, 2]


def test_a_second_ctrl_c_frees_the_camera_too(
    blazepalm: Cli, camera: Camera, tmp_path: Path
) -> None:
    """The second Ctrl-C comes during the same frame; the command stops there and leaves no file."""

    def press(number: int) -> None:
        if number == 1:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    camera.before = press
    done = blazepalm("detect", "camera", *QUICK, "--csv", tmp_path / "t.csv")
    assert done.code == 130 and camera.released == 1
    assert list(tmp_path.iterdir()) == []


def test_a_camera_without_a_frame(blazepalm: Cli, camera: Camera, tmp_path: Path) -> None:
    camera.count = 0
    done = blazepalm("detect", "camera", *QUICK, "--csv", tmp_path / "t.csv")
    assert done.code == 2 and done.out == ""
    assert camera.released == 1
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert line == "error: camera:0: none of its frames can be decoded"
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []
