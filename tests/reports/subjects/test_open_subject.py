"""Which backends of a model are opened, and which are not."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends import apple
from blazepalm.reports.backends.apple import UNITS
from blazepalm.reports.backends.hashing import package_sha256
from blazepalm.reports.backends.names import MIL, MIL_APP, MIL_FP16, TFLITE
from blazepalm.reports.backends.registry import registration_of
from blazepalm.reports.judge.judge import judge_of
from blazepalm.reports.subjects.open_subject import open_subject
from support.models import shared_model
from support.tiny import chosen_subject, doubling

LITE = "hand-lite-2022"


@dataclass(frozen=True)
class Native:
    """A stand-in for Core ML."""

    name: str

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return {}


def test_a_model_of_no_family_has_no_package_that_the_task_judges(tmp_path: Path) -> None:
    subject = open_subject("tiny.tflite", doubling(), workers=1, packages=tmp_path)
    assert set(subject.artifacts) == {MIL} and MIL in subject.backends and not subject.apps
    assert subject.rules is None and subject.output_shapes == ((1, 4, 5, 3),)


def test_only_what_is_asked_for_is_opened() -> None:
    subject = open_subject("tiny.tflite", doubling(), workers=1, packages=None, only=(TFLITE,))
    assert subject.names == (TFLITE,) and subject.candidates == () and subject.raw_pairs == ()


def test_without_images_nothing_is_exported_that_images_judge(tmp_path: Path) -> None:
    content = shared_model(LITE).read_bytes()
    subject = open_subject(LITE, content, workers=1, packages=tmp_path, images=False)
    assert set(subject.artifacts) == {MIL} and not subject.apps


def test_compression_is_done_to_the_float16_packages(tmp_path: Path) -> None:
    content = shared_model(LITE).read_bytes()
    plain = open_subject(LITE, content, workers=1, packages=tmp_path / "plain")
    small = open_subject(
        LITE, content, workers=1, packages=tmp_path / "small", compress="palettize6"
    )
    assert {name for name in plain.artifacts if plain.artifacts[name] != small.artifacts[name]} == {
        MIL_FP16,
        MIL_APP,
    }

    def weights(folder: str, backend: str) -> int:
        (blob,) = (tmp_path / folder / LITE / backend).rglob("weight.bin")
        return blob.stat().st_size

    assert weights("small", MIL_APP) < 0.45 * weights("plain", MIL_APP)  # 6 bits of 16
    assert weights("small", MIL) == weights("plain", MIL)
    assert small.notes == (*plain.notes, "its float16 packages are compressed: palettize6")


def test_who_is_compared_with_whom() -> None:
    assert chosen_subject().raw_pairs == (
        ("tflite", "oracle"),
        ("tflite-ref", "oracle"),
        ("generic", "oracle"),
        ("torch", "oracle"),
        ("torch", "tflite"),
        ("torch", "generic"),
    )


def on_a_mac(monkeypatch: pytest.MonkeyPatch, opened: Any) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(apple, "open_native", opened)


def test_on_a_mac_core_ml_runs_it_with_every_choice_of_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def opened(package: Path, *_: Any, units: str) -> Native:
        asked.append((package.parent.name, units))
        return Native(f"coreml-{units}")

    on_a_mac(monkeypatch, opened)
    subject = open_subject(LITE, shared_model(LITE).read_bytes(), workers=1, packages=tmp_path)
    assert asked == [(MIL_FP16, units) for units in UNITS]
    for units in UNITS:
        name = f"coreml-{units}"
        assert name in subject.candidates and subject.artifacts[name] == subject.artifacts[MIL_FP16]
        registration = registration_of(name)
        assert judge_of(registration) == "task" and units in registration.label
        assert (name, "oracle") in subject.raw_pairs
    assert subject.names[-1] == MIL_APP
    (package,) = (tmp_path / LITE / MIL_FP16).glob("*.mlpackage")
    assert subject.artifacts[MIL_FP16] == package_sha256(package)


def test_a_mac_that_cannot_load_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any, **__: Any) -> Native:
        raise CouldNotVerify("no connection to Core ML")

    on_a_mac(monkeypatch, opened)
    subject = open_subject(LITE, shared_model(LITE).read_bytes(), workers=1, packages=tmp_path)
    assert "not compared with Core ML itself: no connection to Core ML" in subject.notes
    assert MIL_FP16 in subject.backends


def test_a_package_is_known_by_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"1")
    before = package_sha256(tmp_path)
    (tmp_path / "a" / "one").rename(tmp_path / "a" / "two")
    renamed = package_sha256(tmp_path)
    (tmp_path / "a" / "two").write_bytes(b"2")
    assert len({before, renamed, package_sha256(tmp_path)}) == 3
