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
from blazepalm.errors import BlazePalmError
from blazepalm.golden.make import make_golden
from blazepalm.media.frames import find_sources
from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.reports.parity_options import Options
from blazepalm.reports.stored.read import read_report
from support.records import hand_spec, palm_spec

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
    ("settings", "words"),
    [
        ({"workers": -1}, "workers is -1, expected a whole number of at least 1, or None"),
        ({"workers": "two"}, "workers is 'two', expected"),
        ({"noise": -3}, "noise is -3, expected a whole number of at least 0"),
        ({"reference_every": 0}, "reference_every is 0, expected"),
        ({"seed": None}, "seed is None, expected a whole number of at least 0$"),
        ({"engine": "fast"}, "unknown engine 'fast'; choose threads, processes or ray"),
        ({"limits": 3}, "limits are int, expected Limits"),
        ({"image": "x.png"}, "unknown setting 'image'; choose golden, images"),
    ],
)
def test_settings_of_parity(settings: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError, BlazePalmError), match=words):
        blazepalm.parity("palm-full", **settings)


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
    with pytest.raises(TypeError, match="coreml is str, expected CoreMLOptions or None"):
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
        "    blazepalm.parity('palm-lite', engine='processes', workers=2, noise=2, coreml=False)\n"
        "except blazepalm.errors.CouldNotVerify as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False
    )
    assert 'if __name__ == "__main__":' in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
