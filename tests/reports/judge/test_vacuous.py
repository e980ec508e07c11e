"""A run that proves nothing never passes, whatever is missing and however silently."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.golden.manifest import GoldenSet
from blazepalm.reports.backends.backend import Opening
from blazepalm.reports.faults.check import Remembered
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.parity import parity
from blazepalm.reports.subjects import open_subject
from blazepalm.reports.subjects.open_subject import Opened
from support.small_golden import small_golden
from support.tiny import Chosen, doubling

Outputs = dict[str, np.ndarray]


def test_no_source() -> None:
    report = parity()
    assert not report and report.exit_code == 1


def test_no_input_at_all() -> None:
    report = parity("palm-lite", noise=0, coreml=False)
    assert not report and report.exit_code == 3 and not report.rows
    assert {b.status for b in report.models[0].backends if b.name == "torch"} == {"not_run"}


def test_an_empty_golden_set(tmp_path: Path) -> None:
    report = parity("palm-lite", golden=GoldenSet(1, tmp_path, ()), noise=0, coreml=False)
    assert not report and report.exit_code in (1, 3)


def test_one_input_shows_too_little(tmp_path: Path) -> None:
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    with pytest.raises(CouldNotVerify, match="one input cannot tell"):
        parity(file, noise=1, coreml=False)
    assert parity(file, noise=2, coreml=False)


def test_images_without_a_hand_judge_nothing_of_the_task(tmp_path: Path) -> None:
    """The float16 packages are judged only by hands, and there are none."""
    golden = small_golden(tmp_path)
    empty = replace(golden, cases=tuple(c for c in golden.cases if not c.hands))
    report = parity("palm-lite", "hand-lite", golden=empty, noise=2)
    assert not report and report.exit_code in (1, 3)
    waiting = {(m.name, b.name) for m in report.models for b in m.backends if b.status == "not_run"}
    assert waiting == {
        (name, backend)
        for name in ("palm-lite-2021-11", "hand-lite-2022")
        for backend in ("coreml-mil-fp16", "coreml-mil-app")
    }
    assert all(model.coverage[0] < model.coverage[1] for model in report.models)


def nothing(outputs: Outputs) -> Outputs:
    return {}


def less(outputs: Outputs) -> Outputs:
    return dict(list(outputs.items())[:1])


def lost(outputs: Outputs) -> Outputs:
    return {name: values * np.float32("nan") for name, values in outputs.items()}


def zeros(outputs: Outputs) -> Outputs:
    return {name: np.zeros_like(values) for name, values in outputs.items()}


def flat(outputs: Outputs) -> Outputs:
    return {name: values.ravel() for name, values in outputs.items()}


def wide(outputs: Outputs) -> Outputs:
    return {name: values.astype(np.float64) for name, values in outputs.items()}


def halved(outputs: Outputs) -> Outputs:
    return {name: values.astype(np.float16) for name, values in outputs.items()}


KNOWN: dict[str, Opened] = {}  # the real backends, by model
OPEN = open_subject.open_backends


def remembered(opening: Opening, *rest: Any) -> Opened:
    """`open_backends` that computes everything once for all tests."""
    name = opening.converted.name
    if name not in KNOWN:
        found = OPEN(opening, *rest)
        backends = {name: Remembered(backend) for name, backend in found.backends.items()}
        KNOWN[name] = replace(found, backends=backends)
    return KNOWN[name]


def answering(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Outputs], Outputs], *names: str
) -> None:
    """Replaces the answers of every model's backends of these names."""

    def opened(opening: Opening, *arguments: Any) -> Opened:
        found = remembered(opening, *arguments)
        changed = {n: Chosen(n, lambda x, n=n: change(found.backends[n].run(x))) for n in names}  # type: ignore[misc]
        return replace(found, backends={**found.backends, **changed})

    monkeypatch.setattr(open_subject, "open_backends", opened)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return small_golden(tmp_path_factory.mktemp("golden"))


def both(golden: GoldenSet) -> ParityReport:
    """A detector and a landmark model on one image with hands and some noise."""
    one = replace(golden, cases=golden.cases[:1])
    return parity("palm-lite", "hand-lite", golden=one, noise=2, coreml=False)


@pytest.mark.parametrize("change", [nothing, less, lost, zeros, flat, wide, halved])
def test_a_module_that_answers_with_less_than_it_should(
    change: Callable[[Outputs], Outputs], golden: GoldenSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, change, "torch")
    report = both(golden)
    assert not report and report.exit_code == 1
    for model in report.models:
        (torch,) = (b for b in model.backends if b.name == "torch")
        assert torch.status == "fail" and torch.reasons, model.name


@pytest.mark.parametrize("change", [nothing, lost, zeros])
@pytest.mark.parametrize("name", ["tflite", "tflite-ref", "oracle"])
def test_a_reference_that_answers_with_less_than_it_should(
    change: Callable[[Outputs], Outputs],
    name: str,
    golden: GoldenSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, change, name)
    report = both(golden)
    assert not report and report.exit_code in (1, 3)
    assert not any(model.passed for model in report.models)


def test_all_of_them_together(golden: GoldenSet, monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = ("tflite", "tflite-ref", "oracle", "generic", "torch")
    for change in (nothing, lost, zeros):
        with monkeypatch.context() as patch:
            answering(patch, change, *everyone)
            report = both(golden)
            assert not report and report.exit_code in (1, 3), change
            assert report.to_dict()["passed"] is False


def test_the_unharmed_ones_pass(golden: GoldenSet, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, nothing)
    assert both(golden).passed
