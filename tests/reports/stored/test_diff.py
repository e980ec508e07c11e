"""Comparing two reports finds every kind of change, planted one at a time."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from blazepalm.reports.stored.diff import (
    APPEARED,
    BETTER,
    STATUS,
    VALUE,
    VANISHED,
    WORSE,
    FactChange,
    ReportDiff,
    diff,
)
from support import report_samples

Report = dict[str, Any]


@pytest.fixture(scope="module")
def passing() -> Report:
    return report_samples.passing()


def changed(report: Report, change: Callable[[Report], Any], **options: Any) -> ReportDiff:
    other = copy.deepcopy(report)
    change(other)
    return diff(report, other, **options)


def judged(report: Report) -> Report:
    """The first judged row with a value above 0."""
    return next(r for r in report["rows"] if r["judge"] == "floor" and r["value"])  # type: ignore[no-any-return]


def test_the_same_report(passing: Report) -> None:
    found = diff(passing, copy.deepcopy(passing))
    assert not found.worse and found.facts == () and found.rows == ()
    assert found.same == len(passing["rows"]) > 100


def test_a_new_failure(passing: Report) -> None:
    found = changed(passing, lambda r: judged(r).update(status="fail"))
    (row,) = found.rows
    assert row.kind == WORSE and found.worse and found.same == len(passing["rows"]) - 1
    assert row.key.backend == judged(passing)["backend"] and row.factor == 1.0


def test_what_failed_before_is_no_news(passing: Report) -> None:
    failing = copy.deepcopy(passing)
    judged(failing).update(status="fail")
    failing["models"][0]["passed"] = False
    assert not diff(failing, copy.deepcopy(failing)).worse
    found = diff(failing, passing)
    assert [row.kind for row in found.rows] == [BETTER] and not found.worse


def test_a_row_that_nobody_judges_cannot_fail(passing: Report) -> None:
    def change(report: Report) -> None:
        row = next(r for r in report["rows"] if r["judge"] == "none")
        row["status"] = "fail"

    found = changed(passing, change)
    assert [row.kind for row in found.rows] == [STATUS] and not found.worse


def test_appeared_and_vanished(passing: Report) -> None:
    found = changed(passing, lambda r: judged(r).update(output="another"))
    assert [row.kind for row in found.rows] == [VANISHED, APPEARED] and not found.worse
    failing = changed(passing, lambda r: judged(r).update(output="another", status="fail"))
    assert [row.kind for row in failing.rows] == [WORSE, VANISHED] and failing.worse


@pytest.mark.parametrize(("times", "factor", "listed"), [
    (1.9, 2.0, False), (2.1, 2.0, True), (0.55, 2.0, False), (0.45, 2.0, True),
    (2.1, 3.0, False), (0.0, 2.0, True),
])  # fmt: skip
def test_values_beyond_a_factor(passing: Report, times: float, factor: float, listed: bool) -> None:
    value = judged(passing)["value"]
    found = changed(passing, lambda r: judged(r).update(value=value * times), factor=factor)
    assert [row.kind for row in found.rows] == [VALUE] * listed and not found.worse
    if listed:
        assert found.rows[0].factor == pytest.approx(times)


def test_from_nothing_to_something(passing: Report) -> None:
    zero = copy.deepcopy(passing)
    judged(zero)["value"] = 0.0
    (row,) = diff(zero, passing).rows
    assert (row.kind, row.factor) == (VALUE, None)
    none = copy.deepcopy(passing)
    judged(none)["value"] = None
    (row,) = diff(passing, none).rows
    assert (row.kind, row.factor) == (VALUE, None)


def test_rows_of_the_same_name_do_not_hide_each_other(passing: Report) -> None:
    def change(report: Report) -> None:
        report["rows"].append({**judged(report), "status": "fail"})

    found = changed(passing, change)
    assert [row.kind for row in found.rows] == [WORSE]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["models"][1].update(passed=False), "palm-full-2023-09 fails"),
        (lambda r: r["models"].append({**r["models"][0], "name": "n", "passed": False}), "n fails"),
        (
            lambda r: r["failures"].append({"source": "x", "message": "x is no model"}),
            "x: x is no model",
        ),
        (lambda r: r["self_test"].update(passed=False), "the self-test fails"),
        (lambda r: r.update(models=[]), "nothing was compared"),
    ],
)
def test_verdicts(passing: Report, change: Callable[[Report], Any], said: str) -> None:
    found = changed(passing, change)
    assert found.verdicts == (said,) and found.worse
    assert found.to_dict()["verdicts"] == [said]


def test_what_they_were_made_with(passing: Report) -> None:
    def change(report: Report) -> None:
        report["tools"]["torch"] = "2.14.0"
        report["machine"]["processors"] = 8
        report["machine"]["gpu"] = "none"
        report["models"][0]["sha256"] = "0" * 64
        report["models"][3]["name"] = "hand-full-2027"
        backend = next(b for b in report["models"][1]["backends"] if b["name"] == "coreml-mil")
        backend["artifact_sha256"] = "d5" * 32

    sha = passing["models"][0]["sha256"]
    found = changed(passing, change)
    assert not found.worse
    assert found.facts == (
        FactChange("machine: processors", "2", "8"),
        FactChange("machine: gpu", None, "none"),
        FactChange("tools: torch", "2.13.0", "2.14.0"),
        FactChange("palm-lite-2021-11: SHA-256", sha, "0" * 64),
        FactChange("palm-full-2023-09: coreml-mil SHA-256", "c4" * 32, "d5" * 32),
        FactChange("hand-full-2022", "compared", "not compared"),
        FactChange("hand-full-2027", "not compared", "compared"),
    )


def test_worst_first(passing: Report) -> None:
    found = diff(passing, report_samples.failing())
    kinds = [row.kind for row in found.rows]
    assert kinds == sorted(kinds, key=(WORSE, BETTER, STATUS, VANISHED, APPEARED, VALUE).index)
    factors = [row.factor for row in found.rows if row.kind == WORSE and row.factor]
    assert factors == sorted(factors, reverse=True) and found.worse
