"""What the values of cases allow for a row of the task, against the meters that make both."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import (
    Scalars,
    SeenHand,
    compare_detections,
    compare_hands,
    compare_landmarks,
)
from blazepalm.reports.compare.matching import Ties
from blazepalm.reports.compare.rows import Key, Row, Scalar, ScalarMeter
from blazepalm.reports.compare.truth import truth_scalars
from blazepalm.reports.judge.judge_rows import scalar_row
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.totals import _case_value
from blazepalm.reports.stored.case_values import (
    HOW,
    SPREADS,
    Listed,
    allowed,
    contradictions,
    is_decided,
)


def measured() -> Scalars:
    """Every number of the task, of two hands that differ a little."""
    boxes, scores = np.array([[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]]), np.array([0.9, 0.8])
    found = compare_detections(
        (boxes, scores), (boxes + 0.01, scores), threshold=0.5, margin=0.01,
        pixels=(64.0, 64.0), ties=Ties(),
    ).scalars  # fmt: skip
    points = np.random.Generator(np.random.PCG64(1)).uniform(0, 1, (21, 3))
    hands = [SeenHand(points * 64, 0.9)]
    found |= compare_hands(hands, hands, thresholds={"presence": 0.5}, margin=0.01)
    one = {"landmarks": points, "presence": np.array(0.9), "handedness": np.array(0.8)}
    thresholds = {"presence": 0.5, "handedness": 0.5}
    found |= compare_landmarks(
        one, {**one, "landmarks": points + 0.01}, pixels=(64, 64), thresholds=thresholds,
        margin=0.01,
    )  # fmt: skip
    errors = {"hands": 2.0, "found": 2.0, "false": 1.0, "joint_error": 0.2, "joints_of": 2.0,
              "handedness_right": 1.0, "handedness_told": 2.0}  # fmt: skip
    return {**found, **truth_scalars(errors, "hands")}


def test_how_each_metric_adds_up() -> None:
    found = measured()
    assert {metric: scalar.how for (_, metric), scalar in found.items()} == {
        metric: HOW.get(metric, rows.MAX) for _, metric in found
    }
    assert {name for name, scalar in found.items() if scalar.best is not None} == set(SPREADS)
    assert set(HOW) <= {metric for _, metric in found}


def key(stage: str, output: str, metric: str) -> Key:
    return Key("m", stage, rows.CASCADE, output, "torch", "tflite", metric)


def added(name: Key, cases: list[list[Scalar]], hands: list[int]) -> tuple[Row, Listed]:
    """The row of these numbers, a list for each case, and what the report lists of them."""
    meter = ScalarMeter(cases[0][0])
    values = []
    for number, scalars in enumerate(cases):
        listed: dict[Key, float] = {}
        for scalar in scalars:
            meter.add(scalar, f"case-{number}")
            _case_value(listed, name, scalar)
        values.append(listed[name])
    return scalar_row(name, meter, LIMITS), Listed(values, hands, whole=True)


# name, how, the value of no difference; how many hands a case has
KINDS: dict[str, tuple[Key, str, float | None]] = {
    "sum": (key(rows.LANDMARKS, "presence", "flips"), rows.SUM, None),
    "most": (key(rows.LANDMARKS, "landmarks", "largest error"), rows.MAX, 0.0),
    "least": (key(rows.SUPPRESSED, "boxes", "IoU"), rows.MIN, 1.0),
    "mean": (key(rows.LANDMARKS, "landmarks", "mean error"), rows.MEAN, None),
    "recall": (key(rows.TRUTH, "hands", "recall"), rows.SHARE, None),
    "precision": (key(rows.TRUTH, "hands", "precision"), rows.SHARE, None),
}


def some(kind: str, several: bool) -> tuple[Row, Listed]:
    name, how, best = KINDS[kind]
    random = np.random.Generator(np.random.PCG64(5))
    cases, hands = [], []
    for _ in range(30):
        inputs = int(random.integers(1, 3)) if several else 1
        weights = [float(random.integers(1, 4)) if how == rows.SHARE else 1.0] * inputs
        cases.append(
            [
                Scalar(float(round(v) if how == rows.SUM else v), how, "", weight, best=best)
                for v, weight in zip(random.uniform(0.4, 0.9, inputs), weights, strict=True)
            ]
        )
        hands.append(int(weights[0]))
    return added(name, cases, hands)


# a picture's hands make one share, so a case never has several
ONE_OR_SEVERAL = [
    (kind, several)
    for kind, (_, how, _) in KINDS.items()
    for several in (False, True)
    if not several or how != rows.SHARE
]


@pytest.mark.parametrize(("kind", "several"), ONE_OR_SEVERAL)
def test_what_was_measured_contradicts_nothing(kind: str, several: bool) -> None:
    row, listed = some(kind, several)
    assert list(contradictions(row, listed)) == []
    decided = kind != "precision" and not (several and kind in ("mean", "most", "least"))
    assert is_decided(row, listed) is decided
    half = Listed(listed.values[::2], listed.hands[::2], whole=False)
    assert list(contradictions(row, half)) == []


EDITS: dict[str, dict[str, float]] = {
    "sum": {"value": -1.0},
    "most": {"value": -0.01, "median": -0.02, "p99": -0.02, "inputs": -15, "measured": 31},
    "least": {"value": 0.01, "median": 0.02, "p99": 0.02, "inputs": -1},
    "mean": {"value": -0.01},
    "recall": {"value": 0.01},
    "precision": {"value": 0.4},
}


@pytest.mark.parametrize(("kind", "field"), [(k, f) for k, fields in EDITS.items() for f in fields])
def test_a_number_that_the_cases_do_not_make(kind: str, field: str) -> None:
    row, listed = some(kind, several=False)
    by: Any = EDITS[kind][field]
    if field in ("value", "inputs"):
        row = replace(row, **{field: getattr(row, field) + by})
    else:
        assert row.spread is not None
        row = replace(
            row, spread=replace(row.spread, **{field: (getattr(row.spread, field) or 0) + by})
        )
    assert any(field in told for told in contradictions(row, listed))


def test_what_noise_allows_cannot_be_made_up() -> None:
    row, listed = some("most", several=False)
    assert row.spread is not None and row.spread.measured == 0
    row = replace(row, spread=replace(row.spread, beyond=None, beyond_case=None))
    assert list(contradictions(row, listed)) == ["beyond –, but no input was measured with noise"]


def test_a_mean_of_hands_that_share_a_picture() -> None:
    """Means of 1, 2 and 3: of four hands the unknown one has from 0 to 3."""
    row, _ = some("mean", several=False)
    listed = Listed([1.0, 2.0, 3.0], [1, 1, 1], whole=True)
    assert allowed(replace(row, inputs=3), listed) == (2.0, 2.0)
    assert allowed(replace(row, inputs=4), listed) == (1.5, 2.25)


def test_any_count_of_inputs_costs_the_same() -> None:
    row, listed = some("most", several=False)
    many = replace(row, inputs=10**15)
    assert list(contradictions(many, listed)) == [] and not is_decided(many, listed)
