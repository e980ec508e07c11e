"""`blazepalm anchors`: written in three formats, checked, never written over."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from support.cli import Cli
from support.models import HANDS, PALMS, shared_model
from support.synthetic import with_unused_buffer

COUNT = {"palm-2020-11": 896, "palm-lite-2021-11": 2016, "palm-full-2023-09": 2016}


@pytest.mark.parametrize("name", PALMS)
def test_real_detectors(blazepalm: Cli, tmp_path: Path, name: str) -> None:
    path = tmp_path / "anchors.npy"
    result = blazepalm("anchors", shared_model(name), "-o", path)
    assert result.code == 0, result.err
    anchors = np.load(path, allow_pickle=False)
    assert anchors.shape == (COUNT[name], 4)
    assert anchors.dtype == np.float32
    assert f"{name}: {COUNT[name]} anchors" in result.out
    assert "the same, bit for bit" in result.out
    checked = blazepalm("anchors", shared_model(name), "--check", path)
    assert (checked.code, checked.out.splitlines()[-1]) == (0, f"{path}: equal")


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".json"])
def test_formats_come_back_exactly(blazepalm: Cli, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"anchors{suffix}"
    assert blazepalm("anchors", "palm-full", "-o", path).code == 0
    assert blazepalm("anchors", "palm-full", "--check", path).code == 0


def test_text_formats_are_plain(blazepalm: Cli, tmp_path: Path) -> None:
    blazepalm("anchors", "palm-full", "-o", tmp_path / "a.csv")
    blazepalm("anchors", "palm-full", "-o", tmp_path / "a.json")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "x_center,y_center,w,h"
    assert [np.float32(v) for v in lines[3].split(",")] == [
        np.float32(1.5 / 24),
        np.float32(0.5) / np.float32(24),
        1,
        1,
    ]
    assert len(lines) == 1 + 2016
    assert len(json.loads((tmp_path / "a.json").read_text())) == 2016


def test_mismatch_names_the_worst_row(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "anchors.npy"
    blazepalm("anchors", "palm-full", "-o", path)
    anchors = np.load(path)
    anchors[3, 1] += np.float32(0.25)
    anchors[1999, 0] += np.float32(0.5)
    np.save(path, anchors)
    result = blazepalm("anchors", "palm-full", "--check", path)
    assert result.code == 1
    assert "differs in 2 rows, most in row 1999" in result.out
    values = blazepalm("anchors", "palm-full", "--check", path, "--json")
    assert values.code == 1
    assert values.json["check"]["worst_row"] == 1999
    assert values.json["check"]["rows_that_differ"] == 2


def test_one_bit_is_a_mismatch(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "anchors.npy"
    blazepalm("anchors", "palm-full", "-o", path)
    anchors = np.load(path)
    anchors[7, 0] = np.nextafter(anchors[7, 0], np.float32(1))
    np.save(path, anchors)
    assert "most in row 7" in blazepalm("anchors", "palm-full", "--check", path).out


def test_nan_is_a_mismatch(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "anchors.npy"
    blazepalm("anchors", "palm-full", "-o", path)
    anchors = np.load(path)
    anchors[11, 2] = np.nan
    np.save(path, anchors)
    result = blazepalm("anchors", "palm-full", "--check", path)
    assert result.code == 1
    assert "most in row 11" in result.out


def test_anchors_of_another_generation(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "anchors.npy"
    blazepalm("anchors", shared_model("palm-2020-11"), "-o", path)
    result = blazepalm("anchors", "palm-full", "--check", path)
    assert result.code == 1
    assert "896×4 values, expected 2016×4" in result.out


def test_json_without_a_file_holds_the_numbers(blazepalm: Cli) -> None:
    values = blazepalm("anchors", "palm-full", "--json").json
    assert values["shape"] == [2016, 4] and len(values["anchors"]) == 2016
    assert values["heads"][1] == {"height": 12, "width": 12, "anchors_per_cell": 6}
    assert values["ssd_options_agree"] is True


def test_never_written_over(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "anchors.npy"
    path.write_bytes(b"mine")
    refused = blazepalm("anchors", "palm-full", "-o", path)
    assert refused.code == 2
    assert "exists already" in refused.err
    assert path.read_bytes() == b"mine"
    assert blazepalm("anchors", "palm-full", "-o", path, "--force").code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["anchors.npy"]


@pytest.mark.parametrize("name", HANDS)
def test_landmark_models_have_none(blazepalm: Cli, name: str) -> None:
    result = blazepalm("anchors", shared_model(name))
    assert result.code == 2
    assert "not a detector" in result.err


# 70 bytes of header that claim 1.6 terabytes of numbers
BOASTING = b"\x93NUMPY\x01\x00\x46\x00" + (
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 4)}".ljust(69) + b"\n"
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"not numpy", "not a table of numbers"),
        ("a.npy", b"", "not a table of numbers"),
        ("a.npy", BOASTING, "not a table of numbers"),
        ("a.json", b"{", "not a table of numbers"),
        ("a.json", b'["x"]', "not a table of numbers"),
        ("a.csv", b"x\nabc", "not a table of numbers"),
        ("a.txt", b"", "expected one of .npy, .csv, .json"),
    ],
)
def test_files_that_hold_no_anchors(
    blazepalm: Cli, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    result = blazepalm("anchors", "palm-full", "--check", tmp_path / name)
    assert result.code == 2
    assert message in result.err


def test_pickles_are_not_opened(blazepalm: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    result = blazepalm("anchors", "palm-full", "--check", tmp_path / "a.npy")
    assert result.code == 2


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--check", "missing.npy", "cannot be read"),
        ("-o", "anchors.xyz", "anchors are written as"),
        ("-o", "folder.npy", "is a folder"),
        ("-o", "file/anchors.npy", "cannot be written"),
    ],
)
def test_places_that_cannot_be(
    blazepalm: Cli, tmp_path: Path, option: str, name: str, message: str
) -> None:
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "file").write_bytes(b"")
    result = blazepalm("anchors", "palm-full", option, tmp_path / name)
    assert result.code == 2
    assert message in result.err


def test_the_detector_of_a_bundle(blazepalm: Cli, tmp_path: Path) -> None:
    """The bundle is aligned, holds the detector in a rewritten file, and a member that cannot be
    read.
    """
    path = tmp_path / "hands.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("broken.tflite", b"no model")
        content = with_unused_buffer(shared_model("palm-full-2023-09").read_bytes())
        archive.writestr("hand_detector.tflite", content)
        archive.writestr("hand.tflite", shared_model("hand-full-2022").read_bytes())
    path.write_bytes(bytes(2) + path.read_bytes())
    result = blazepalm("anchors", path, "--json")
    assert result.code == 0, result.err
    assert (result.json["release"], result.json["shape"]) == ("palm-full-2023-09", [2016, 4])
    assert result.json["ssd_options_agree"] is True
