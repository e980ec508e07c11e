"""Totals over cases: sums, the worst cases if not all can be listed, errors against the truth."""

import math

import pytest
from msgspec.structs import replace

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import ListedHand, ListedTruth
from blazepalm.reports.compare.record import Measurement, Record
from blazepalm.reports.compare.rows import MAX, MEAN, MIN, SUM, Key, Scalar
from blazepalm.reports.compare.tensors import TensorDifference
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.totals import Totals, accuracy_entries

RAW = Key("m", rows.RAW, rows.ISOLATED, "boxes", "torch", "tflite")
BITS = Key("m", rows.RAW, rows.ISOLATED, "boxes", "torch", "generic")
IOU = Key("m", rows.SUPPRESSED, rows.CASCADE, "boxes", "torch", "tflite", "IoU")


def scalar(how: str) -> Key:
    return Key("m", rows.LANDMARKS, rows.ISOLATED, "x", "torch", "tflite", how)


def record(name: str, *entries: tuple[Key, Measurement]) -> Record:
    return Record(name, "0" * 64, "own", 4, 3, entries=[(k, name, share) for k, share in entries])


def test_scalars_add_up_as_they_say() -> None:
    totals = Totals(LIMITS)
    for name, value, weight in (("a", 2.0, 1.0), ("b", 5.0, 3.0)):
        shares = [(scalar(how), Scalar(value, how, "px")) for how in (MAX, MIN, SUM)]
        shares.append((scalar(MEAN), Scalar(value, MEAN, "px", weight)))
        totals.add([record(name, *shares)])
    found = {how: totals.scalars[scalar(how)] for how in (MAX, MIN, SUM, MEAN)}
    assert {how: f.value for how, f in found.items()} == {MAX: 5, MIN: 2, SUM: 7, MEAN: 4.25}
    assert (found[MAX].worst_case, found[MIN].worst_case, found[MAX].inputs) == ("b", "a", 2)


@pytest.mark.parametrize("how", [MAX, MIN, SUM, MEAN])
def test_nan_is_never_forgotten(how: str) -> None:
    totals = Totals(LIMITS)
    for name, value in (("a", 1.0), ("b", math.nan), ("c", 2.0)):
        totals.add([record(name, (scalar(how), Scalar(value, how, "")))])
    found = totals.scalars[scalar(how)]
    assert math.isnan(found.value)
    if how in (MAX, MIN):
        assert found.worst_case == "b"


def test_a_case_has_its_own_values() -> None:
    """For two hands of an image, the worse value or the sum; unequal bits are counted."""
    totals = Totals(LIMITS)
    first, second = (
        TensorDifference(4, max_abs=0.5, unequal=1),
        TensorDifference(4, max_abs=0.25, unequal=2),
    )
    totals.add(
        [
            record("a", (RAW, first), (BITS, first), (IOU, Scalar(0.99, MIN, ""))),
            record("a", (RAW, second), (BITS, second), (IOU, Scalar(0.995, MIN, ""))),
        ]
    )
    totals.add([record("b", (RAW, TensorDifference(problem="no such output")))])
    (a, b) = totals.cases
    assert a.values == {RAW: 0.5, BITS: 3.0, IOU: 0.99} and b.values == {}
    assert totals.cases_total == 2


@pytest.mark.parametrize(
    ("entry", "worst"),
    [
        ((RAW, TensorDifference(4, max_abs=0.5, peak=1.0)), False),
        ((RAW, TensorDifference(4, max_abs=3.0, peak=1.0)), True),
        ((RAW, TensorDifference(problem="another shape")), True),
        ((RAW, TensorDifference(4, max_abs=0.0, peak=1.0, nonfinite_candidate=1)), True),
        ((IOU, Scalar(0.5, MIN, "")), True),
        ((IOU, Scalar(math.nan, MIN, "")), True),
        ((IOU, Scalar(0.999, MIN, "")), False),
    ],
)
def test_the_worst_cases_are_listed_where_not_all_can_be(
    entry: tuple[Key, Measurement], worst: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blazepalm.reports.judge.totals.MAX_CASES", 3)
    totals = Totals(LIMITS)
    for number in range(9):
        own = (
            entry
            if number == 6
            else (RAW, TensorDifference(4, max_abs=1.0 + number / 10, peak=1.0))
        )
        totals.add([record(str(number), own)])
    names = [case.name for case in totals.cases]
    assert len(names) == 3 and names == sorted(names), "in the order in which they came"
    assert ("6" in names) is worst and "8" in names and totals.cases_total == 9


@pytest.mark.parametrize(("iou", "worst"), [(0.99, False), (0.9995, True)])
def test_the_limits_of_the_run_say_which_cases_are_worst(
    iou: float, worst: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blazepalm.reports.judge.totals.MAX_CASES", 1)
    totals = Totals(replace(LIMITS, iou=iou))
    totals.add([record("a", (IOU, Scalar(0.999, MIN, "")))])
    totals.add([record("b", (RAW, TensorDifference(4, max_abs=9.0, peak=1.0)))])
    assert [case.name for case in totals.cases] == (["a"] if worst else ["b"])


def test_a_case_that_is_listed_keeps_no_array_and_no_sketch() -> None:
    totals = Totals(LIMITS)
    totals.add([record("a", (RAW, TensorDifference(4, max_abs=0.5, counts=b"\1\0\0\0")))])
    assert not hasattr(totals.cases[0], "record") and not hasattr(totals.cases[0], "entries")


def test_rates_against_the_truth() -> None:
    points, box = tuple((10.0 * i, 5.0 * i) for i in range(21)), (0.0, 0.0, 200.0, 100.0)
    truth = (ListedTruth(box, points, "left"),)
    hand = ListedHand(box, 1.0, tuple((*point, 0.0) for point in points), 1.0, 0.9)
    totals = Totals(LIMITS)
    for name, known, found in (("a", truth, (hand,)), ("b", truth, ()), ("c", (), (hand,))):
        one = record(name)
        one.truth, one.hands = known, {"p + h": {"torch": found}}
        totals.add([one])
    unknown = record("d")
    unknown.hands = {"p + h": {"torch": (hand,)}}
    totals.add([unknown])
    (entry,) = accuracy_entries(totals)
    assert (entry.images, entry.hands, entry.found, entry.false) == (3, 2, 1, 1)
    assert (entry.recall, entry.precision, entry.joint_error) == (0.5, 0.5, 0.0)
    assert entry.handedness_accuracy == 0.0
    empty = Totals(LIMITS)
    none = record("a")
    none.truth, none.hands = (), {"p + h": {"torch": ()}}
    empty.add([none])
    (entry,) = accuracy_entries(empty)
    assert (entry.recall, entry.precision, entry.joint_error) == (None, None, None)
