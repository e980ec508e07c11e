"""`blazepalm golden make`: what it prints, writes, keeps and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.golden import lock
from blazepalm.golden.manifest import load_golden
from support.cli import Cli

ONLY = ("--only", "hard-white", "--only", "file-not-an-image", "--jobs", "1")


def test_a_part_of_the_set(blazepalm: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    done = blazepalm("golden", "make", "-o", folder, *ONLY)
    assert done.code == 0, done.err
    assert done.out.startswith("golden set 2: 2 cases (1 hard, 1 file), 2 rendered\n")
    assert load_golden(folder).sha256[:16] in done.out
    assert "rendering: 2 of 2" in done.err
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["file-not-an-image.png", "hard-white.png", "manifest.json", "sheet.png"]
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.width > 1000
    again = blazepalm("golden", "make", "-o", folder, *ONLY)
    assert again.code == 0
    assert "none rendered again" in again.out and again.err == ""


def test_json(blazepalm: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    done = blazepalm("golden", "make", "-o", folder, *ONLY, "--check", "--json")
    assert done.code == 0, done.err
    values = done.json
    assert set(values) == {"folder", "version", "sha256", "sheet", "rendered", "check", "cases"}
    assert values["rendered"] == ["hard-white", "file-not-an-image"]
    assert values["check"] == {"compared": 2, "differs": [], "rounded": []}
    assert values["cases"][1] == {
        "name": "file-not-an-image",
        "kind": "file",
        "file": "file-not-an-image.png",
        "readable": False,
        "width": 0,
        "height": 0,
        "hands": 0,
    }


def test_own_pictures(blazepalm: Cli, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2):
        Image.fromarray(np.full((8, 9, 3), number, np.uint8)).save(photos / f"p{number}.png")
    folder = tmp_path / "golden"
    done = blazepalm("golden", "make", "-o", folder, *ONLY, "--images", photos)
    assert done.code == 0, done.err
    assert "4 cases (1 hard, 1 file, 2 own)" in done.out
    later = blazepalm("golden", "make", "-o", folder, "--only", "hard-black")
    assert "(2 hard, 1 file, 2 own), 1 rendered" in later.out
    (photos / "notes.txt").write_text("three more tomorrow")
    done = blazepalm("golden", "make", "-o", folder, *ONLY, "--images", photos)
    assert done.code == 2 and "2 own" in done.out
    assert f"error: {photos}/notes.txt: skipped: neither a picture nor a video" in done.err


def test_check_finds_a_difference(
    blazepalm: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "golden"
    good = blazepalm("golden", "make", "-o", folder, *ONLY, "--check")
    assert good.code == 0 and "equal to the locked set: 2 cases" in good.out
    locked = lock.read_lock()
    locked["cases"]["hard-white"] = locked["cases"]["hard-black"]
    monkeypatch.setattr(lock, "LOCK", tmp_path / "lock.json")
    lock.LOCK.write_text(json.dumps(locked))
    bad = blazepalm("golden", "make", "-o", folder, *ONLY, "--check")
    assert bad.code == 1
    assert "warning: hard-white: its picture changed" in bad.err
    assert "equal to the locked" not in bad.out
    assert blazepalm("golden", "make", "-o", folder, *ONLY, "--check", "--json").code == 1


def test_the_lock_is_of_the_whole_set(
    blazepalm: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lock.LOCK.read_bytes()
    done = blazepalm("golden", "make", "-o", tmp_path / "golden", *ONLY, "--lock")
    assert done.code == 2 and "leave out --only and --check" in done.err
    assert not (tmp_path / "golden").exists()
    assert lock.LOCK.read_bytes() == before


def test_bad_input_is_one_sentence(blazepalm: Cli, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"mine")
    for arguments, words in (
        (("-o", tmp_path), "holds 'photo.png'"),
        (("-o", tmp_path / "g", "--only", "nonsense"), "unknown golden case 'nonsense'"),
        (("-o", tmp_path / "g", *ONLY, "--images", tmp_path / "photo.png"), "is not an image"),
        (("-o", tmp_path / "g", *ONLY, "--images", "camera"), "never ends"),
        (("-o", tmp_path / "photo.png"), "is not a folder"),
    ):
        done = blazepalm("golden", "make", *arguments)
        assert done.code == 2 and done.out == ""
        assert words in done.err and done.err.count("error: ") == 1
        assert "Traceback" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_help_needs_no_renderer(blazepalm: Cli) -> None:
    assert "make" in blazepalm("golden", "--help").out
    assert "--images" in blazepalm("golden", "make", "--help").out
