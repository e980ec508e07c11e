"""Which file of a package is the model, and that no path leads out of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.package import open_package


@pytest.fixture
def package(tmp_path: Path, write_package: Any) -> Path:
    path: Path = write_package(tmp_path / "a.mlpackage", b"model", b"weights")
    return path


def set_manifest(package: Path, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (package / "Manifest.json").write_text(text, encoding="utf-8")


def item(path: Any) -> dict[str, Any]:
    return {"itemInfoEntries": {"A": {"path": path}}, "rootModelIdentifier": "A"}


def test_the_manifest_names_the_model(package: Path) -> None:
    found = open_package(package)
    assert found.model.read_bytes() == b"model"
    assert found.weight_file("@model_path/weights/weight.bin").read_bytes() == b"weights"


def test_a_bare_model_file(tmp_path: Path) -> None:
    (tmp_path / "a.mlmodel").write_bytes(b"model")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    found = open_package(str(tmp_path / "a.mlmodel"))
    assert found.model.read_bytes() == b"model"
    assert found.weight_file("@model_path/weights.bin").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "names no root model"),
        ({"itemInfoEntries": {}, "rootModelIdentifier": "A"}, "names no root model"),
        ({"itemInfoEntries": {"A": {}}, "rootModelIdentifier": "A"}, "names no root model"),
        ({"itemInfoEntries": {"A": 7}, "rootModelIdentifier": "A"}, "names no root model"),
        ({"itemInfoEntries": {}, "rootModelIdentifier": [1]}, "names no root model"),
        ({"itemInfoEntries": [], "rootModelIdentifier": 10**40}, "names no root model"),
        (item(7), "not text"),
        (item("com.apple.CoreML/missing.mlmodel"), "is missing"),
        (item("com.apple.CoreML"), "is missing"),
        (item("../../secret"), "leads out"),
        (item("/etc/passwd"), "leads out"),
        (item("a\0b"), "leads out"),
        (item("x" * 5000), "missing|name too long"),
    ],
)
def test_broken_manifests(package: Path, manifest: Any, sentence: str) -> None:
    set_manifest(package, manifest)
    with pytest.raises(InvalidModel, match=sentence):
        open_package(package)


def test_no_manifest(package: Path) -> None:
    (package / "Manifest.json").unlink()
    with pytest.raises(InvalidModel, match=r"Manifest\.json cannot be read"):
        open_package(package)


def test_a_huge_manifest(package: Path) -> None:
    set_manifest(package, " " * (2 << 20))
    with pytest.raises(InvalidModel, match="too large"):
        open_package(package)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("@model_path/../../../secret.bin", "leads out"),
        ("@model_path//etc/passwd", "leads out"),
        ("@model_path/..\\secret.bin", "leads out"),
        ("/etc/passwd", "expected a path below @model_path"),
        ("weights/weight.bin", "expected a path below @model_path"),
        ("@model_path/weights/other.bin", "is missing"),
        ("@model_path/weights", "is missing"),
        ("", "expected a path below @model_path"),
    ],
)
def test_weights_outside_the_package(
    package: Path, tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "secret.bin").write_bytes(b"secret")
    with pytest.raises(InvalidModel, match=sentence):
        open_package(package).weight_file(name)


def test_a_link_out_of_the_package(package: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(b"secret")
    weights = package / "Data" / "com.apple.CoreML" / "weights"
    (weights / "link.bin").symlink_to(tmp_path / "secret.bin")
    (weights / "loop.bin").symlink_to(weights / "loop.bin")
    (weights / "inside.bin").symlink_to(weights / "weight.bin")
    found = open_package(package)
    with pytest.raises(InvalidModel, match="leads out"):
        found.weight_file("@model_path/weights/link.bin")
    with pytest.raises(InvalidModel, match=r"loop"):
        found.weight_file("@model_path/weights/loop.bin")
    assert found.weight_file("@model_path/weights/inside.bin").read_bytes() == b"weights"


def test_what_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="no such package"):
        open_package(tmp_path / "missing.mlpackage")
    (tmp_path / "x.mlmodelc").mkdir()
    with pytest.raises(InvalidModel, match="compiled"):
        open_package(tmp_path / "x.mlmodelc")
