"""Work in threads: results in order, no more at a time than allowed, errors at their place."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.cli.ahead import InTurn, in_order, one_ahead, with_next


@given(st.integers(0, 12), st.integers(1, 5))
def test_results_come_in_order_whatever_the_number_at_once(count: int, at_once: int) -> None:
    prepared: list[int] = []
    doing = most = 0
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal doing, most
        with lock:
            doing += 1
            most = max(most, doing)
        if number == 4:
            raise ValueError("the fifth")
        with lock:
            doing -= 1
        return number * number

    found: list[object] = []
    for take in in_order(work, range(count), at_once, lambda: prepared.append(1)):
        try:
            found.append(take())
        except ValueError as error:
            found.append(str(error))
            doing -= 1
    assert found == ["the fifth" if n == 4 else n * n for n in range(count)]
    assert most <= at_once and len(prepared) <= at_once


def test_several_are_worked_on_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=10)  # raises if three threads never meet
    assert len([take() for take in in_order(lambda _: meeting.wait(), range(3), 3)]) == 3


def test_an_item_that_takes_long_leaves_no_thread_idle() -> None:
    """The first of two at a time ends only when the second and third are done."""
    third = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert third.wait(10), "the third is worked on while the first is"
        if number == 2:
            third.set()
        return number

    assert [take() for take in in_order(work, range(8), 2)] == list(range(8))


def test_what_was_not_begun_is_dropped() -> None:
    begun: list[int] = []
    rest = in_order(begun.append, range(100), 2)
    next(rest)()
    rest.close()  # type: ignore[attr-defined]
    assert len(begun) <= 5


def test_one_item_is_made_ahead() -> None:
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2
        raise ValueError("no third")

    coming = one_ahead(items())
    assert next(coming) == 1 and second.wait(10), "the second is made while the first is used"
    assert next(coming) == 2
    with pytest.raises(ValueError, match="no third"):
        next(coming)


def test_actions_in_turn_and_their_errors() -> None:
    done: list[int] = []
    with InTurn() as beside:
        for number in range(50):
            beside(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == list(range(50))

    def fail() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), InTurn() as beside:
        beside(fail)
    with InTurn() as beside:
        beside(fail)
        with pytest.raises(OSError, match="full"):
            beside(lambda: done.append(-1))
    assert -1 not in done


def test_each_item_with_the_next() -> None:
    assert list(with_next(iter([1, 2, 3]))) == [(1, 2), (2, 3), (3, None)]
    assert list(with_next(iter([]))) == []

    def broken() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("no third")

    pairs = with_next(broken())
    assert [next(pairs), next(pairs)] == [(1, 2), (2, None)], "the last whole one comes first"
    with pytest.raises(ValueError, match="no third"):
        next(pairs)
