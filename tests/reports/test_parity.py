"""Whole runs: a release, its saved Core ML packages and three small pictures, every engine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blazepalm.errors import InvalidModel
from blazepalm.golden.manifest import GoldenSet
from blazepalm.reports.compare.rows import BY_FLOOR, BY_TASK, PASS
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.parity import parity
from blazepalm.reports.stored.read import PARITY, validate
from support.models import shared_model
from support.small_golden import small_golden

PAIR = ("palm-lite", "hand-lite")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return small_golden(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def run(golden: GoldenSet) -> ParityReport:
    return parity(*PAIR, golden=golden, noise=2, layers=True)


def timeless(report: ParityReport) -> dict[str, Any]:
    values = report.to_dict()
    del values["timing"]
    return values


def test_every_backend_of_both_models_passes(run: ParityReport) -> None:
    assert run.passed and run.exit_code == 0
    judged = [row for row in run.rows if row.judged]
    assert all(row.status == PASS for row in judged)
    for model in run.models:
        mine = [row for row in judged if row.model == model.name]
        floor = {
            row.backend for row in mine if row.judge == BY_FLOOR and row.stage == "raw outputs"
        }
        task = {row.backend for row in mine if row.judge == BY_TASK}
        assert floor == {"torch", "coreml-mil"}
        assert task >= {"torch", "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"}
        assert model.coverage[0] == model.coverage[1] > 20
    assert run.cases_total == 5


def test_the_report_keeps_its_schema(run: ParityReport) -> None:
    validate(run.to_dict(), PARITY, "this run")


def test_rendered_hands_are_found_and_told_against_the_truth(run: ParityReport) -> None:
    entries = {entry["backend"]: entry for entry in run.accuracy}
    assert set(entries) == {"tflite", "torch", "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"}
    for entry in entries.values():
        assert (entry["hands"], entry["found"], entry["false"]) == (3, 3, 0)
        assert 0.01 < entry["joint_error"] < 0.15


def test_no_layer_diverges_and_each_has_three_names(run: ParityReport) -> None:
    for model in run.models:
        assert model.layers is not None
        assert model.layers["culprits"] and not any(model.layers["culprits"].values())
        for row in model.layers["rows"]:
            assert row["tensor"] and row["module"] and row["mil"]


def test_another_run_in_processes_gives_the_same_report(
    run: ParityReport, golden: GoldenSet
) -> None:
    other = parity(*PAIR, golden=golden, noise=2, layers=True, engine="processes", workers=2)
    assert timeless(other) == timeless(run)


def test_landmarks_alone_look_where_the_embedded_detector_points(golden: GoldenSet) -> None:
    report = parity("hand-lite", golden=golden, noise=0, coreml=False)
    assert report.passed and [model.name for model in report.models] == ["hand-lite-2022"]
    assert report.models[0].inputs == 3


def test_the_graph_of_no_family_is_compared_too(golden: GoldenSet) -> None:
    report = parity(shared_model("hand-recrop-2020-07"), golden=golden, noise=2)
    assert report.passed and report.models[0].family is None


@pytest.mark.parametrize("settings", [{"noise": 0}, {"noise": 1}])
def test_too_little_is_no_parity(settings: dict[str, int]) -> None:
    report = parity(shared_model("hand-recrop-2020-07"), **settings)
    assert not report.passed and report.exit_code in (1, 3)


def test_an_empty_golden_set_is_no_parity(golden: GoldenSet) -> None:
    empty = replace(golden, cases=())
    report = parity(shared_model("hand-recrop-2020-07"), golden=empty, noise=0)
    assert not report.passed and report.exit_code in (1, 3)


def test_a_source_that_is_none_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"nothing")
    with pytest.raises(InvalidModel):
        parity(bad)
    report = parity(bad, shared_model("hand-recrop-2020-07"), keep_going=True, noise=2)
    assert report.exit_code == 2 and len(report.models) == len(report.failures) == 1


RELEASES = (
    "palm-2020-11",
    "palm-full-2023-09",
    "hand-3d-2019-08",
    "hand-2020-05",
    "hand-2020-11",
    "hand-sparse-2021-02",
    "hand-full-2022",
)


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_holds(release: str) -> None:
    report = parity(shared_model(release), noise=2)
    (model,) = report.models
    assert report.passed and model.release == release
    judged = [row for row in report.rows if row.judged]
    assert {row.backend for row in judged} == {"torch", "coreml-mil"}
    assert len(judged) == 5 * len(model.outputs)
