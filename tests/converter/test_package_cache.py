"""A package is made once for the same file, options, code and versions, and has the same bytes."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import msgpack

from blazepalm.converter import package_cache, pte_cache
from blazepalm.converter.convert import convert_graph
from blazepalm.converter.converted import Converted
from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.converter.coreml.package import PACKAGE_FILES
from blazepalm.converter.package_cache import cached_package
from blazepalm.converter.tflite import read_bytes
from blazepalm.reports.backends.hashing import package_sha256
from support.tiny import shifting

RAW = CoreMLOptions(face="raw", precision="fp32")
VALUES = np.arange(60, dtype=np.float32).reshape(1, 4, 5, 3)
NO_PACKAGES = (
    b"",
    b"\xc1 no msgpack",
    msgpack.encode(["a list"]),
    msgpack.encode({}),
    msgpack.encode(dict.fromkeys(PACKAGE_FILES, "no bytes")),
    msgpack.encode({PACKAGE_FILES[0]: b""}),
    msgpack.encode({**dict.fromkeys(PACKAGE_FILES, b""), "../outside": b"planted"}),
)


def model_of(values: np.ndarray = VALUES, source: str = "shifting.tflite") -> Converted:
    return convert_graph(read_bytes(shifting(values), source), lambda note: None)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names of the packages that were made, not taken from the cache."""
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    found: list[str] = []

    def counted(model: Converted, folder: Path, options: CoreMLOptions) -> Any:
        found.append(model.name)
        return export(model, folder, options)

    monkeypatch.setattr(package_cache, "export", counted)
    return found


def digest(model: Converted, folder: Path, options: CoreMLOptions = RAW) -> str:
    """SHA-256 of the package, written into a new folder."""
    folder = folder / str(len(list(folder.iterdir())))
    cached_package(model, folder, options)
    (package,) = folder.iterdir()
    return package_sha256(package)


def test_a_kept_package_has_the_bytes_of_one_that_is_made(made: list[str], tmp_path: Path) -> None:
    model = model_of()
    export(model, tmp_path / "whole", RAW)
    (whole,) = (tmp_path / "whole").iterdir()
    assert [digest(model, tmp_path) for _ in range(3)] == [package_sha256(whole)] * 3
    assert made == ["shifting"]


def test_only_what_decides_the_bytes_makes_it_again(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of()
    changed = VALUES.copy()
    changed[0, 0, 0, 0] = np.nextafter(np.float32(0), np.float32(1))
    given = [
        (model, RAW),
        (model_of(changed), RAW),
        (model_of(source="other.tflite"), RAW),  # its package has another name
        (model, replace(RAW, precision="fp16")),
        (model, replace(RAW, target="iOS17")),
    ]
    for _ in range(2):
        for one, options in given:
            digest(one, tmp_path, options)
    assert made == ["shifting", "shifting", "other", "shifting", "shifting"]
    for name, other in (
        ("versions", lambda *names: {"coremltools": "0"}),
        ("kernels", lambda: {"processor": ["another"]}),
    ):
        monkeypatch.setattr(package_cache, name, other)
        digest(model, tmp_path)
    monkeypatch.setattr(pte_cache, "code_sha256", lambda *parts: f"other code of {parts}")
    digest(model, tmp_path)
    assert len(made) == len(given) + 3


def place(folder: Path) -> Path:
    """Where the packages are kept."""
    return folder / "cache" / f"{package_cache.RUNTIME}.sqlite"


def keep_instead(content: bytes, folder: Path) -> None:
    """Replaces the kept package by this value, with the digest that it would have."""
    with (
        closing(sqlite3.connect(folder / "cache" / f"{package_cache.RUNTIME}.sqlite")) as file,
        file,
    ):
        ((key,),) = file.execute("SELECT key FROM kept").fetchall()
        digest = hashlib.sha256(key.encode() + content).digest()
        file.execute("UPDATE kept SET value = ?, sha256 = ?", (content, digest))


def test_what_is_no_package_is_made_again(made: list[str], tmp_path: Path) -> None:
    model = model_of()
    first = digest(model, tmp_path)
    for content in NO_PACKAGES:
        keep_instead(content, tmp_path)
        assert digest(model, tmp_path) == first
    assert len(made) == 1 + len(NO_PACKAGES)
    assert not list(tmp_path.rglob("outside"))


def test_a_damaged_package_is_made_again(made: list[str], tmp_path: Path) -> None:
    model = model_of()
    first = digest(model, tmp_path)
    with (
        closing(sqlite3.connect(tmp_path / "cache" / f"{package_cache.RUNTIME}.sqlite")) as file,
        file,
    ):
        file.execute("UPDATE kept SET value = substr(value, 1, length(value) - 1)")
    assert [digest(model, tmp_path) for _ in range(2)] == [first] * 2
    assert len(made) == 2, "and kept again"
