"""Where the real releases lie: the folder BLAZEPALM_MODELS, else ../shared/models."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# first eight hex digits of the SHA-256 → the release's name in the registry
SHARED = {
    "1590b8eb": "palm-2020-11",
    "e9a4aadd": "palm-lite-2021-11",
    "1b14e942": "palm-full-2023-09",
    "883ff80c": "hand-3d-2019-08",
    "bad88ac1": "hand-2020-05",
    "276abb7c": "hand-2020-11",
    "2afbc20b": "hand-sparse-2021-02",
    "048edd36": "hand-lite-2022",
    "11c272b8": "hand-full-2022",
    "67d996ce": "hand-recrop-2020-07",
}
EMBEDDED = {
    "e9a4aadd": "palm_detection_lite.tflite",
    "1b14e942": "palm_detection_full.tflite",
    "048edd36": "hand_landmark_lite.tflite",
    "11c272b8": "hand_landmark_full.tflite",
}
PALMS = [name for name in SHARED.values() if name.startswith("palm")]
HANDS = [name for name in SHARED.values() if name.startswith("hand") and "recrop" not in name]


def models_folder() -> Path:
    """The folder of real releases, whether or not it exists."""
    return Path(os.environ.get("BLAZEPALM_MODELS", ROOT.parent / "shared" / "models"))


def files_folder() -> Path:
    """The folder of other people's files, whether or not it exists."""
    return Path(os.environ.get("BLAZEPALM_FILES", ROOT.parent / "shared" / "files"))


def shared_model(release: str) -> Path:
    """The file of a release (`"palm-full-2023-09"`, or the first hex digits of its SHA-256);
    skips the test where it is not there.
    """
    digits = next((d for d, name in SHARED.items() if release in (d, name)), None)
    if digits is None:
        raise KeyError(f"{release} is not one of {sorted(SHARED.values())}")
    folder = models_folder()
    found = sorted(folder.glob(f"{digits}_*.tflite"))
    if not found and digits in EMBEDDED:
        return ROOT / "models" / "weights" / EMBEDDED[digits]
    if not found:
        pytest.skip(
            f"no {digits}_*.tflite in {folder}: set BLAZEPALM_MODELS to the folder of releases"
        )
    return found[0]


def shared_file(name: str) -> Path:
    """One of other people's files, in BLAZEPALM_FILES, else ../shared/files; skips the test
    where it is not there.
    """
    folder = Path(os.environ.get("BLAZEPALM_FILES", ROOT.parent / "shared" / "files"))
    if not (folder / name).is_file():
        pytest.skip(f"no {name} in {folder}: set BLAZEPALM_FILES to the folder of files")
    return folder / name
