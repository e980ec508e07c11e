"""Judging a stored report reproduces it word for word, and no looser limit fails a passing row."""

import json
import math
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from blazepalm.reports.compare.meters import DifferenceMeter
from blazepalm.reports.compare.rows import (
    BY_TASK,
    FAIL,
    LANDMARKS,
    NOT_RUN,
    PASS,
    RAW,
    SUPPRESSED,
    Row,
)
from blazepalm.reports.compare.spread import Spread
from blazepalm.reports.compare.tensors import compare
from blazepalm.reports.device.join import with_device
from blazepalm.reports.judge.judge import (
    exit_code,
    judge_backend,
    litert_bits,
    model_holds,
)
from blazepalm.reports.judge.judge_rows import judge_row, unjudged
from blazepalm.reports.judge.policy import FEW, LIMITS, Limits
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.task_limits import TASK_LIMITS
from blazepalm.reports.parity import parity
from blazepalm.reports.stored.recheck import MEASURED_BY, recheck
from support import report_samples
from support.report_samples import typed
from support.small_golden import small_golden
from support.tiny import STEP, chosen_subject, doubling, off_by, report_of
from tests.reports.device.test_join import report_of_the_devices_models
from tests.reports.device.test_rows import FIXTURES, altered, brought
from tests.reports.stored.test_recheck import row

Report = dict[str, Any]
CHANGEABLE = [name for name in Limits.__struct_fields__ if name not in MEASURED_BY]


def stored(values: Report) -> ParityReport:
    """The report as read back from a file."""
    return typed(json.loads(json.dumps(values, allow_nan=False)))


def with_failures(values: Report) -> None:
    values["failures"] = [
        {"stage": "load", "model": "tiny-palm", "units": "all", "message": "no such unit"}
    ]


def cut_off(values: Report) -> None:
    values["status"] = "partial"
    lost = ("tiny-palm", "two", "all")
    values["parity"] = [
        row for row in values["parity"] if (row["model"], row["case"], row["units"]) != lost
    ]


@cache
def reports() -> dict[str, ParityReport]:
    """Reports of every kind, made by the same code as real ones."""
    nan = {"torch": lambda images: {"double": np.full((1, 4, 5, 3), np.nan, np.float32)}}
    found = {
        "float32": report_of(chosen_subject()),
        "failing": report_of(chosen_subject(torch=off_by(100 * STEP), generic=off_by(100 * STEP))),
        "other bits": report_of(chosen_subject(torch=off_by(2 * STEP))),
        "NaN": report_of(chosen_subject(**nan)),
        "no output": report_of(chosen_subject(torch=lambda images: {})),
        "one input": report_of(chosen_subject(), inputs=1),
        "tight": report_of(chosen_subject(), limits=replace(LIMITS, float32_multiple=0.1)),
        "nothing": parity(),
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        for kind, change, units in (
            ("device", None, ("cpuOnly", "all")),
            ("device cut off", cut_off, ("cpuOnly", "all")),
            ("device partly run", with_failures, ("cpuOnly",)),
        ):
            _, out = brought(folder / kind, units=units)
            if change is not None:
                altered(out, change)
            found[kind] = with_device(report_of_the_devices_models(out), out, FIXTURES)
        far = folder / "far"
        _, out = brought(far, lambda m, o, v: v + np.float32(0.3) if o == "landmarks" else v)
        found["device far away"] = with_device(report_of_the_devices_models(out), out, FIXTURES)
        tiny = folder / "tiny.tflite"
        tiny.write_bytes(doubling())
        found["nothing fed"] = parity(tiny, noise=0, coreml=False)
    return {
        **{kind: stored(report.to_dict()) for kind, report in found.items()},
        "passing sample": stored(report_samples.passing()),
        "failing sample": stored(report_samples.failing()),
    }


def same(report: ParityReport) -> None:
    found = recheck(report, report.limits)
    assert found.altered == () and found.changed == ()
    for before, now in zip(report.rows, found.report.rows, strict=True):
        assert before == now
    assert found.report == report


def test_every_report_comes_out_again_word_for_word() -> None:
    kinds = reports()
    assert {report.passed for report in kinds.values()} == {True, False}
    for report in kinds.values():
        same(report)
    rows = [row for report in kinds.values() for row in report.rows]
    assert {row.status for row in rows} == {PASS, FAIL, NOT_RUN}
    partly = kinds["device partly run"].models
    assert any(backend.status == NOT_RUN for model in partly for backend in model.backends)


@pytest.mark.parametrize("compress", [None, "palettize8"])
def test_whole_runs_come_out_again(compress: str | None, tmp_path: Path) -> None:
    """Packages, compressed or not; kernels that skip some pictures; their raw outputs."""
    from blazepalm.reports.stored.recheck_raw import recheck_raw

    golden = small_golden(tmp_path)
    run = parity(
        "hand-lite", golden=golden, noise=2, compress=compress, reference_every=2, folder=tmp_path
    )
    report = stored(run.to_dict())
    same(report)
    inputs = {r.backend: r.inputs for r in report.rows if r.stage == "raw outputs"}
    assert inputs["tflite-ref"] < inputs["tflite"], "some were spared"
    checked = recheck_raw(report, tmp_path / "raw")
    assert checked.passed and checked.totals > 20 and not checked.missing


LEAST = ("iou", "truth_recall", "truth_precision", "truth_handedness")


def loosened(limits: Limits, factors: dict[str, float]) -> Limits:
    """Each limit loosened by a factor of 1 or more; limits of what is at least are lowered."""
    given = {n: getattr(limits, n) * (1 / f if n in LEAST else f) for n, f in factors.items()}
    return replace(limits, **given)


factors = st.fixed_dictionaries({name: st.floats(1.0, 1e4) | st.just(1.0) for name in CHANGEABLE})


@settings(max_examples=25, deadline=None)
@given(factors)
def test_looser_limits_condemn_nothing_and_tighter_ones_heal_nothing(
    given: dict[str, float],
) -> None:
    for kind, report in reports().items():
        own = report.limits
        loose = recheck(report, loosened(own, given))
        tight = recheck(report, loosened(own, {name: 1 / f for name, f in given.items()}))
        assert loose.altered == tight.altered == ()
        assert loose.passed >= report.passed >= tight.passed, kind
        for before, _ in loose.changed:
            assert before.status == FAIL, kind
        for before, _ in tight.changed:
            assert before.status == PASS, kind


def test_a_device_that_did_not_run_fails_nothing_by_any_limits() -> None:
    report = reports()["device partly run"]
    found = recheck(report, replace(LIMITS, iou=0.5, presence=0.5))
    assert found.report.models == report.models
    hand = next(model for model in report.models if model.name == "tiny-hand")
    assert hand.passed and hand.backends[-1].status == NOT_RUN


def test_reasons_beside_the_limit() -> None:
    tight, loose = replace(LIMITS, float32_multiple=2.0), replace(LIMITS, float32_multiple=50.0)
    nan = row(reasons=("1 values of torch are NaN or infinite",))
    assert judge_row(row(), tight).status == FAIL
    assert judge_row(nan, loose).status == FAIL, "for a reason that no limit heals"
    assert len(judge_row(nan, tight).reasons) == 2
    for limits in (tight, LIMITS, loose):
        for bare in (row(), nan, row(value=20.0), row(value=None), row(value=math.nan)):
            judged = judge_row(bare, limits)
            assert unjudged(judged, limits).reasons == bare.reasons
            assert judge_row(unjudged(judged, limits), limits) == judged
    absent = row(value=None, reasons=("nothing was compared",))
    assert judge_row(absent, loose) == replace(absent, limit=50.0, status=FAIL)
    assert judge_row(row(floor=None), loose).status == FAIL


@pytest.mark.parametrize("key", TASK_LIMITS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_number_of_the_task_that_is_none_is_worded_as_a_file_holds_it(
    key: tuple[str, str, str], value: float | None
) -> None:
    stage, output, metric = key
    given = row(
        judge=BY_TASK, stage=stage, output=output, metric=metric, value=value, floor=None,
        multiple=None,
    )  # fmt: skip
    judged = judge_row(given, LIMITS)
    assert judged.status == FAIL and "not a finite number; at" in judged.reasons[0]


def spread(**given: Any) -> Spread:
    known: dict[str, Any] = {
        "median": 0.1, "p99": 0.3, "sensitivity": None, "measured": 0, "beyond": 0.4,
        "beyond_case": "b",
    }  # fmt: skip
    return Spread(**{**known, **given})


@pytest.mark.parametrize(
    ("value", "given", "said"),
    [
        (0.4, {}, []),
        (0.7, {}, ["0.7 px; at most 0.5 passes (case a)"]),
        (0.7, {"sensitivity": 0.9, "measured": 1}, []),
        (0.7, {"sensitivity": 0.9, "measured": 1, "beyond": None, "beyond_case": None}, []),
        (0.7, {"sensitivity": 0.9, "measured": 1, "beyond": 0.6},
         ["0.6 px; at most 0.5, or what half a grey level of noise does to float32 there, passes "
          "(case b)"]),
        (0.7, {"sensitivity": 0.9, "measured": 1, "beyond": None},
         ["not a finite number; at most 0.5, or"]),
        (0.9, {"sensitivity": 2.0, "measured": 9, "beyond": None, "beyond_case": None, "p99": 1.1,
               "median": 0.26},
         ["p99 of 40 inputs: 1.1 px; at most 1 passes",
          "median of 40 inputs: 0.26 px; at most 0.25 passes"]),
    ],
)  # fmt: skip
def test_the_worst_by_its_sensitivity_and_most_by_fixed_limits(
    value: float, given: dict[str, Any], said: list[str]
) -> None:
    bare = row(
        judge=BY_TASK, stage=LANDMARKS, output="landmarks", metric="largest error", unit="px",
        value=value, floor=None, multiple=None, inputs=40, worst_case="a", spread=spread(**given),
    )  # fmt: skip
    judged = judge_row(bare, LIMITS)
    assert judged.limit == 0.5 and (judged.status == PASS) == (not said)
    assert len(judged.reasons) == len(said)
    assert all(words in reason for words, reason in zip(said, judged.reasons, strict=True))
    assert unjudged(judged, LIMITS) == replace(bare, limit=0.5, status=judged.status)
    strict, loose = (replace(LIMITS, landmarks_max_px=px) for px in (0.01, 100.0))
    assert judge_row(bare, strict).status == FAIL
    assert judge_row(bare, loose).status == PASS


def test_half_of_few_inputs_is_not_judged() -> None:
    few = row(
        judge=BY_TASK, stage=LANDMARKS, output="landmarks", metric="largest error", unit="px",
        value=0.4, floor=None, multiple=None, inputs=FEW - 1, spread=spread(median=0.4, p99=None),
    )  # fmt: skip
    assert judge_row(few, LIMITS).status == PASS
    assert judge_row(replace(few, inputs=FEW), LIMITS).status == FAIL


def test_limits_of_overlap_widen_downwards() -> None:
    iou = row(
        judge=BY_TASK, stage=SUPPRESSED, output="boxes", metric="IoU", value=0.97, floor=None,
        multiple=None, inputs=40,
        spread=spread(median=0.999, p99=0.981, sensitivity=0.96, measured=1, beyond=0.995),
    )  # fmt: skip
    assert judge_row(iou, LIMITS).status == PASS
    assert iou.spread is not None
    worse = replace(iou, spread=replace(iou.spread, p99=0.979, median=0.994))
    assert [reason.split("; ")[1] for reason in judge_row(worse, LIMITS).reasons] == [
        "at least 0.98 passes",
        "at least 0.995 passes",
    ]


def test_what_rows_come_to() -> None:
    def of(*statuses: str, **given: Any) -> list[Row]:
        return [row(status=status, **given) for status in statuses]

    assert judge_backend("floor", of(PASS, PASS)).status == PASS
    assert judge_backend("floor", of(PASS, FAIL)).status == FAIL
    assert judge_backend("floor", of(PASS, judge="none")).status == NOT_RUN
    assert judge_backend("reference", []).status == PASS, "it is what others are compared with"
    assert judge_backend("task", of(PASS, judge=BY_TASK)).status == NOT_RUN, "it saw no hand"
    assert model_holds(of(PASS), [("torch", PASS), ("device:x:all", NOT_RUN)])
    assert not model_holds(of(PASS), [("torch", NOT_RUN)])
    assert not model_holds(of(NOT_RUN), []) and not model_holds([], [])
    assert not model_holds(of(PASS, FAIL), []) and model_holds(of(PASS, NOT_RUN), [])


def test_litert_s_bits_are_counted_over_outputs_and_inputs() -> None:
    """Three inputs of two outputs: one output is equal on all of them, one on the first only."""
    one, other = np.ones(2, np.float32), np.full(2, 2, np.float32)

    def compared(*candidates: np.ndarray, **given: Any) -> Row:
        meter = DifferenceMeter()
        for number, candidate in enumerate(candidates):
            meter.add(compare(one, candidate), f"case {number}")
        return row(difference=meter.result(), stage=RAW, **given)

    raw = [
        compared(one, one, one, reference="tflite"),
        compared(one, other, other, reference="tflite"),
        compared(one, one, one, reference="generic"),
    ]
    assert litert_bits("floor", raw) == (4, 6)
    assert litert_bits("task", raw) is litert_bits("floor", raw[2:]) is None


@pytest.mark.parametrize(
    ("models", "failed", "tested", "failures", "code"),
    [
        ([True], False, True, [], 0), ([True], False, True, [3], 3), ([], False, True, [], 1),
        ([False], False, True, [], 3), ([False, True], True, True, [], 1),
        ([True], False, False, [], 1), ([False], True, True, [2], 2), ([], False, True, [2], 2),
    ],
)  # fmt: skip
def test_exit_codes(
    models: list[bool], failed: bool, tested: bool, failures: list[int], code: int
) -> None:
    assert exit_code(models, failed, tested, failures) == code


def test_the_meter_and_the_judge_agree_on_what_is_worthless() -> None:
    """A tensor of NaN, a missing one and one of a different dtype give the expected doubts."""
    meter = DifferenceMeter()
    meter.add(compare(np.ones(4, np.float32), np.full(4, np.nan, np.float32)), "a")
    judged = unjudged(row(difference=meter.result(), value=None, reference="tflite"), LIMITS)
    assert judged.reasons == ("nothing was compared", "4 values of torch are NaN or infinite")
