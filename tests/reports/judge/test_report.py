"""The report as data and on the terminal, from numbers worked out on paper."""

import io
import json

import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from blazepalm.reports.judge.report import Failure, ParityReport, plain
from blazepalm.reports.render.terminal import print_report
from support.tiny import chosen_subject, off_by, report_of

GOOD, BAD = report_of(chosen_subject()), report_of(chosen_subject(torch=off_by(1.0)))
INVALID, UNVERIFIED = Failure("a.txt", "a.txt is no model", 2), Failure("b", "no LiteRT", 3)


def shown(found: ParityReport, width: int) -> str:
    stream = io.StringIO()
    print_report(found, Console(file=stream, width=width))
    return stream.getvalue()


def test_a_report_is_true_or_false() -> None:
    assert GOOD and GOOD.exit_code == 0
    assert not BAD and BAD.exit_code == 1
    assert not replace(GOOD, models=()) and replace(GOOD, models=()).exit_code == 1


@pytest.mark.parametrize(
    ("failures", "good", "bad"),
    [((INVALID,), 2, 2), ((UNVERIFIED,), 3, 3), ((INVALID, UNVERIFIED), 3, 3)],
)
def test_the_exit_code_is_the_highest_that_applies(
    failures: tuple[Failure, ...], good: int, bad: int
) -> None:
    for report, code in ((GOOD, good), (BAD, bad)):
        found = replace(report, failures=failures)
        assert found.exit_code == code and not found.passed


def test_a_failed_self_test_fails_the_report() -> None:
    assert replace(GOOD, self_test={"passed": False}).exit_code == 1
    assert replace(GOOD, self_test={"passed": True}).exit_code == 0


def test_json_is_plain_and_the_same_but_for_timing() -> None:
    slower = replace(GOOD, seconds=99.0)
    values, others = GOOD.to_dict(), slower.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values.pop("timing") != others.pop("timing") and values == others
    assert values["counts"]["fail"] == 0 < values["counts"]["rows"]


def test_what_is_not_finite_becomes_null() -> None:
    values = (1.0, float("nan"), [float("inf")], {"a": -np.inf})
    assert plain(values) == [1.0, None, [None], {"a": None}]


@pytest.mark.parametrize("width", [80, 160])
def test_the_terminal_shows_the_verdict(width: int) -> None:
    good, bad = shown(GOOD, width), shown(BAD, width)
    assert max(len(line) for line in (good + bad).splitlines()) <= width
    assert "parity holds: 1 model" in good and "fail" not in good
    words = " ".join(bad.split())
    assert "parity fails" in words and "× the floor" in words


def test_names_cannot_command_a_terminal() -> None:
    (model,) = GOOD.models
    hostile = replace(GOOD, models=(replace(model, name="\x1b[2J[bold]x"),))
    text = shown(hostile, 80)
    assert "\x1b" not in text and "\\x1b[2J[bold]x" in text
