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
    SetChange,
)
from blazepalm.reports.stored.diff import (
    diff as diff_reports,
)
from support import report_samples
from support.report_samples import typed

Report = dict[str, Any]


@pytest.fixture(scope="module")
def passing() -> Report:
    return report_samples.passing()


def diff(before: Report, after: Report, **options: Any) -> ReportDiff:
    return diff_reports(typed(before), typed(after), **options)


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
        for case in report["cases"]:
            case["values"].append(None)

    found = changed(passing, change)
    assert [row.kind for row in found.rows] == [WORSE]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["models"][1].update(passed=False), "palm-full-2023-09 fails"),
        (lambda r: r["models"].append({**r["models"][0], "name": "n", "passed": False}), "n fails"),
        (
            lambda r: r["failures"].append(
                {"source": "x", "message": "x is no model", "exit_code": 2}
            ),
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
        report["machine"]["machine"] = "arm64"
        report["tools"]["gpu"] = "none"
        report["models"][0]["sha256"] = "0" * 64
        report["models"][3]["name"] = "hand-full-2027"
        backend = next(b for b in report["models"][1]["backends"] if b["name"] == "coreml-mil")
        backend["artifact_sha256"] = "d5" * 32

    sha = passing["models"][0]["sha256"]
    found = changed(passing, change)
    assert not found.worse
    assert found.facts == (
        FactChange("machine: machine", "x86_64", "arm64"),
        FactChange("tools: torch", "2.13.0", "2.14.0"),
        FactChange("tools: gpu", None, "none"),
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


def test_a_model_that_only_one_compared_is_one_line(passing: Report) -> None:
    name = passing["models"][0]["name"]
    rows = [row for row in passing["rows"] if row["model"] == name]

    def without(report: Report) -> None:
        keep = [i for i, row in enumerate(report["rows"]) if row["model"] != name]
        report["rows"] = [report["rows"][i] for i in keep]
        report["models"] = report["models"][1:]
        for case in report["cases"]:
            case["values"] = [case["values"][i] for i in keep]

    fewer = copy.deepcopy(passing)
    without(fewer)
    found = diff(passing, fewer)
    assert found.rows == () and not found.worse
    assert found.sets == (SetChange(name, "compared in A only", len(rows)),)
    assert found.same == len(passing["rows"]) - len(rows)
    assert found.to_dict()["sets"][0]["rows"] == len(rows) > 20
    more = copy.deepcopy(passing)
    failing = next(r for r in more["rows"] if r["model"] == name and r["judge"] == "floor")
    failing["status"] = "fail"
    back = diff(fewer, more)
    assert back.sets == (SetChange(name, "compared in B only", len(rows) - 1),)
    assert [row.kind for row in back.rows] == [WORSE] and back.worse


def test_a_backend_that_only_one_compared_is_one_line(passing: Report) -> None:
    name = passing["models"][1]["name"]

    def rename(report: Report) -> None:
        for row in report["rows"]:
            if (row["model"], row["backend"]) == (name, "coreml-mil"):
                row["backend"] = "mine"

    found = changed(passing, rename)
    count = sum((r["model"], r["backend"]) == (name, "coreml-mil") for r in passing["rows"])
    assert found.rows == ()
    assert found.sets == (
        SetChange(name, "coreml-mil in A only", count),
        SetChange(name, "mine in B only", count),
    )


def test_values_on_other_inputs_are_counted_and_failures_listed(passing: Report) -> None:
    name = judged(passing)["model"]

    def change(report: Report) -> None:
        next(m for m in report["models"] if m["name"] == name)["inputs_sha256"] = "0" * 64
        own = [r for r in report["rows"] if r["model"] == name and r["value"]]
        for row in own[:5]:
            row["value"] *= 50
        own[6]["status"] = "fail"
        own[6]["judge"] = "floor"

    found = changed(passing, change)
    assert found.sets == (SetChange(name, "other inputs, so other values", 5),)
    assert [row.kind for row in found.rows] == [WORSE] and found.worse
