"""`blazepalm parity` as a user types it: exit codes, what goes where, what is written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blazepalm.cli.app import main
from support.models import shared_model

QUICK = "hand-recrop-2020-07"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def quick() -> str:
    return str(shared_model(QUICK))


def test_parity_holds(quick: str, capsys: Captured) -> None:
    assert main(["parity", quick, "--inputs", "2"]) == 0
    out, err = capsys.readouterr()
    assert QUICK in out and "output_crop" in out and "parity holds: 1 model" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert f"{QUICK}: 2 of 2 inputs" in err and QUICK not in err.replace(f"{QUICK}: ", "")


def test_json_is_alone_on_stdout(quick: str, capsys: Captured) -> None:
    assert main(["parity", quick, "--inputs", "3", "--seed", "9", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["passed"] is True and (report["inputs"], report["seed"]) == (3, 9)
    (row,) = report["models"][0]["rows"]
    assert row["status"] == "pass" and row["against_oracle"]["inputs"] == 3
    assert "3 of 3 inputs" in err


def test_parity_fails(quick: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blazepalm.reports.policy.FLOAT32_MULTIPLE", 1e-3)
    assert main(["parity", quick, "--inputs", "2"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "parity fails" in out and "from the oracle, which is" in out


@pytest.mark.parametrize("content", [None, b"", b"no model", b"PK\x03\x04 no bundle"])
def test_bad_input_is_one_sentence(content: bytes | None, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "model.tflite"
    if content is not None:
        file.write_bytes(content)
    assert main(["parity", str(file), "-o", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert "model.tflite" in "".join(out.split()) and "Traceback" not in out + err
    assert not (tmp_path / "out").exists(), "nothing is written"


def test_a_bad_source_is_named_and_the_others_are_compared(quick: str, capsys: Captured) -> None:
    assert main(["parity", "palm-fool", quick, "--inputs", "2", "--json"]) == 2
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [m["release"] for m in report["models"]] == [QUICK]
    assert report["models"][0]["passed"] and not report["passed"]
    assert report["failures"][0]["source"] == "palm-fool" and "palm-fool" in err


def test_without_litert_it_could_not_verify(
    quick: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert main(["parity", quick, "--inputs", "2"]) == 3
    assert "pip install ai-edge-litert" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--inputs", "1"],
        ["--inputs", "many"],
        ["--seed", "-1"],
        ["--jobs", "0"],
        ["--nonsense"],
    ],
)
def test_bad_usage(arguments: list[str], quick: str) -> None:
    assert main(["parity", *([quick] if arguments else []), *arguments]) == 2


def test_the_report_is_written_and_replaced(quick: str, tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "build" / "parity"
    for seed in ("1", "2"):
        assert main(["parity", quick, "--inputs", "2", "--seed", seed, "-o", str(folder)]) == 0
        out = capsys.readouterr().out
        assert f"report: {folder / 'parity.json'}" in out.replace("\n", " ")
        report = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
        assert report["seed"] == int(seed) and report["passed"]
        assert [f.name for f in folder.iterdir()] == ["parity.json"]


def test_a_destination_that_cannot_be_written_is_refused_before_the_work(
    quick: str, tmp_path: Path, capsys: Captured
) -> None:
    taken = tmp_path / "file"
    taken.write_text("mine")
    assert main(["parity", quick, "-o", str(taken)]) == 2
    assert main(["parity", quick, "-o", str(taken / "below")]) == 2
    out, err = capsys.readouterr()
    assert not out and "inputs" not in err and "is not a folder" in err
    assert taken.read_text() == "mine"


def test_a_read_only_destination_is_refused(
    quick: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permission bits do not stop root, so the system's answer is made."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["parity", quick, "-o", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert not out and "is not a folder that can be written to" in err
    assert list(tmp_path.iterdir()) == []


def test_help_imports_no_torch() -> None:
    code = (
        "import sys; from blazepalm.cli.app import main; main(['parity', '--help']); "
        "sys.exit('torch' in sys.modules or 'ai_edge_litert' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0 and b"--inputs" in done.stdout
