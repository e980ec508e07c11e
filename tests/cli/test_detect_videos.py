"""`blazepalm detect` on videos: every frame drawn, written and counted; hands followed from frame
to frame; one bad file among others; Ctrl-C.
"""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from conftest import Outcome
from PIL import Image

from blazepalm.reports.schemas import json_schema
from support.clips import read_clip, write_clip
from support.hand_scenes import check_moved_hands, rendered
from support.models import ROOT

Command = Callable[..., Outcome]
QUICK = ("--backend", "tflite", "--model", "palm-lite", "--landmarks", "hand-lite")
SCHEMA = json_schema("detections")
FRAMES = 5


def moved(shift: int) -> np.ndarray:
    """The two hands, some pixels further to the right."""
    return np.roll(rendered("two").image, shift, axis=1)


def rows_of(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.read_text("utf-8"))))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames at 10 a second; the hands move by four pixels a frame."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    write_clip(path, [moved(4 * i) for i in range(FRAMES)])
    return path


def test_a_video(blazepalm: Command, clip: Path, tmp_path: Path) -> None:
    table, document, movie = (tmp_path / name for name in ("t.csv", "d.json", "m.mp4"))
    done = blazepalm(
        "detect", clip, *QUICK, "--video", movie, "--csv", table, "--output-json", document
    )
    assert done.code == 0, done.err
    assert f"{clip}, 420×260: 5 frames, 5 with hands, 10 hands in all" in done.out
    assert "5 frames in" in done.err and "per second" in done.err
    assert sorted(tmp_path.iterdir()) == [document, movie, table]

    values = json.loads(document.read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(values)
    assert [frame["index"] for frame in values["frames"]] == list(range(FRAMES))
    assert [frame["seconds"] for frame in values["frames"]] == pytest.approx(
        [i / 10 for i in range(FRAMES)]
    )
    for i, frame in enumerate(values["frames"]):
        check_moved_hands(frame["hands"], i)

    rows = rows_of(table)
    assert [row["index"] for row in rows] == [str(i) for i in range(FRAMES) for _ in range(2)]
    first = values["frames"][0]["hands"][0]
    assert float(rows[0]["index_tip_y"]) == first["landmarks"][8][1]

    frames, fps = read_clip(movie)
    assert fps == 10.0 and len(frames) == FRAMES
    for i, frame in enumerate(frames):
        assert frame.shape == (260, 420, 3)
        for truth in rendered("two").hands:  # every wrist is marked
            x, y = (truth.joints_2d[0] + (4 * i, 0)).astype(int)
            patch = (slice(y - 6, y + 7), slice(x - 6, x + 7))
            assert np.abs(frame[patch].astype(int) - moved(4 * i)[patch]).max() > 100


def test_the_same_video_gives_the_same_bytes(
    blazepalm: Command, clip: Path, tmp_path: Path
) -> None:
    """Also if palms are detected a frame ahead: in each, for a third hand."""
    names = ("m.mp4", "t.csv", "d.json")
    for folder, jobs in (("a", "1"), ("b", "3")):
        paths = [tmp_path / folder / name for name in names]
        options = zip(("--video", "--csv", "--output-json"), paths, strict=True)
        written = [word for pair in options for word in pair]
        done = blazepalm("detect", clip, *QUICK, "--max-hands", "3", "--jobs", jobs, *written)
        assert done.code == 0, done.err
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_without_tracking(blazepalm: Command, clip: Path) -> None:
    """Each frame gives the same hands as on its own, also if only some frames are read."""
    found = blazepalm("detect", clip, *QUICK, "--no-track", "--max-frames", "2", "--json").json
    assert len(found["frames"]) == 2
    for frame in found["frames"]:
        assert len(frame["hands"]) == 2
        assert not any(hand["tracked"] for hand in frame["hands"])
    one = blazepalm("detect", clip, *QUICK, "--max-frames", "2", "--max-hands", "1", "--json").json
    assert [len(frame["hands"]) for frame in one["frames"]] == [1, 1]


def test_pictures_can_be_followed_too(blazepalm: Command, tmp_path: Path) -> None:
    for i in range(2):
        Image.fromarray(moved(4 * i)).save(tmp_path / f"frame-{i}.png")
    found = blazepalm("detect", tmp_path, *QUICK, "--track", "--json").json
    tracked = [[hand["tracked"] for hand in frame["hands"]] for frame in found["frames"]]
    assert tracked == [[False, False], [True, True]]


def test_videos_and_pictures_into_a_folder(blazepalm: Command, clip: Path, tmp_path: Path) -> None:
    """Inputs with the same name get different files, and a broken input does not stop the
    others.
    """
    given = tmp_path / "given"
    given.mkdir()
    (given / "clip.mp4").write_bytes(clip.read_bytes())
    (given / "CLIP.avi").write_bytes(b"RIFF\0\0\0\0AVI " + bytes(64))
    Image.fromarray(moved(0)).save(given / "clip.png")
    drawn = tmp_path / "drawn"
    done = blazepalm("detect", given, *QUICK, "--draw", drawn, "--video", drawn)
    assert done.code == 2
    assert done.err.count("error: ") == 1 and "CLIP.avi" in done.err
    assert "Traceback" not in done.err
    lines = done.out.splitlines()
    assert any(line.startswith(f"{given / 'clip.png'}, 420×260: 2 hands") for line in lines)
    assert any(line.startswith(f"{given / 'clip.mp4'}, 420×260: 5 frames") for line in lines)
    (movie,) = drawn.glob("*.mp4")
    assert len(read_clip(movie)[0]) == FRAMES
    (picture,) = drawn.glob("*.png")
    assert {picture.stem, movie.stem} <= {"clip", "clip-2", "clip-3", "CLIP"}
    frames = drawn / movie.stem
    assert [path.name for path in sorted(frames.iterdir())] == [f"{i:06d}.png" for i in range(5)]
    assert sorted(drawn.iterdir()) == sorted([movie, picture, frames])
    assert np.asarray(Image.open(frames / "000002.png")).shape == (260, 420, 3)


def test_a_video_that_is_cut_short(blazepalm: Command, tmp_path: Path) -> None:
    """The frames that can be read are kept, and the exit code is 2."""
    whole, cut = tmp_path / "whole.avi", tmp_path / "cut.avi"
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), np.uint8)
    write_clip(whole, noise, codec="MJPG")
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = blazepalm("detect", cut, *QUICK, "--video", tmp_path / "m.mp4", "--json")
    assert done.code == 2
    assert [failure["source"] for failure in done.json["failures"]] == [str(cut)]
    count = len(done.json["frames"])
    assert 1 <= count < 40
    assert len(read_clip(tmp_path / "m.mp4")[0]) == count


def test_a_video_that_is_none(blazepalm: Command, tmp_path: Path) -> None:
    path = tmp_path / "letter.mp4"
    path.write_text("Dear diary,\n")
    movie = tmp_path / "m.mp4"
    done = blazepalm("detect", path, *QUICK, "--video", movie, "--csv", tmp_path / "t.csv")
    assert done.code == 2
    assert done.out == "" and "letter.mp4" in done.err
    assert list(tmp_path.iterdir()) == [path]


def test_files_for_videos_are_refused_beforehand(
    blazepalm: Command, clip: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(clip.read_bytes())
    for options, words in (
        (("--video", tmp_path / "m.mp4"), "one video cannot hold 2 videos"),
        (("--draw", tmp_path / "m.png"), "one picture cannot hold 2 inputs"),
        (("--video", tmp_path / "m.avi"), "videos are written as .mp4"),
        (("--video", tmp_path), "is not empty"),
    ):
        done = blazepalm("detect", clip, other, *QUICK, *options)
        assert done.code == 2 and words in done.err.replace("\n", " ")
        assert "opening" not in done.err
    for option in ("--video", "--draw"):
        done = blazepalm("detect", other, *QUICK, option, other, "--force")
        assert done.code == 2
    assert other.read_bytes() == clip.read_bytes()
    assert list(tmp_path.iterdir()) == [other]


def test_ctrl_c_completes_the_files(tmp_path: Path) -> None:
    """The video would take minutes to process."""
    long = tmp_path / "long.mp4"
    write_clip(long, (moved(i) for i in range(600)))
    table, document, movie = (tmp_path / name for name in ("t.csv", "d.json", "m.mp4"))
    command = [sys.executable, "-m", "blazepalm", "detect", str(long), *QUICK, "--no-track"]
    command += ["--video", str(movie), "--csv", str(table), "--output-json", str(document)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(p.stat().st_size > 20_000 for p in tmp_path.glob(".blazepalm-*.mp4")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err and "Traceback" not in err
    values = json.loads(document.read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(values)
    count = len(values["frames"])
    assert values["interrupted"] is True
    assert 1 <= count < 600
    assert f"{count} frames" in out
    assert len(read_clip(movie)[0]) == count
    hands = sum(len(frame["hands"]) for frame in values["frames"])
    assert len(rows_of(table)) == hands
    assert sorted(tmp_path.iterdir()) == sorted([long, table, document, movie])
