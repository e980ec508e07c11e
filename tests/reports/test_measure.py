"""Gathering over a stream: any number of workers, constant memory, errors let through."""

import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from blazepalm.models.errors import CouldNotVerify
from blazepalm.reports.measure import Measured, measure
from blazepalm.reports.verdict import PAIRS
from tests.reports.backends_by_hand import Chosen, Outputs, backends, off_by


def images(count: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(3)
    for _ in range(count):
        yield rng.random((1, 4, 4, 3), dtype=np.float32)


def run(workers: int) -> Measured:
    return measure(backends(), PAIRS, ("boxes",), images(9), workers=workers)


def test_the_numbers_do_not_depend_on_the_workers() -> None:
    one, four = run(1), run(4)
    assert (one.inputs, one.inputs_sha256) == (four.inputs, four.inputs_sha256) != (0, "")
    assert one.differences == four.differences and one.ranges == four.ranges


def test_the_worst_input_is_named() -> None:
    calls = iter(range(100))

    def torch(batch: np.ndarray) -> Outputs:
        return off_by(0.5 if next(calls) == 6 else 0.0)(batch)

    found = measure(backends(torch=torch), PAIRS, ("boxes",), images(9))
    worst = found.differences["torch", "oracle", "boxes"].worst
    assert worst is not None and (worst.input, worst.index) == (6, (0, 0, 0))
    assert worst.candidate - worst.reference == 0.5


def test_memory_does_not_grow_with_the_inputs() -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def watched() -> Iterator[np.ndarray]:
        nonlocal most
        for image in images(40):
            alive.append(weakref.ref(image))
            yield image
            del image
            most = max(most, sum(ref() is not None for ref in alive))

    measure(backends(), PAIRS, ("boxes",), watched(), workers=2)
    assert 0 < most <= 6


def test_progress_is_told_once_an_input() -> None:
    told: list[int] = []
    measure(backends(), PAIRS, ("boxes",), images(4), workers=3, on_input=told.append)
    assert told == [1, 2, 3, 4]


def test_an_error_in_a_backend_ends_the_run() -> None:
    started = threading.Semaphore(0)

    def failing(batch: np.ndarray) -> Outputs:
        started.release()
        raise CouldNotVerify("no")

    with pytest.raises(CouldNotVerify, match="no"):
        measure([Chosen("torch", failing)], [], ("boxes",), images(50), workers=2)
    begun = 0
    while started.acquire(blocking=False):
        begun += 1
    assert begun < 10, "what had not begun was cancelled"
