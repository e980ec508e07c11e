"""The verdict in a few words, and the terminal's last line, for every combination."""

import io
from itertools import product

import pytest
from msgspec.structs import replace
from rich.console import Console

from blazepalm.reports.judge.headline import HEADLINES, headline
from blazepalm.reports.judge.report import Failure, ParityReport
from blazepalm.reports.render.terminal import print_report
from support.tiny import chosen_subject, off_by, report_of

GOOD, BAD = report_of(chosen_subject()), report_of(chosen_subject(torch=off_by(1.0)))
NOT_RUN = report_of(chosen_subject(), inputs=0)
EMPTY = replace(GOOD, models=(), rows=(), cases=(), cases_total=0)
USELESS = replace(
    BAD, models=tuple(replace(model, useless=True, passed=False) for model in BAD.models)
)
UNTESTED = {
    "passed": False, "planted": 3, "caught": 2, "located": 2, "false_alarms": 0, "alarms": [],
    "seeds": 5, "faults": [],
}  # fmt: skip
LOST, UNVERIFIABLE = Failure("b.tflite", "b.tflite is bad", 2), Failure("c", "c cannot run", 3)
DEVICE = Failure("results.json", "results.json is implausible", 1)

TABLE = [
    (GOOD, (), None, 0, "parity holds"),
    (GOOD, (LOST,), None, 2, "not everything could be compared"),
    (GOOD, (UNVERIFIABLE,), None, 3, "not everything could be compared"),
    (GOOD, (DEVICE,), None, 1, "parity fails"),
    (GOOD, (), UNTESTED, 1, "the self-test failed"),
    (GOOD, (LOST,), UNTESTED, 2, "the self-test failed"),
    (BAD, (), None, 1, "parity fails"),
    (BAD, (LOST,), None, 2, "parity fails"),
    (BAD, (), UNTESTED, 1, "parity fails"),
    (USELESS, (), None, 1, "equal, and useless"),
    (USELESS, (LOST,), None, 2, "equal, and useless"),
    (USELESS, (DEVICE,), None, 1, "parity fails"),
    (NOT_RUN, (), None, 3, "parity could not be verified"),
    (NOT_RUN, (LOST,), None, 3, "parity could not be verified"),
    (EMPTY, (), None, 1, "nothing was compared"),
    (EMPTY, (LOST,), None, 2, "nothing was compared"),
    (EMPTY, (UNVERIFIABLE,), None, 3, "parity could not be verified"),
]


@pytest.mark.parametrize(("report", "failures", "self_test", "code", "said"), TABLE)
def test_last_lines(
    report: ParityReport,
    failures: tuple[Failure, ...],
    self_test: dict[str, object] | None,
    code: int,
    said: str,
) -> None:
    report = replace(report, failures=failures, self_test=self_test)
    assert (report.exit_code, report.verdict) == (code, said)
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=300))
    last = stream.getvalue().splitlines()[-1]
    assert last.startswith(f"{said}: ")
    assert ("all pass" in last) == (code == 0)
    failed = any(row.judged and row.status == "fail" for row in report.rows)
    assert ("comparison" in last and "comparisons failed" in last) == failed
    assert ("the self-test failed" in last) == (self_test is not None)
    assert ("without a verdict" in last) == bool(failures)


def test_no_combination_says_more_than_is_true() -> None:
    """Holds exactly with exit code 0: a model, all pass, tested, no source is missing."""
    states = [(True, False), (False, False), (False, True)]
    models = [list(m) for n in range(3) for m in product(states, repeat=n)]
    codes = [(), (1,), (2,), (3,), (2, 3)]
    for some, failed, tested, failures in product(models, (0, 1), (0, 1), codes):
        said = headline(some, failed=bool(failed), tested=bool(tested), failures=failures)
        assert said in HEADLINES
        passing = bool(some) and all(passed for passed, _ in some)
        sound = passing and not failed and tested and not failures
        assert (said == "parity holds") == bool(sound)
