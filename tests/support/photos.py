"""Real photographs and videos, and what MediaPipe found in them: the folder BLAZEPALM_PHOTOS,
else ../shared/photos. None of them is part of the project.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# read on import: while a test runs, the variable names an empty folder, so that no run of parity
# takes photographs that it did not ask for
FOLDER = Path(os.environ.get("BLAZEPALM_PHOTOS", ROOT.parent / "shared" / "photos"))


def photos_folder() -> Path:
    """The folder, whether or not it exists."""
    return FOLDER


def shared_photo(name: str) -> Path:
    """A file of the folder ("videos/x.mp4"); skips the test where it is not there."""
    path = photos_folder() / name
    if not path.is_file():
        pytest.skip(f"no {name} in {photos_folder()}: set BLAZEPALM_PHOTOS to the folder of photos")
    return path


def recorded(name: str) -> dict[str, Any]:
    """What MediaPipe found, by `record_mediapipe.py`; skips where the file is not there."""
    values: dict[str, Any] = json.loads(shared_photo(name).read_text(encoding="utf-8"))
    return values
