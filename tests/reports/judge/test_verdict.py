"""The verdict on chosen numbers: what must pass passes, and every doubt fails."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.rows import MAX, MIN, Key, Row, Scalar
from blazepalm.reports.judge.judge import first_divergence
from blazepalm.reports.judge.judge_rows import judge_row
from blazepalm.reports.judge.policy import FEW, LIMITS, Limits
from blazepalm.reports.judge.task_limits import TASK_LIMITS
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.judge.verdict import _varies, judge_model, output_facts
from support.tiny import (
    OUTPUT,
    SHAPE,
    STEP,
    Answer,
    Outputs,
    chosen_subject,
    off_by,
    report_of,
    totals_of,
    truth,
)

FLOOR = 2 * STEP


def judged(inputs: int = 3, **answers: Answer) -> dict[tuple[str, str], Row]:
    """The rows of one model by (backend, reference)."""
    subject = chosen_subject(**answers)
    found = judge_model(totals_of(subject, inputs), subject, LIMITS)
    return {(row.backend, row.reference): row for row in found}


def test_the_floor_is_the_worse_of_both_kernel_sets() -> None:
    subject = chosen_subject()
    (facts,) = output_facts(totals_of(subject), subject)
    assert facts.floor == FLOOR and facts.floor_of["tflite"] == STEP
    assert facts.floor_of["tflite-ref"] == FLOOR and facts.floor_of["generic"] == STEP
    row = judged()["torch", "oracle"]
    assert (row.floor, row.limit) == (FLOOR, 10 * FLOOR)


def test_a_clean_run_passes_and_says_what_was_needed() -> None:
    row = judged()["torch", "oracle"]
    assert (row.status, row.reasons, row.judge) == ("pass", (), "floor")
    assert (row.value, row.multiple, row.inputs) == (STEP, 0.5, 3)


def test_ten_floors_pass_and_more_fail() -> None:
    same = {"generic": off_by(10 * FLOOR), "torch": off_by(10 * FLOOR)}
    assert judged(**same)["torch", "oracle"].status == "pass"
    row = judged(torch=off_by(10.25 * FLOOR))["torch", "oracle"]
    assert (row.status, row.multiple) == ("fail", 10.25)
    assert "the oracle" in row.reasons[0] and "10.2 × the floor" in row.reasons[0]


def test_the_distance_from_litert_counts_as_well() -> None:
    found = judged(tflite=off_by(-FLOOR), torch=off_by(9.5 * FLOOR))
    assert found["torch", "oracle"].status == "pass"
    row = found["torch", "tflite"]
    assert (row.status, row.multiple) == ("fail", 10.5) and "LiteRT" in row.reasons[0]


def test_the_floor_never_falls_below_half_a_float32_step() -> None:
    exact = dict.fromkeys(("tflite", "tflite_ref", "generic", "torch"), off_by(0.0))
    row = judged(**exact)["torch", "oracle"]
    assert row.difference is not None and row.difference.peak is not None
    half = float(np.spacing(np.float32(row.difference.peak))) / 2
    assert (row.floor, row.value, row.multiple, row.status) == (half, 0.0, 0.0, "pass")
    assert judged(**{**exact, "torch": off_by(2**-10)})["torch", "oracle"].status == "fail"


def test_an_oracle_that_means_another_graph_raises_no_floor() -> None:
    """All torch backends share an error, so they agree with the oracle; LiteRT does not."""

    def wrong(images: np.ndarray) -> Outputs:
        return {OUTPUT: truth(images)[OUTPUT] * 1.01}

    def wrong32(images: np.ndarray) -> Outputs:
        return {OUTPUT: wrong(images)[OUTPUT].astype(np.float32)}

    row = judged(oracle=wrong, generic=wrong32, torch=wrong32)["torch", "oracle"]
    assert row.multiple is not None and row.multiple < 10, "the plain rule would let it pass"
    assert row.status == "fail" and any("same graph" in reason for reason in row.reasons)


def test_the_readable_module_tells_what_float32_costs_where_the_generic_one_did_not_run() -> None:
    """The generic module skips most pictures: here, all on which float32 costs more."""
    far = {"tflite": off_by(128 * STEP), "tflite_ref": off_by(128 * STEP)}
    row = judged(**far)["torch", "oracle"]
    assert row.status == "fail" and any("same graph" in reason for reason in row.reasons)
    found = judged(**far, torch=off_by(2 * STEP))
    assert found["torch", "oracle"].status == "pass"
    assert found["torch", "generic"].status == "fail", "with other bits it is no witness"


def change(function: Callable[[np.ndarray], np.ndarray]) -> Answer:
    return lambda images: {OUTPUT: function(off_by(STEP)(images)[OUTPUT])}


def with_value(value: float) -> Answer:
    def put(values: np.ndarray) -> np.ndarray:
        values[0, 1, 1, 1] = value
        return values

    return change(put)


DOUBTS: dict[str, tuple[Answer, str]] = {
    "no outputs": (lambda images: {}, "no such output"),
    "another output": (lambda images: {"other": truth(images)[OUTPUT]}, "no such output"),
    "axes swapped": (change(lambda v: v.transpose(0, 2, 1, 3)), "shape"),
    "flattened": (change(lambda v: v.reshape(1, -1)), "shape"),
    "one value": (change(lambda v: v[0, 0, 0, 0]), "shape"),
    "NaN": (with_value(np.nan), "NaN or infinite"),
    "infinity": (with_value(-np.inf), "NaN or infinite"),
    "all NaN": (change(lambda v: v * np.float32(np.nan)), "nothing was compared"),
    "float64": (change(lambda v: v.astype(np.float64)), "dtypes"),
    "integers": (change(lambda v: v.astype(np.int64)), "dtypes"),
    "text": (change(lambda v: v.astype(str)), "not real numbers"),
    "constant": (change(lambda v: np.full_like(v, 8.5)), "the same values"),
    "zeros": (change(np.zeros_like), "nothing but zeros"),
}

CASES = [
    (fault, backend)
    for fault in DOUBTS
    for backend in ("torch", "tflite", "tflite_ref", "oracle")
    if fault not in ("float64", "integers") or backend in ("torch", "tflite")
]


@pytest.mark.parametrize(("fault", "backend"), CASES)
def test_every_doubt_fails_whoever_causes_it(fault: str, backend: str) -> None:
    answer, reason = DOUBTS[fault]
    report = report_of(chosen_subject(**{backend: answer}))
    assert not report.passed and report.exit_code == 1
    reasons = [reason for row in report.rows if row.judged for reason in row.reasons]
    assert any(reason in r for r in reasons), reasons


def test_a_floor_of_nothing_is_none() -> None:
    """LiteRT's reference kernels are compared only with the oracle, but their missing outputs still
    count.
    """
    report = report_of(chosen_subject(tflite_ref=lambda images: {}))
    (row,) = (r for r in report.rows if (r.backend, r.reference) == ("torch", "oracle"))
    assert row.status == "fail" and row.reasons == ("the candidate has no such output",)


def test_a_constant_model_does_not_pass_even_if_all_agree() -> None:
    fixed = truth(np.ones(SHAPE))
    fixed32 = {name: values.astype(np.float32) for name, values in fixed.items()}
    answers: dict[str, Answer] = dict.fromkeys(
        ("tflite", "tflite_ref", "generic", "torch"), lambda _: fixed32
    )
    report = report_of(chosen_subject(oracle=lambda _: fixed, **answers))
    assert not report.passed and report.exit_code == 1
    assert any("the same values for every input" in r for row in report.rows for r in row.reasons)


def test_an_app_varies_if_the_network_of_its_package_does() -> None:
    """The raw face in the same runtime says it, else blazepalm's executor on the same package."""

    def meter(constant: bool) -> Any:
        return SimpleNamespace(result=lambda: SimpleNamespace(constant=constant))

    ranges = {("m", rows.RAW, "coreml-mil-fp16", "boxes"): meter(False)}
    totals: Any = SimpleNamespace(ranges=ranges)
    assert _varies(totals, "m", "coreai-mil-app") and _varies(totals, "m", "coreml-mil-app")
    assert not _varies(totals, "m", "coreai-mil-app-fp32")
    ranges["m", rows.RAW, "coreai-mil-fp16", "boxes"] = meter(True)
    assert not _varies(totals, "m", "coreai-mil-app")


def test_one_input_shows_too_little() -> None:
    report = report_of(chosen_subject(), inputs=1)
    assert not report.passed
    assert any("with 1 input; give more" in r for row in report.rows for r in row.reasons)


def test_no_input_is_not_verified() -> None:
    report = report_of(chosen_subject(), inputs=0)
    assert (report.passed, report.exit_code, report.rows) == (False, 3, ())
    assert report.models[0].coverage[0] == 0
    assert any(backend.status == "not_run" for backend in report.models[0].backends)


def test_bitwise_equality_is_of_bits() -> None:
    def minus_zero(images: np.ndarray) -> Outputs:
        values = off_by(STEP)(images)
        values[OUTPUT][0, 0, 0, 1] = -0.0
        return values

    def zero(images: np.ndarray) -> Outputs:
        return {OUTPUT: minus_zero(images)[OUTPUT] + np.float32(0)}

    row = judged(torch=minus_zero, generic=zero)["torch", "generic"]
    assert (row.judge, row.status, row.value, row.limit) == ("bits", "fail", 3.0, 0.0)
    assert row.reasons == ("3 of 180 values differ in their bits",)
    assert judged(torch=minus_zero, generic=minus_zero)["torch", "generic"].status == "pass"


def task_row(key: tuple[str, str, str], value: float) -> Row:
    stage, output, metric = key
    subject, totals = chosen_subject(), Totals(LIMITS)
    where = Key(subject.name, stage, rows.ISOLATED, output, "coreml-mil-fp16", "tflite", metric)
    how = MIN if metric == "IoU" else MAX
    record = Record("case", "0" * 64, "own", 4, 4, entries=[(where, "c", Scalar(value, how, ""))])
    totals.add([record])
    (row,) = judge_model(totals, subject, LIMITS)
    return row


@pytest.mark.parametrize("key", TASK_LIMITS)
def test_the_limits_of_the_task(key: tuple[str, str, str]) -> None:
    limit = TASK_LIMITS[key](LIMITS)
    worse = limit - 1e-6 if key[2] == "IoU" else limit + 1e-6
    at, beyond, lost = (task_row(key, value) for value in (limit, worse, math.nan))
    assert (at.status, at.judge, at.limit) == ("pass", "task", limit)
    assert beyond.status == "fail" and "(case c)" in beyond.reasons[0]
    assert lost.status == "fail"


def test_the_limits_are_those_of_the_issue() -> None:
    assert Limits() == Limits(
        float32_multiple=10,
        floor_multiple=100,
        iou=0.99,
        landmarks_mean_px=0.15,
        landmarks_max_px=0.5,
        presence=0.01,
        handedness=0.01,
        margin=0.02,
    )
    assert [limit(LIMITS) for key, limit in TASK_LIMITS.items() if key[2] in ("flips", "unmatched")]
    assert not any(TASK_LIMITS[k](LIMITS) for k in TASK_LIMITS if k[2] in ("flips", "unmatched"))


def test_other_limits_judge_the_same_numbers_again() -> None:
    row = judged()["torch", "oracle"]
    tight = judge_row(row, replace(LIMITS, float32_multiple=0.1))
    assert (row.status, tight.status) == ("pass", "fail") and tight.value == row.value
    assert "the limit is 0.1 ×" in tight.reasons[0]


@pytest.mark.parametrize(("elements", "few"), [(FEW - 1, True), (FEW, False)])
def test_a_floor_of_few_numbers_fails_and_says_so(elements: int, few: bool) -> None:
    row = judged()["torch", "oracle"]
    assert row.difference is not None
    row = replace(row, difference=replace(row.difference, elements=elements))
    tight = judge_row(row, replace(LIMITS, float32_multiple=0.1))
    assert tight.status == "fail"
    assert ("give more inputs" in tight.reasons[0]) is few


def test_the_first_stage_that_fails_alone_is_named() -> None:
    row = judged()["torch", "oracle"]
    late = replace(row, stage=rows.SUPPRESSED, mode=rows.ISOLATED)
    cascade = replace(row, stage=rows.LETTERBOX, mode=rows.CASCADE)
    assert first_divergence([cascade, late, replace(late, stage=rows.REGION)]) == rows.SUPPRESSED
    assert first_divergence([cascade]) == rows.LETTERBOX
    assert first_divergence([]) is None
