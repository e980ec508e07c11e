"""Whole runs: a release, its saved Core ML packages and three small pictures, every engine."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter import coreml, package_cache
from blazepalm.errors import CouldNotVerify, InvalidModel
from blazepalm.golden.manifest import GoldenSet
from blazepalm.reports.backends.litert import LiteRT
from blazepalm.reports.compare.rows import BY_FLOOR, BY_TASK, PASS
from blazepalm.reports.judge.report import ParityReport, as_stored
from blazepalm.reports.layers import compare
from blazepalm.reports.parity import parity
from blazepalm.reports.render.html.page import render
from blazepalm.reports.render.junit import junit
from blazepalm.reports.render.markdown import markdown
from blazepalm.reports.stored.read import report_from
from support.models import ROOT, shared_file, shared_model
from support.small_golden import small_golden
from support.tflite_builder import ModelBuilder
from support.tiny import doubling, shifting

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
    report_from(run.to_dict(), "this run")


def test_rendered_hands_are_found_and_told_against_the_truth(run: ParityReport) -> None:
    entries = {entry.backend: entry for entry in run.accuracy}
    assert set(entries) == {"tflite", "torch", "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"}
    for entry in entries.values():
        assert (entry.hands, entry.found, entry.false) == (3, 3, 0)
        assert 0.01 < entry.joint_error < 0.15


def test_no_layer_diverges_and_each_has_three_names(run: ParityReport) -> None:
    for model in run.models:
        assert model.layers is not None
        assert model.layers.culprits and not any(model.layers.culprits.values())
        for row in model.layers.rows:
            assert row.tensor and row.module and row.mil


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


def test_too_little_is_no_parity() -> None:
    report = parity(shared_model("hand-recrop-2020-07"), noise=0)
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


def read_as(fields: dict[str, str]) -> Any:
    """`open_subject` with outputs in other roles."""
    from blazepalm.reports.subjects.open_subject import open_subject

    def opened(*args: Any, **settings: Any) -> Any:
        subject = open_subject(*args, **settings)
        return replace(subject, fields=tuple(fields.get(name, name) for name in subject.fields))

    return opened


def test_equally_blind_is_equal_and_useless(
    golden: GoldenSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapped = {"landmarks": "world_landmarks", "world_landmarks": "landmarks"}
    monkeypatch.setattr("blazepalm.reports.engine.plan.open_subject", read_as(swapped))
    report = parity("hand-lite", golden=golden, noise=2, coreml=False)
    assert report.exit_code == 1 and report.verdict == "equal, and useless"
    failed = [row for row in report.rows if row.judged and row.status == "fail"]
    assert {(row.stage, row.backend) for row in failed} == {("rendered truth", "tflite")}
    assert {"recall", "precision"} <= {row.metric for row in failed}
    assert report_from(report.to_dict(), "this run") == as_stored(report)
    assert report.models[0].useless
    assert "**Equal, and useless:** hand-lite-2022" in markdown(report)
    assert "equal, and useless: the file fails against the rendered truth" in junit(report)
    page = render(report, None)
    assert "Equal, and useless" in page and "the file against the rendered truth" in page


def test_the_truth_is_judged_and_without_pictures_said_to_be_unchecked(run: ParityReport) -> None:
    judged = [row for row in run.rows if row.judged and row.stage == "rendered truth"]
    assert {row.output for row in judged} == {"palms", "hands"}
    assert {row.mode for row in judged} == {"isolated", "cascade"}
    assert "not checked" not in markdown(run)
    blind = parity("palm-lite", noise=2, coreml=False)
    assert blind.passed and "truth was not checked" in markdown(blind)
    assert "truth was not checked" in junit(blind)


def adding(*shapes: tuple[int, ...]) -> bytes:
    """A file that adds its inputs (all but one of them of one element)."""
    model = ModelBuilder()
    inputs = [model.tensor(shape, name=f"in{i}") for i, shape in enumerate(shapes)]
    total = inputs[0]
    for one in inputs[1:]:
        found = model.tensor(shapes[0])
        model.operator("ADD", [total, one], [found], schema.AddOptionsT())
        total = found
    return model.build(inputs, [total])


@pytest.mark.parametrize("shapes", [[(1, 7), (1, 1)], [(1, 5, 3), (1, 1), (1, 1, 3)]])
def test_models_of_several_inputs(shapes: list[tuple[int, ...]], tmp_path: Path) -> None:
    path = tmp_path / "vectors.tflite"
    path.write_bytes(adding(*shapes))
    report = parity(path, noise=2)
    assert report.passed and report.models[0].inputs == 16
    assert {"tflite", "torch", "coreml-mil"} <= {b.name for b in report.models[0].backends}


@pytest.mark.parametrize("name", ["gr_canned_gesture_classifier", "gr_gesture_embedder"])
def test_the_gesture_models_get_a_verdict(name: str, golden: GoldenSet) -> None:
    report = parity(shared_file(f"{name}.tflite"), golden=golden, noise=2, layers=True)
    (model,) = report.models
    assert report.passed and model.inputs == 16
    assert model.layers is not None and len(model.layers.rows) > 2
    assert not any(model.layers.culprits.values())
    for backend in ("torch", "coreml-mil"):
        assert all(row.backends[backend].status == "pass" for row in model.layers.rows)


def test_a_model_that_fails_takes_no_other_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = tmp_path / "good.tflite", tmp_path / "bad.tflite"
    good.write_bytes(adding((1, 7), (1, 1)))
    bad.write_bytes(adding((1, 6), (1, 1)))

    def lost(self: LiteRT, opened: Any, images: np.ndarray) -> Any:
        if self.source.endswith("bad.tflite"):
            raise CouldNotVerify(f"{self.source}: LiteRT cannot run the model")
        return run(self, opened, images)

    run = LiteRT._run
    monkeypatch.setattr(LiteRT, "_run", lost)
    report = parity(good, bad, noise=2, coreml=False, keep_going=True)
    assert [model.name for model in report.models] == ["good"] and report.models[0].passed
    assert [failure.source for failure in report.failures] == [str(bad)]
    assert report.exit_code == 3 and report.verdict == "not everything could be compared"
    with pytest.raises(CouldNotVerify, match=r"bad\.tflite"):
        parity(good, bad, noise=2, coreml=False)


def test_an_integer_file_is_judged_by_what_it_loses() -> None:
    """Other people's int8 file of palm-full: ours is its float network to float32's rounding; the
    integers themselves move a box (0.772 IoU when run by hand).
    """
    path = shared_file("palm-full_0_full_integer_quant.tflite")
    report = parity(path, images=(str(ROOT / "docs" / "photo.jpg"),), noise=2, coreml=False)
    (model,) = report.models
    statuses = {backend.name: backend.status for backend in model.backends}
    assert statuses["torch"] == "pass"
    assert statuses["tflite-integer"] == "fail"
    assert report.exit_code == 1
    failed = [row for row in report.rows if row.judged and row.status == "fail"]
    assert {(row.backend, row.output, row.metric) for row in failed} == {
        ("tflite-integer", "boxes", "IoU")
    }
    assert any("computes in integers" in note for note in model.notes)


def test_without_images_an_integer_file_is_judged_by_its_float_network() -> None:
    """Noise holds no hands for the task to judge: what integers cost is shown, not judged."""
    path = shared_file("palm-full_0_full_integer_quant.tflite")
    report = parity(path, noise=2, coreml=False)
    (model,) = report.models
    assert report.exit_code == 0
    assert "tflite-integer" not in {backend.name for backend in model.backends}
    lost = [row for row in report.rows if (row.backend, row.reference) == ("integer", "oracle")]
    assert len(lost) == 2 and not any(row.judged for row in lost)
    assert all(row.value is not None and row.value > 1 for row in lost)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many Core ML packages were made, and of how many models the layers were compared."""
    found: Counter[str] = Counter()
    for place, name in ((coreml, "export"), (package_cache, "export"), (compare, "measure_layers")):
        original = getattr(place, name)

        def counted(*given: Any, name: str = name, original: Any = original) -> Any:
            found[name] += 1
            return original(*given)

        monkeypatch.setattr(place, name, counted)
    return found


def test_a_second_run_computes_nothing_and_says_so(tmp_path: Path, done: Counter[str]) -> None:
    model = tmp_path / "doubling.tflite"
    model.write_bytes(doubling())
    whole = parity(model, noise=3, layers=True)
    assert done == {"export": 1, "measure_layers": 1}
    first, again = (parity(model, noise=3, layers=True, cache=True) for _ in range(2))
    assert done == {"export": 2, "measure_layers": 2}, "the last run did neither"
    assert timeless(whole) == timeless(first) == timeless(again)
    found = [(run.timing.answers, run.timing.kept) for run in (whole, first, again)]
    count = found[0][0]
    assert count >= 3 * 5 and found == [(count, 0), (count, 0), (count, count)]
    assert f"{count} of {count} network outputs" in markdown(again)
    assert "from the cache" not in markdown(first)
    assert not any(again.timing.models[0].seconds.values())
    more = parity(model, noise=4, cache=True)
    assert (more.timing.answers, more.timing.kept) == (count * 4 // 3, count), "one input is new"


def test_an_altered_model_computes_only_its_own_parts(tmp_path: Path, done: Counter[str]) -> None:
    values = np.arange(60, dtype=np.float32).reshape(1, 4, 5, 3)
    models = [tmp_path / name for name in ("one.tflite", "other.tflite")]
    for number, model in enumerate(models):
        model.write_bytes(shifting(values + number))
    settings = {"noise": 2, "layers": True, "cache": True}
    first = parity(*models, **settings)
    assert done == {"export": 2, "measure_layers": 2}
    values[0, 0, 0, 0] = np.nextafter(np.float32(0), np.float32(1))
    models[0].write_bytes(shifting(values))
    again = parity(*models, **settings)
    assert done == {"export": 3, "measure_layers": 3}
    assert (first.timing.kept, again.timing.kept) == (0, first.timing.answers // 2)
    assert timeless(again) == timeless(parity(*models, **{**settings, "cache": False}))
