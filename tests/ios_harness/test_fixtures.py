"""The fixtures for the Swift tests match what the Python pipeline computes today, and their
manifest matches ios_harness/FIXTURES.md.
"""

import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from blazepalm.models import c_math
from blazepalm.models.c_math import arctan2, cos_sin, exp

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "ios_harness" / "Tests" / "Fixtures"
MAX_BYTES = 300_000

# Everything in the fixtures is defined to the last digit but for C's own functions, of which
# libraries differ by a digit. This is the digest of what they gave (glibc 2.36) where the
# fixtures were made: the same functions must give the same bytes, on every processor.
C_LIBRARY = "ad119e5405ae183520caf7a8d3e98fb798ef5df9cf82ee69b83afd2ddb59720d"
# With other functions a step of tracking moves a region by less than 2⁻¹⁸: its points are below
# 256 pixels and rounded four times (4 · 2⁻¹⁷), which turns the 16 pixels and more between wrist
# and middle finger by 2⁻¹⁹ radians; atan2f and the difference from 90° add a digit (2⁻²²) each.
# A hand is lost each 37th frame at the latest, and with it what has gathered.
ROOM = 37 * 2.0**-18


def make(folder: Path) -> Path:
    path = Path(__file__).with_name("make_fixtures.py")
    spec = importlib.util.spec_from_file_location("make_fixtures", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("fixtures") / "Fixtures")


def manifest(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return values


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def c_library() -> str:
    """The digest of C's own functions on arguments like the pipeline's."""
    numbers = np.arange(100_000)
    y, x = ((numbers * step % 1400 - 700).astype(np.float32) for step in (7, 17))
    angles = (numbers - 50_000).astype(np.float32) * np.float32(2.0**-14)  # −3.05 to 3.05
    values = (arctan2(y, x), *cos_sin(angles), exp(angles * 8))
    return hashlib.sha256(b"".join(value.astype("<f4").tobytes() for value in values)).hexdigest()


@pytest.mark.processor
def test_committed_fixtures_are_what_the_pipeline_says(made: Path) -> None:
    assert files(made) == files(COMMITTED)
    room = 0.0 if c_library() == C_LIBRARY else ROOM
    compared = 0
    for path in files(made):
        if path.endswith(".bin"):
            new, old = (np.fromfile(folder / path, "<f4") for folder in (made, COMMITTED))
            np.testing.assert_allclose(new, old, rtol=0, atol=room, err_msg=path)
        elif path.endswith(".bgra"):
            new, old = (np.fromfile(folder / path, np.uint8) for folder in (made, COMMITTED))
            np.testing.assert_array_equal(new, old, err_msg=path)
        compared += 1
    assert compared > 50


@pytest.mark.parametrize("digits", [(1,), (-1,), (-1, 0, 1)])
def test_another_c_library_stays_within_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: tuple[int, ...]
) -> None:
    """Each function a digit off: always up, always down, at random."""
    random = np.random.Generator(np.random.PCG64(9))

    def other(values: Any) -> Any:
        towards = np.copysign(np.float32(np.inf), random.choice(digits, np.shape(values)))
        moved = np.nextafter(values, towards.astype(np.float32))
        return np.where(random.choice(digits, np.shape(values)) == 0, values, moved)[()]

    def inexact(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(values: Any) -> Any:
            found = function(values)  # its parts are C's functions
            return (other(found.real) + np.complex64(1j) * other(found.imag)).astype(found.dtype)

        return call

    names = {**vars(np), "log": inexact(np.log), "exp": inexact(np.exp)}
    monkeypatch.setattr(c_math, "np", SimpleNamespace(**names))
    folder, most = make(tmp_path / "Fixtures"), 0.0
    for path in (path for path in files(COMMITTED) if path.endswith(".bin")):
        new, old = (np.fromfile(f / path, "<f4") for f in (folder, COMMITTED))
        most = max(most, float(np.abs(new - old).max(initial=0.0)))
    assert 0 < most <= ROOM


def test_what_is_made_is_what_is_listed(made: Path) -> None:
    digests = {p: hashlib.sha256((made / p).read_bytes()).hexdigest() for p in files(made)}
    listed = manifest(made)["files"]
    assert {p: d for p, d in digests.items() if p != "manifest.json"} == listed


def test_every_file_is_listed_with_its_digest() -> None:
    listed = manifest(COMMITTED)["files"]
    found = {
        path: hashlib.sha256((COMMITTED / path).read_bytes()).hexdigest()
        for path in files(COMMITTED)
        if path != "manifest.json"
    }
    assert found == listed
    assert sum((COMMITTED / path).stat().st_size for path in files(COMMITTED)) < MAX_BYTES


def tensors(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if set(value) == {"file", "shape"} else []
        return own + [t for inner in value.values() for t in tensors(inner)]
    if isinstance(value, list):
        return [t for inner in value for t in tensors(inner)]
    return []


def test_tensors_have_the_size_of_their_shape() -> None:
    found = tensors(manifest(COMMITTED))
    assert len(found) > 40
    for tensor in found:
        size = (COMMITTED / tensor["file"]).stat().st_size
        assert size == 4 * np.prod(tensor["shape"], dtype=int), tensor


def test_a_package_is_known_by_its_files() -> None:
    for model in manifest(COMMITTED)["models"]:
        package = COMMITTED / model["package"]
        lines = [
            f"{hashlib.sha256((package / path).read_bytes()).hexdigest()}  {path}\n"
            for path in files(package)
        ]
        assert hashlib.sha256("".join(lines).encode()).hexdigest() == model["sha256"]


def test_the_stages_are_worth_comparing() -> None:
    values = manifest(COMMITTED)
    hands = {case["name"]: case["landmarks"]["shape"][0] for case in values["cases"]}
    assert hands == {"one": 1, "two": 2, "edge": 1, "none": 0}
    sequence = values["sequences"][0]
    regions = np.fromfile(COMMITTED / sequence["regions"]["file"], "<f4").reshape(-1, 8)
    by_frame = np.bincount(regions[:, 0].astype(int), minlength=sequence["frames"])
    assert {0, 1, 2} <= set(by_frame.tolist())  # frames with no hand, one, two
    detected = np.fromfile(COMMITTED / sequence["palms"]["file"], "<f4").reshape(-1, 20)
    assert 20 < len(set(detected[:, 0])) < sequence["frames"]  # the detector rests sometimes
