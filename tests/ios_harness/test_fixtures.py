"""The fixtures that the Swift tests read are what the Python pipeline says today, and their
manifest is what ios_harness/FIXTURES.md says it is."""

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "ios_harness" / "Tests" / "Fixtures"
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(__file__).with_name("make_fixtures.py")
    spec = importlib.util.spec_from_file_location("make_fixtures", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("fixtures") / "Fixtures"
    module.make(folder)
    return folder


def manifest(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return values


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_committed_fixtures_are_what_the_pipeline_says(made: Path) -> None:
    assert files(made) == files(COMMITTED)
    compared = 0
    for path in files(made):
        if path.endswith(".bin"):
            new, old = (np.fromfile(folder / path, "<f4") for folder in (made, COMMITTED))
            np.testing.assert_allclose(new, old, rtol=0, atol=2e-6, err_msg=path)
        elif path.endswith(".bgra"):
            new, old = (np.fromfile(folder / path, np.uint8) for folder in (made, COMMITTED))
            np.testing.assert_array_equal(new, old, err_msg=path)
        compared += 1
    assert compared > 50


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
    assert sum((COMMITTED / path).stat().st_size for path in files(COMMITTED)) < MOST_BYTES


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
