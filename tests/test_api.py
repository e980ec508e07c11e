"""What Python users get for arguments of a wrong type, range or shape, and for missing or damaged
files: a sentence that says what is accepted, never a library's error.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import blazepalm
from blazepalm.errors import BlazePalmError, python_words
from blazepalm.golden.make import make_golden
from blazepalm.media.frames import find_sources
from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.reports.judge.report import as_stored
from blazepalm.reports.parity import parity
from blazepalm.reports.parity_options import Options
from blazepalm.reports.stored.read import read_report
from support.records import hand_spec, palm_spec, write_spec_folder
from support.tiny import doubling

PALM, HAND = PalmDetector(palm_spec()), HandLandmarks(hand_spec())


def odd_file(folder: Path, suffix: str) -> Path:
    """A file that is not what its name says."""
    path = folder / f"odd{suffix}"
    path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff{")
    return path


FILES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "inspect": (blazepalm.inspect, ".tflite"),
    "anchors": (blazepalm.anchors, ".tflite"),
    "convert": (blazepalm.convert, ".tflite"),
    "parity": (blazepalm.parity, ".tflite"),
    "load": (blazepalm.load, ""),
    "load_anchors": (PALM.load_anchors, ".npy"),
    "palm load_weights": (PALM.load_weights, ".safetensors"),
    "hand load_weights": (HAND.load_weights, ".pth"),
    "read_report": (read_report, ".json"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("of", [str, Path])
def test_files_that_are_missing_or_damaged(name: str, of: Any, tmp_path: Path) -> None:
    function, suffix = FILES[name]
    for path in (odd_file(tmp_path, suffix), tmp_path / f"none{suffix}", tmp_path):
        with pytest.raises(BlazePalmError) as caught:
            function(of(path))
        assert len(str(caught.value).splitlines()) == 1
        assert path.name in str(caught.value)


@pytest.mark.parametrize("model", [PALM, HAND])
@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("predict_on_image", "hand.png"),
        ("predict_on_image", None),
        ("predict_on_image", np.zeros((4, 4), np.uint8)),
        ("predict_on_image", np.zeros((4, 4, 3), np.int64)),
        ("predict_on_image", np.zeros((0, 4, 3), np.uint8)),
        ("predict_on_image", np.zeros((4, 4, 3), object)),
        ("predict_on_batch", np.zeros((1, 32, 32, 3), np.float32)),
        ("predict_on_batch", [torch.zeros(3, 32, 32)]),
        ("predict_on_batch", torch.zeros(1, 3, 31, 32)),
        ("predict_on_batch", torch.zeros(1, 3, 32, 32, dtype=torch.int64)),
    ],
)
def test_pictures(model: Any, method: str, argument: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="expected"):
        getattr(model, method)(argument)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"jobs": -1}, "jobs is -1, expected a whole number of at least 1, or None"),
        ({"jobs": "two"}, "jobs is 'two', expected"),
        ({"inputs": -3}, "inputs is -3, expected a whole number of at least 0"),
        ({"inputs": True}, "inputs is True, expected a whole number"),
        ({"seed": None}, "seed is None, expected a whole number of at least 0$"),
        ({"engine": "fast"}, "unknown engine 'fast'; choose threads, processes or ray"),
        ({"limits": 3}, "limits are int, expected Limits"),
        ({"coreml": "fp16"}, "coreml is 'fp16', expected True or False"),
        ({"compress": 8}, "compress is 8, expected a str or None"),
        ({"overrides": {}}, "overrides is {}, expected Overrides"),
        ({"images": 3}, "images is 3, expected a str, a Path, or a list of them"),
        ({"photos": "mine"}, "photos is 'mine', expected True or False"),
        ({"backends": [torch]}, "backends is .*, expected a str, a Path, or a list of them"),
        ({"golden": 3}, "expected golden, True, False, a GoldenSet or a folder as str or Path"),
        ({"output": 3}, "expected output, a folder, as str or Path, got int"),
        ({"image": "x.png"}, "unexpected keyword argument 'image'"),
    ],
)
def test_keywords_of_parity(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError, BlazePalmError), match=words):
        blazepalm.parity("palm-full", **keywords)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"workers": -1}, "workers is -1, expected a whole number of at least 1, or None"),
        ({"reference_every": 0}, "reference_every is 0, expected"),
        ({"image": "x.png"}, "unknown setting 'image'; choose golden, photos, images"),
    ],
)
def test_settings_of_a_run(settings: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        parity("palm-full", **settings)


@pytest.mark.parametrize(
    "function",
    [
        blazepalm.anchors,
        blazepalm.convert,
        blazepalm.inspect,
        blazepalm.load,
        blazepalm.parity,
        blazepalm.verify,
        blazepalm.HandFinder,
        blazepalm.BatchedHandFinder,
        blazepalm.PalmDetector.from_pretrained,
        blazepalm.HandLandmarks.from_pretrained,
        lambda value: blazepalm.save(PALM, value),
        lambda value: blazepalm.verify("folder", source=value or b""),
        lambda value: blazepalm.hands(np.zeros((4, 4, 3), np.uint8), model=value),
    ],
)
@pytest.mark.parametrize("value", [3, None, b"palm-full", ["palm-full"]])
def test_what_is_no_path(function: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="^expected .* as str or Path, got "):
        function(value)


def test_errors_speak_of_keywords(tmp_path: Path) -> None:
    (folder,) = blazepalm.convert("hand-lite", tmp_path / "hand", coreml=None)
    with pytest.raises(BlazePalmError, match="choose another name, or give force=True$"):
        blazepalm.convert("hand-lite", folder, coreml=None)
    with pytest.raises(BlazePalmError, match="choose another name, or give force=True$"):
        blazepalm.save(blazepalm.load(folder), folder)
    file = tmp_path / "double.tflite"
    file.write_bytes(doubling())
    with pytest.raises(BlazePalmError, match=r"^self_test=True needs a model of a known family"):
        blazepalm.parity(file, inputs=2, coreml=False, self_test=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "parity.html").write_text("<p>mine</p>")
    with pytest.raises(BlazePalmError, match="move it away or choose another name$"):
        blazepalm.parity("hand-lite", output=tmp_path / "mine")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("choose another -o, or give --force", "choose another name, or give force=True"),
        ("name a folder inside it with -o", "name a folder inside it"),
        ("leave it out (--no-coreml, coreml=None)", "leave it out (coreml=None)"),
        ("--device cuda:1 needs --backend torch", 'device="cuda:1" needs backend="torch"'),
        ("give it with --source", "give it with source="),
        ("unless --value-range states another", "unless Overrides(value_ranges=…) states another"),
        ("`blazepalm parity --device` takes it", "`blazepalm parity --device` takes it"),
    ],
)
def test_options_become_keywords(said: str, meant: str) -> None:
    assert python_words(said) == meant


def test_load_says_what_it_expects(tmp_path: Path) -> None:
    write_spec_folder(tmp_path / "palm", palm_spec())
    palm = blazepalm.load(tmp_path / "palm", blazepalm.PalmDetector)
    assert palm.spec.keypoints == palm_spec().keypoints
    with pytest.raises(BlazePalmError, match="holds a PalmDetector, expected a HandLandmarks"):
        blazepalm.load(tmp_path / "palm", blazepalm.HandLandmarks)


def test_a_report_is_saved(tmp_path: Path) -> None:
    file = tmp_path / "double.tflite"
    file.write_bytes(doubling())
    report = blazepalm.parity(file, inputs=2, jobs=2, coreml=False)
    assert report
    report.save(tmp_path / "out")
    names = {"parity.json", "parity.html", "junit.xml", "parity.md"}
    assert names <= {path.name for path in (tmp_path / "out").iterdir()}
    report.save(tmp_path / "out")  # over an older report
    assert read_report(tmp_path / "out" / "parity.json").passed
    with pytest.raises(TypeError, match="expected a folder's name as str or Path, got NoneType"):
        report.save(None)  # type: ignore[arg-type]
    other = blazepalm.parity(file, output=tmp_path / "whole", inputs=2, coreml=False)
    assert list((tmp_path / "whole" / "raw").rglob("*.safetensors"))
    assert read_report(tmp_path / "whole" / "parity.json").rows == as_stored(other).rows


def test_one_picture_need_not_be_in_a_list(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "x.png"
    Image.new("RGB", (4, 4)).save(path)
    assert Options(images=str(path)).images == (str(path),)  # type: ignore[arg-type]
    assert Options(images=path).images == (str(path),)  # type: ignore[arg-type]
    assert [source.name for source in find_sources(str(path))] == ["x"]


def test_other_arguments(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="expected a PalmDetectorSpec, got str"):
        PalmDetector("palm-full")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a HandLandmarksSpec, got PalmDetectorSpec"):
        HandLandmarks(palm_spec())  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match="coreml is str, expected CoreMLOptions, a function or None"
    ):
        blazepalm.convert("palm-full", tmp_path / "out", coreml="app")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="jobs is -1, expected a whole number of at least 1"):
        make_golden(tmp_path / "golden", jobs=-1)
    with pytest.raises(BlazePalmError, match="unknown golden case 'open'"):
        make_golden(tmp_path / "golden", names="open")


def test_processes_without_a_main_guard(tmp_path: Path) -> None:
    """A script that a spawned process imports: the sentence says what to put where."""
    script = tmp_path / "script.py"
    script.write_text(
        "import blazepalm\n"
        "try:\n"
        "    blazepalm.parity('palm-lite', engine='processes', jobs=2, inputs=2, coreml=False)\n"
        "except blazepalm.errors.CouldNotVerify as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False
    )
    assert 'if __name__ == "__main__":' in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
