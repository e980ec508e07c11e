"""A runtime that dies of one input gets another chance; of two in a row, none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from blazepalm.child_pipe import Arrays
from blazepalm.errors import ProcessDied
from blazepalm.reports.backends.revived import Revived

DIED = "Core AI on palm: its process was killed by SIGSEGV"


class Runtime:
    """Stands in for a process: dies of negative numbers."""

    started = 0

    def __init__(self) -> None:
        Runtime.started += 1
        self.closed = False

    def __call__(self, arrays: Arrays) -> Arrays:
        assert not self.closed
        if arrays["x"] < 0:
            raise ProcessDied(DIED)
        return arrays

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def ask() -> Callable[[int], Arrays]:
    Runtime.started = 0
    opened: Any = Runtime
    revived = Revived(opened)
    return lambda x: revived({"x": np.array(x)})


def test_one_death_starts_another_process(ask: Callable[[int], Arrays]) -> None:
    for x in (1, -1, 2, -2, 3, -3, 4):
        if x < 0:
            with pytest.raises(ProcessDied, match=f"^{DIED}$"):
                ask(x)
        else:
            assert ask(x)["x"] == x
    assert Runtime.started == 4


def test_after_two_in_a_row_nothing_is_tried(ask: Callable[[int], Arrays]) -> None:
    for x in (-1, -2):
        with pytest.raises(ProcessDied, match=f"^{DIED}$"):
            ask(x)
    for x in (1, 2):
        with pytest.raises(ProcessDied) as caught:
            ask(x)
        said = "not tried, because the runtime died of 2 inputs in a row"
        assert str(caught.value) == f"{said} ({DIED})"
    assert Runtime.started == 2


def test_a_process_that_does_not_open_is_not_opened_again() -> None:
    opened: list[int] = []

    def start() -> Any:
        opened.append(1)
        raise ProcessDied(DIED)

    revived = Revived(start)
    for _ in range(2):
        with pytest.raises(ProcessDied, match=f"^{DIED}$"):
            revived({})
    assert opened == [1]
