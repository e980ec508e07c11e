"""A backend from another distribution is compared and judged like the built-in ones."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends import registry
from blazepalm.reports.backends.backend import Registration
from blazepalm.reports.backends.registry import (
    BUILT_IN,
    asked_for,
    not_installed,
    rare_backends,
    registered,
    spared_backends,
)
from blazepalm.reports.judge.judge import judge_of
from blazepalm.reports.parity import parity
from blazepalm.reports.render.html import render_html
from blazepalm.reports.render.junit import junit
from blazepalm.reports.render.markdown import markdown
from blazepalm.reports.stored.read import read_report
from blazepalm.reports.stored.recheck import recheck
from support.tiny import doubling

# What somebody else's package holds: it doubles its input, `ERROR` off in the first element.
PLUGIN = """
import numpy as np
from blazepalm.reports.backends.backend import Registration

ERROR = {error}

class Doubling:
    name = "doubling"

    def __init__(self, outputs):
        self.outputs = outputs

    def run(self, images):
        values = 2 * images
        values[0, 0, 0, 0] += np.float32(ERROR)
        return {{name: values for name in self.outputs}}

BACKEND = Registration(
    "doubling",
    "NumPy that doubles",
    "float32",
    lambda opening: Doubling(opening.outputs),
    available=lambda: {reason!r},
)
"""


CORE_AI = {"coreai-mil", "coreai-mil-app"}
BY_NAME = {"coreai-mil-fp16", "coreai-mil-app-fp32", "coreai"}


@pytest.fixture(autouse=True)
def _unplugged() -> Iterator[None]:
    yield
    registered.cache_clear()
    sys.modules.pop("doubling_plugin", None)


def plug_in(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: float = 0.0,
    reason: str | None = None,
    entry: str = "doubling_plugin:BACKEND",
) -> None:
    """Makes Python see an installed distribution with one backend."""
    (folder / "doubling_plugin.py").write_text(PLUGIN.format(error=error, reason=reason))
    metadata = folder / "doubling_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: doubling-plugin\nVersion: 1.0")
    (metadata / "entry_points.txt").write_text(f"[blazepalm.backends]\ndoubling = {entry}\n")
    monkeypatch.syspath_prepend(folder)
    registered.cache_clear()


def test_a_backend_of_another_distribution_is_judged_by_the_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, monkeypatch)
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    report = parity(file, noise=2, coreml=False)
    rows = [row for row in report.rows if row.backend == "doubling"]
    assert report.passed and [row.reference for row in rows] == ["oracle", "tflite"]
    assert all(row.judge == "floor" and row.value == 0 and row.status == "pass" for row in rows)
    (found,) = (b for b in report.models[0].backends if b.name == "doubling")
    assert (found.label, found.precision, found.status) == ("NumPy that doubles", "float32", "pass")


def test_a_wrong_one_fails_and_its_report_is_read_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    with monkeypatch.context() as patch:
        plug_in(tmp_path, patch, error=0.5)
        report = parity(file, noise=2, coreml=False)
    failed = {row.backend for row in report.rows if row.judged and row.status == "fail"}
    assert failed == {"doubling"} and report.exit_code == 1
    registered.cache_clear()
    assert "doubling" not in registered()
    file = tmp_path / "parity.json"
    file.write_text(json.dumps(report.to_dict()), encoding="utf-8")
    values = read_report(file)
    found = recheck(values, values.limits)
    assert found.altered == () and found.exit_code == 1
    for render in (markdown, junit, render_html):
        assert "doubling" in render(values)


def test_one_whose_own_process_dies_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, monkeypatch)
    plugin = tmp_path / "doubling_plugin.py"
    imported = "from blazepalm.errors import ProcessDied\n"
    dying = plugin.read_text().replace("values = 2 * images", "raise ProcessDied('SIGSEGV')")
    plugin.write_text(imported + dying)
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    report = parity(file, noise=2, coreml=False)
    rows = [row for row in report.rows if row.judged]
    assert {row.backend for row in rows if row.status == "fail"} == {"doubling"}
    dead = [row for row in rows if row.backend == "doubling"]
    assert [row.reference for row in dead] == ["oracle", "tflite"]
    assert all("SIGSEGV (case noise" in " ".join(row.reasons) for row in dead)
    assert report.exit_code == 1


def test_one_that_cannot_run_here_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, monkeypatch, reason="there is no phone")
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    report = parity(file, noise=2, coreml=False)
    assert report.passed and "doubling" not in [b.name for b in report.models[0].backends]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("nowhere:BACKEND", r"backend doubling \(nowhere:BACKEND\) cannot be loaded"),
        ("doubling_plugin:ERROR", "is float, expected Registration"),
        ("blazepalm.reports.backends.torch_readable:BACKEND", "two backends are called 'torch'"),
    ],
)
def test_a_broken_one_is_one_sentence(
    entry: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, monkeypatch, entry=entry)
    with pytest.raises(CouldNotVerify, match=sentence):
        registered()


def test_what_judges_a_backend_follows_from_kind_and_precision() -> None:
    judges = {name: judge_of(registration) for name, registration in registered().items()}
    assert judges == {
        "tflite": "reference",
        "tflite-ref": "reference",
        "oracle": "reference",
        "generic": "none",
        "torch": "floor",
        "tensorflow": "floor",
        "coreml-mil": "floor",
        "coreml-mil-fp16": "task",
        "coreml-mil-fp16-coreai": "task",
        "coreml-mil-fp16-bound": "task",
        "coreml-all": "task",
        "coreml-cpu-only": "task",
        "coreml-cpu-and-gpu": "task",
        "coreml-cpu-and-ne": "task",
        "coreml-mil-app": "task",
        "executorch": "floor",
        "tflite-integer": "task",
        "integer": "none",
        "coreai-mil": "floor",
        "coreai-mil-fp16": "task",
        "coreai-mil-app": "task",
        "coreai-mil-app-fp32": "task",
        "coreai": "floor",
    }
    assert spared_backends() == {
        "tflite-ref",
        "generic",
        "integer",
        "coreml-mil-fp16-coreai",
        "coreml-mil-fp16-bound",
        *CORE_AI,
        *BY_NAME,
    }
    assert rare_backends() == {*CORE_AI, *BY_NAME}
    assert len(BUILT_IN) < len(judges)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ({}, {"executorch", *CORE_AI}),
        ({"coreai": "no Core AI"}, {"coreml-mil-fp16-coreai", "executorch"}),
        ({"executorch": "no ExecuTorch"}, CORE_AI),
    ],
)
def test_installed_asks_for_every_other_runtime_of_this_machine(
    reasons: dict[str, str], expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Core AI is missing, blazepalm's executor sums as it does."""

    def as_if(name: str, registration: Registration) -> Registration:
        return replace(registration, available=lambda: reasons.get(name.split("-")[0]))

    known = {name: as_if(name, r) for name, r in registered().items()}
    monkeypatch.setattr(registry, "registered", lambda: known)
    found = asked_for(["installed", *sorted(expected)])
    assert set(found) == expected and len(found) == len(expected)
    assert not_installed() == list(reasons.values())


@pytest.mark.parametrize(("precision", "kind"), [("int8", "candidate"), ("float32", "judge")])
def test_a_registration_says_something_known(precision: str, kind: str) -> None:
    with pytest.raises(ValueError, match="backend x: precision"):
        Registration("x", "x", precision, lambda opening: None, kind)
