"""The executor's bench: how it computes its figure, with stand-ins."""

import time

from blazepalm.reports.bench.executor import WARM_UP, ExecutorSpeed, interleaved


def test_both_take_turns() -> None:
    calls: list[str] = []
    pairs = interleaved(lambda: calls.append("a"), lambda: calls.append("b"), 4)
    assert len(pairs) == 4
    assert "".join(calls) == "ab" * WARM_UP + "abbaabba"


def test_seconds_go_to_who_spent_them() -> None:
    def work() -> None:
        end = time.thread_time() + 0.01
        while time.thread_time() < end:
            pass

    for first, second in interleaved(work, lambda: time.sleep(0.02), 2):
        assert first >= 0.01 > second  # waiting is no work


def test_the_limit_is_inclusive() -> None:
    assert ExecutorSpeed("palm", 1.0, 1.3, 1.3).passed
    assert not ExecutorSpeed("palm", 1.0, 1.31, 1.31).passed
