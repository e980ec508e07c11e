"""`blazepalm parity` as a user types it: exit codes, what goes where, what is written."""

import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.cli.app import main
from blazepalm.golden import photos as table
from blazepalm.golden.make import make_golden
from blazepalm.golden.photos import Photo
from support.models import shared_model
from support.synthetic import with_unused_buffer

QUICK = "hand-recrop-2020-07"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def quick() -> str:
    return str(shared_model(QUICK))


def test_parity_holds(quick: str, capsys: Captured) -> None:
    assert main(["parity", quick, "--no-golden", "--inputs", "2"]) == 0
    out, err = capsys.readouterr()
    assert QUICK in out and "output_crop" in out and "parity holds: 1 model" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "comparing: 2 of 2" in err


def test_json_is_alone_on_stdout(quick: str, capsys: Captured) -> None:
    assert main(["parity", quick, "--no-golden", "--inputs", "3", "--seed", "9", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["passed"] is True
    assert (report["options"]["noise"], report["options"]["seed"]) == (3, 9)
    judged = [row for row in report["rows"] if row["judge"] == "floor"]
    assert {row["backend"] for row in judged} == {"torch", "coreml-mil"}
    assert all(row["status"] == "pass" and row["inputs"] == 3 for row in judged)
    assert "comparing: 3 of 3" in err


def test_one_input_is_no_verdict(quick: str, capsys: Captured) -> None:
    assert main(["parity", quick, "--no-golden", "--inputs", "1"]) == 3
    out, err = capsys.readouterr()
    assert "one input cannot tell" in err and "parity" not in out


def test_nothing_fed_is_no_verdict(quick: str, capsys: Captured) -> None:
    assert main(["parity", quick, "--no-golden", "--inputs", "0"]) in (1, 3)
    assert "parity holds" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"no model", b"PK\x03\x04 no bundle"])
def test_bad_input_is_one_sentence(content: bytes | None, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "model.tflite"
    if content is not None:
        file.write_bytes(content)
    folder = tmp_path / "out"
    assert main(["parity", str(file), "--no-golden", "-o", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert "model.tflite" in "".join(out.split()) and "Traceback" not in out + err
    report = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
    assert (report["passed"], report["exit_code"]) == (False, 2)
    suites = ET.parse(folder / "junit.xml").getroot()
    assert suites.get("errors") == "1" and "model.tflite" in ET.tostring(suites, "unicode")


def test_a_bad_source_is_named_and_the_others_are_compared(quick: str, capsys: Captured) -> None:
    assert main(["parity", "palm-fool", quick, "--no-golden", "--inputs", "2", "--json"]) == 2
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [m["release"] for m in report["models"]] == [QUICK]
    assert report["models"][0]["passed"] and not report["passed"]
    assert report["failures"][0]["source"] == "palm-fool" and "palm-fool" in err


def test_without_litert_it_could_not_verify(
    quick: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert main(["parity", quick, "--no-golden", "--inputs", "2"]) == 3
    assert "pip install ai-edge-litert" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_compression_is_one_sentence(quick: str, capsys: Captured) -> None:
    assert main(["parity", quick, "--compress", "zip"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "'zip'; choose palettize8, palettize6 or int8" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--inputs", "many"],
        ["--seed", "-1"],
        ["--jobs", "0"],
        ["--engine", "steam"],
        ["--nonsense"],
    ],
)
def test_bad_usage(arguments: list[str], quick: str) -> None:
    assert main(["parity", *([quick] if arguments else []), *arguments]) == 2


def test_the_report_is_written_and_replaced(quick: str, tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "build" / "parity"
    for seed in ("1", "2"):
        assert (
            main(
                ["parity", quick, "--no-golden", "--inputs", "2", "--seed", seed, "-o", str(folder)]
            )
            == 0
        )
        out = capsys.readouterr().out
        assert f"report: {folder / 'parity.json'}" in out.replace("\n", " ")
        report = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
        assert report["options"]["seed"] == int(seed) and report["passed"]
        written = {f.name for f in folder.iterdir()}
        assert {"parity.html", "parity.json", "parity.md", "junit.xml", "raw"} <= written
        assert not [name for name in written if name.startswith(".")]


def test_an_older_report_s_files_do_not_stay(quick: str, tmp_path: Path) -> None:
    given = ["parity", quick, "--no-golden", "--no-coreml", "-o", str(tmp_path)]
    assert main([*given, "--inputs", "3", "--layers"]) == 0
    assert list(tmp_path.glob("explorer/*")) and len(list(tmp_path.glob("raw/*/*"))) == 3
    (tmp_path / "notes.txt").write_text("mine")
    assert main([*given, "--inputs", "2"]) == 0
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    named = {"parity.json", "parity.html", "parity.md", "junit.xml", "notes.txt"}
    assert left == named | {f"raw/{QUICK}/noise-000{number}.safetensors" for number in (0, 1)}


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of two pictures, and the folder BLAZEPALM_PHOTOS with the first one alone."""
    known = []
    for name in ("park", "desk"):
        path = tmp_path / "photos" / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((64, 48, 3), 9 * len(name), np.uint8)).save(path)
        content = path.read_bytes()
        digest, url = hashlib.sha256(content).hexdigest(), f"https://example.org/{name}"
        known.append(
            Photo(f"pictures/{name}.png", url, digest, len(content), "CC0", "someone", "a hand")
        )
    path.write_bytes(b"another file")
    monkeypatch.setattr(table, "photos", lambda: tuple(known))
    monkeypatch.setenv("BLAZEPALM_PHOTOS", str(tmp_path / "photos"))
    return tmp_path / "photos"


def test_photographs_come_with_the_golden_set(
    quick: str, photographs: Path, tmp_path: Path, capsys: Captured
) -> None:
    golden = make_golden(tmp_path / "golden", names=["hard-stripes"], jobs=1).folder
    line = ["parity", quick, "--golden", str(golden), "--inputs", "2", "--json"]
    assert main([*line, "-o", str(tmp_path / "report")]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [(case["name"], case["kind"]) for case in report["cases"]] == [
        ("hard-stripes", "hard"),
        ("park", "photo"),
        ("noise-0000", "noise"),
        ("noise-0001", "noise"),
    ]
    assert all(row["inputs"] == 4 for row in report["rows"] if row["judge"] == "floor")
    (photo,) = report["photos"]
    assert (photo["name"], photo["credit"], photo["licence"]) == ("park", "someone", "CC0")
    assert "photographs: only 1 of the golden set's 2" in " ".join(err.split())
    assert "comparing: 4 of 4" in err
    assert (tmp_path / "report" / "images" / "park.jpg").is_file()
    assert "https://example.org/park" in (tmp_path / "report" / "parity.html").read_text("utf-8")


def test_photographs_are_left_out_if_asked(
    quick: str, photographs: Path, tmp_path: Path, capsys: Captured
) -> None:
    golden = make_golden(tmp_path / "golden", names=["hard-stripes"], jobs=1).folder
    for options in (["--golden", str(golden), "--no-photos"], ["--no-golden"]):
        assert main(["parity", quick, *options, "--inputs", "2", "--json"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["photos"] == [] and "photographs" not in err


def test_a_destination_that_cannot_be_written_is_refused_before_the_work(
    quick: str, tmp_path: Path, capsys: Captured
) -> None:
    taken = tmp_path / "file"
    taken.write_text("mine")
    assert main(["parity", quick, "-o", str(taken)]) == 2
    assert main(["parity", quick, "-o", str(taken / "below")]) == 2
    out, err = capsys.readouterr()
    assert not out and "inputs" not in err and err.count("is not a writable folder") == 2
    assert taken.read_text() == "mine"


def test_a_read_only_destination_is_refused(
    quick: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permission bits do not stop root, so the system's error is simulated."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["parity", quick, "-o", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert not out and "is not a writable folder" in err
    assert list(tmp_path.iterdir()) == []


def test_help_imports_no_torch() -> None:
    code = (
        "import sys; from blazepalm.cli.app import main; main(['parity', '--help']); "
        "sys.exit('torch' in sys.modules or 'ai_edge_litert' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0 and b"--inputs" in done.stdout


def test_a_bundle_with_a_broken_member(quick: str, tmp_path: Path, capsys: Captured) -> None:
    """The readable members are compared, each network once; members that are not models are
    mentioned.
    """
    content = Path(quick).read_bytes()
    path = tmp_path / "hands.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("broken.tflite", b"no model")
        archive.writestr("notes.txt", b"text")
        archive.writestr("crop.tflite", content)
        archive.writestr("again.tflite", with_unused_buffer(content))
    path.write_bytes(bytes(3) + path.read_bytes())
    assert main(["parity", str(path), "--no-golden", "--inputs", "2", "--json"]) == 2
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [(m["release"], m["passed"]) for m in report["models"]] == [(QUICK, True)]
    (failure,) = report["failures"]
    assert failure["source"] == f"{path}:broken.tflite"
    assert f"{path}: skipped members that are not models: notes.txt" in err
    assert f"{path}:again.tflite: same network as {QUICK}, compared only once" in err
