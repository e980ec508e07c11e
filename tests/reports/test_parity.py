"""Parity on real files, with all real backends. The full claim (50 inputs, every release) is
what `make parity` runs; here a few inputs each, and the full number where that is quick.
"""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.models.errors import (
    CouldNotVerify,
    InvalidModel,
    UnknownRelease,
    UnsupportedOperator,
)
from blazepalm.reports import policy
from blazepalm.reports.parity import parity
from support.models import SHARED, shared_model
from support.synthetic import with_unused_buffer
from support.tflite_builder import ModelBuilder

QUICK = "hand-recrop-2020-07"
OUTPUTS = {"palm": 2, "hand-3d-2019-08": 2, "hand-recrop": 1, "hand-lite": 4, "hand-full": 4}


@pytest.mark.parametrize("release", SHARED.values())
def test_every_release_holds(release: str) -> None:
    report = parity(shared_model(release), inputs=3)
    (model,) = report.models
    assert model.release == release
    count = next((n for key, n in OUTPUTS.items() if release.startswith(key)), 3)
    assert len(model.rows) == len(model.bitwise) == count
    for row in model.rows:
        assert row.passed, row.reasons
        assert row.floor.tflite and row.floor.tflite_ref and row.against_oracle.elements
        assert row.against_tflite.inputs == model.inputs == 3
    expected = "not_run" if release == QUICK else "pass"
    assert {row.status for row in model.bitwise} == {expected}
    assert report.passed and report.exit_code == 0


@pytest.mark.parametrize("release", [QUICK, "palm-2020-11"])
def test_the_full_number_of_inputs(release: str) -> None:
    report = parity(shared_model(release))
    (model,) = report.models
    assert report.inputs == model.inputs == policy.INPUTS == 50
    assert report.passed, [row.reasons for row in model.rows]
    assert all(row.against_oracle.inputs == 50 for row in model.rows)
    # releases.md measured the same floors on inputs of its own
    known = {"regressors": 7.7e-4, "classificators": 1.0e-3}
    for row in model.rows:
        if row.output in known:
            assert known[row.output] / 3 < row.floor.value < known[row.output] * 3


def test_two_runs_give_the_same_json_but_for_the_timing() -> None:
    one, two = (
        parity(shared_model(QUICK), shared_model("palm-2020-11"), inputs=3, workers=workers)
        for workers in (1, 3)
    )
    texts = []
    for report in (one, two):
        values = report.to_dict()
        assert values.pop("timing")["models"][1]["seconds"]["tflite-ref"] > 0
        texts.append(json.dumps(values, allow_nan=False))
    assert texts[0] == texts[1]


def test_another_seed_gives_other_inputs_and_passes_too() -> None:
    first, second = (
        parity(shared_model(QUICK), inputs=2, seed=seed).models[0] for seed in (0, 12345)
    )
    assert first.inputs_sha256 != second.inputs_sha256
    assert first.passed and second.passed


def test_the_registry_gives_the_range_and_an_unknown_file_its_familys(tmp_path: Path) -> None:
    known = shared_model("palm-2020-11")
    unknown = tmp_path / "anything.bin"
    unknown.write_bytes(with_unused_buffer(known.read_bytes()))
    a, b = parity(known, unknown, inputs=2).models
    assert (a.value_range, a.value_range_from) == ((-1.0, 1.0), "registry")
    assert (b.value_range, b.value_range_from) == ((0.0, 1.0), "newest of the family")
    assert (a.release, b.release, b.name) == ("palm-2020-11", None, "anything")
    assert a.passed and b.passed and a.sha256 != b.sha256
    assert any("not a known release" in note for note in b.notes)


def test_every_model_of_a_bundle_is_compared(tmp_path: Path) -> None:
    bundle = tmp_path / "two.task"
    with zipfile.ZipFile(bundle, "w") as archive:
        for release in (QUICK, "hand-lite-2022"):
            archive.write(shared_model(release), f"{release}.tflite")
    report = parity(bundle, inputs=2)
    assert [m.release for m in report.models] == [QUICK, "hand-lite-2022"]
    assert [m.source for m in report.models] == [
        f"{bundle}:{QUICK}.tflite",
        f"{bundle}:hand-lite-2022.tflite",
    ]
    assert report.passed
    only = parity(f"{bundle}:{QUICK}.tflite", inputs=2)
    assert [m.release for m in only.models] == [QUICK] and only.passed


def test_zero_inputs_fail() -> None:
    report = parity(shared_model(QUICK), inputs=0)
    (model,) = report.models
    assert not report and report.exit_code == 1
    assert any("nothing was compared" in reason for reason in model.rows[0].reasons)


def test_one_input_shows_too_little() -> None:
    report = parity(shared_model(QUICK), inputs=1)
    assert not report
    assert any("the same values" in reason for reason in report.models[0].rows[0].reasons)


def test_no_source_is_no_parity() -> None:
    assert not parity() and parity().exit_code == 1


def test_a_bad_source_does_not_hide_the_others(tmp_path: Path) -> None:
    text = tmp_path / "notes.tflite"
    text.write_text("no model")
    report = parity(text, "palm-fool", shared_model(QUICK), inputs=2, keep_going=True)
    assert [m.release for m in report.models] == [QUICK] and report.models[0].passed
    assert [f.source for f in report.failures] == [str(text), "palm-fool"]
    assert not report.passed and report.exit_code == 2


def test_a_bad_source_raises(tmp_path: Path) -> None:
    text = tmp_path / "notes.tflite"
    text.write_text("no model")
    with pytest.raises(InvalidModel, match="notes.tflite"):
        parity(text)
    with pytest.raises(UnknownRelease, match="palm-fool"):
        parity("palm-fool")


def test_without_litert_nothing_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(CouldNotVerify, match="pip install ai-edge-litert"):
        parity(shared_model(QUICK), inputs=2)
    report = parity(shared_model(QUICK), inputs=2, keep_going=True)
    assert not report and report.exit_code == 3 and not report.models


def write(tmp_path: Path, model: ModelBuilder, inputs: list[int], outputs: list[int]) -> Path:
    file = tmp_path / "model.tflite"
    file.write_bytes(model.build(inputs, outputs))
    return file


def test_an_unsupported_operator_is_named(tmp_path: Path) -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 4))
    model.operator("Nobody'sOperator", [x], [y])
    with pytest.raises(UnsupportedOperator, match="Nobody's"):
        parity(write(tmp_path, model, [x], [y]), inputs=2)


def test_two_inputs_are_not_verified(tmp_path: Path) -> None:
    model = ModelBuilder()
    a, b, y = (model.tensor((1, 4)) for _ in range(3))
    model.operator("ADD", [a, b], [y], schema.AddOptionsT())
    with pytest.raises(CouldNotVerify, match="has 2 inputs"):
        parity(write(tmp_path, model, [a, b], [y]), inputs=2)


def test_a_model_of_one_operator_is_compared_as_any_other(tmp_path: Path) -> None:
    """Doubling is exact in float32, so every error is 0 and the floor is the spacing's."""
    model = ModelBuilder()
    x, y = model.tensor((1, 4, 5, 3)), model.tensor((1, 4, 5, 3), name="double")
    model.operator("ADD", [x, x], [y], schema.AddOptionsT())
    report = parity(write(tmp_path, model, [x], [y]), inputs=3)
    (row,) = report.models[0].rows
    assert (row.floor.tflite, row.needed, row.multiple) == (0.0, 0.0, 0.0)
    assert row.floor.value == np.spacing(np.float32(row.high)) / 2 > 0
    assert report.passed


def test_a_constant_model_does_not_pass(tmp_path: Path) -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4, 5, 3)), model.tensor((1, 4, 5, 3), name="zero")
    model.operator("SUB", [x, x], [y], schema.SubOptionsT())
    report = parity(write(tmp_path, model, [x], [y]), inputs=3)
    (row,) = report.models[0].rows
    assert not report and any("the same values for every input" in r for r in row.reasons)


def test_outputs_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    model = ModelBuilder()
    x = model.tensor((1, 4, 5, 3))
    y, z = (model.tensor((1, 4, 5, 3), name="twin") for _ in range(2))
    model.operator("ADD", [x, x], [y], schema.AddOptionsT())
    model.operator("RELU", [x], [z])
    report = parity(write(tmp_path, model, [x], [y, z]), inputs=2)
    assert [row.output for row in report.models[0].rows] == ["twin#0", "twin#1"]
    assert report.models[0].rows[0].high == 2 * (report.models[0].rows[1].high or 0) > 0
    assert report.passed


def test_torch_keeps_its_threads() -> None:
    import torch

    before = torch.get_num_threads()
    parity(shared_model(QUICK), inputs=2)
    assert torch.get_num_threads() == before
