"""Without coremltools, every command either works, or says in one sentence before any work that it
needs it. A child process hides the module, as if it were not installed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blazepalm.cli.app import COMMANDS
from support.cli import Outcome
from support.device_results import write
from support.hand_scenes import rendered

CHILD = """
import contextlib, io, json, sys
sys.modules["coremltools"] = None
from blazepalm.cli.app import main
outcomes = {}
for name, arguments in json.load(sys.stdin).items():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    outcomes[name] = code, out.getvalue(), err.getvalue()
imported = [name for name in sys.modules if name.startswith("coremltools.")]
json.dump([outcomes, imported], sys.stdout)
"""
HOW = (
    "needs coremltools, which is not installed: pip install 'blazepalm[coreml]' (on Linux or macOS)"
)
CORE_ML = ("coreml-mil", "coreml-mil-fp16", "coreml-mil-app")

WORKS = {
    "releases": "releases",
    "inspect": "inspect palm-lite",
    "anchors": "anchors palm-lite -o anchors.npy",
    "anchors check": "anchors palm-lite --check anchors.npy",
    "convert": "convert palm-lite -o palm --no-coreml",
    "verify": "verify palm",
    "export": "export palm -o exported",
    "golden make": "golden make -o golden --only file-not-an-image --images picture.png",
    "golden record": "golden record golden --detector palm-lite --landmarks hand-lite",
    "golden check": "golden check golden --backend torch",
    "detect torch": "detect picture.png --csv hands.csv",
    "detect tflite": "detect picture.png --backend tflite",
    "parity": "parity palm-lite hand-lite --golden golden --no-photos --inputs 2 --layers "
    "--no-coreml",
    "report diff": "report diff with with",
    "report render": "report render with --html page.html",
    "ios ingest": "ios ingest device --fixtures device/Fixtures",
    "bench ingest": "bench ingest device --fixtures device/Fixtures",
}
# the command line, the exit code, and what the sentence says
NEEDS = {
    "convert with": ("convert hand-lite", 2, "writing a Core ML package"),
    "convert raw": ("convert absent.tflite --coreml-face raw", 2, "writing a Core ML package"),
    "inspect package": ("inspect Any.mlpackage", 2, "reading a Core ML model"),
    "run": ("run Any.mlpackage --image picture.png", 2, "reading a Core ML model"),
    "detect coreml": ("detect picture.png --backend coreml", 3, "backend coreml"),
    "golden check coreml": ("golden check golden --backend coreml", 3, "backend coreml"),
    "golden export": ("golden export-ios -o fixtures", 2, "writing Core ML packages"),
    "bench run": ("bench run --rounds 1", 3, "timing the conversion to Core ML"),
}
PARITY = "parity palm-lite hand-lite --golden golden --no-photos --inputs 2 -o with"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("without")
    Image.fromarray(rendered("two").image).save(folder / "picture.png")
    write(folder / "device")
    package = folder / "Any.mlpackage" / "Data" / "com.apple.CoreML"
    package.mkdir(parents=True)
    (package / "model.mlmodel").write_bytes(b"any")
    item = {"path": "com.apple.CoreML/model.mlmodel", "name": "model.mlmodel"}
    manifest = {"itemInfoEntries": {"A": item}, "rootModelIdentifier": "A"}
    (folder / "Any.mlpackage" / "Manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> dict[str, Outcome]:
    lines = {
        "golden make": WORKS["golden make"],
        "with": PARITY,
        "doctor": "doctor --json",
        **WORKS,
        **{name: line for name, (line, _, _) in NEEDS.items()},
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps({name: line.split() for name, line in lines.items()}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, imported = json.loads(done.stdout)
    assert not imported
    return {name: Outcome(*outcome) for name, outcome in found.items()}


def test_every_command_is_here() -> None:
    lines = [*WORKS.values(), PARITY, *(line for line, _, _ in NEEDS.values())]
    assert {line.split()[0] for line in lines} | {"doctor"} == set(COMMANDS)


def test_the_doctor_finds_it_missing(outcomes: dict[str, Outcome]) -> None:
    """To the doctor it is broken: its metadata are still there."""
    assert outcomes["doctor"].code == 1
    values = outcomes["doctor"].json
    (part,) = [part for part in values["parts"] if part["part"] == "coreml"]
    assert not part["here"] and part["get"] == "pip install 'blazepalm[coreml]'"
    (problem,) = values["problems"]
    assert problem.endswith("pip install --force-reinstall coremltools")


@pytest.mark.parametrize("name", WORKS)
def test_works(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].code == 0, outcomes[name].err
    assert "coremltools" not in outcomes[name].err


@pytest.mark.parametrize("name", NEEDS)
def test_says_what_it_needs_before_any_work(
    name: str, outcomes: dict[str, Outcome], folder: Path
) -> None:
    _, code, what = NEEDS[name]
    assert outcomes[name].code == code
    assert outcomes[name].out == ""
    (sentence,) = " ".join(outcomes[name].err.split()).split("error: ")[1:]
    assert sentence.startswith(f"{what} {HOW}")
    assert not (folder / "hand-lite-2022").exists() and not (folder / "fixtures").exists()


def test_convert_says_how_to_do_without(outcomes: dict[str, Outcome]) -> None:
    words = " ".join(outcomes["convert with"].err.split())
    assert words.endswith("or leave it out (--no-coreml, coreml=None)")


def test_what_is_converted_is_whole(outcomes: dict[str, Outcome], folder: Path) -> None:
    record: dict[str, Any] = json.loads((folder / "palm" / "conversion.json").read_text())
    assert record["coreml"] is None
    assert {path.name for path in (folder / "palm").iterdir()} == {
        "anchors.npy",
        "conversion.json",
        "model.pth",
        "model.safetensors",
        "README.md",
        "LICENSE",
        "NOTICE",
    }


def test_parity_compares_torch_and_says_that_core_ml_did_not_run(
    outcomes: dict[str, Outcome], folder: Path
) -> None:
    """The report is not verified, since Core ML was asked for; everything else is judged
    as usual.
    """
    assert outcomes["with"].code == 3, outcomes["with"].err
    report = json.loads((folder / "with" / "parity.json").read_text())
    for model in report["models"]:
        status = {backend["name"]: backend["status"] for backend in model["backends"]}
        assert status["torch"] == "pass"
        assert {name for name, s in status.items() if s == "not_run"} == set(CORE_ML)
        reasons = {tuple(b["reasons"]) for b in model["backends"] if b["status"] == "not_run"}
        assert reasons == {(f"writing a Core ML package {HOW}",)}
        done, asked = model["coverage"]
        assert done == asked - len(CORE_ML)
    assert not any(row["backend"] in CORE_ML for row in report["rows"])
    assert {row["status"] for row in report["rows"] if row["judge"] != "none"} == {"pass"}
    words = " ".join(outcomes["with"].out.split())
    for name in CORE_ML:
        assert f"palm-lite-2021-11 {name}: not run, writing a Core ML package {HOW}" in words
    assert "parity holds" in outcomes["parity"].out
