"""`make load` sees memory, descriptors and answers that do not stay the same; loads answer."""

import os
from pathlib import Path
from typing import Any

import pytest
from load import loads
from load.__main__ import Found, main, read_tally, table, watch
from load.loads import LOADS, Load, Steps

STEPS = 10


def steady(count: int, folder: Path) -> Steps:
    yield from ((done + 1, "the same") for done in range(count))


def with_memory(count: int, folder: Path) -> Steps:
    """Half a gigabyte in all."""
    kept = []
    for done in range(count):
        kept.append(os.urandom(1) * (500_000_000 // count))
        yield done + 1, "the same"


def with_descriptors(count: int, folder: Path) -> Steps:
    kept = []
    for done in range(count):
        kept.append((folder / "file").open("w"))
        yield done + 1, "the same"
    for file in kept:
        file.close()


def with_other_answers(count: int, folder: Path) -> Steps:
    yield from ((done + 1, "differs" if done == 3 else "the same") for done in range(count))


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        (steady, "flat, the same"),
        (with_memory, "GROWS"),
        (with_descriptors, "GROWS"),
        (with_other_answers, "DIFFERS"),
    ],
)
def test_what_grows_or_differs_is_seen(
    run: Any, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOADS, "made up", Load(run, STEPS, "steps"))
    found = watch("made up", STEPS)
    assert found.verdict == verdict and len(found.memory) == len(found.descriptors) == 5
    assert (found.items, found.seconds > 0) == (STEPS, True)


@pytest.mark.parametrize(
    ("name", "count", "answer"),
    [("parity", 12, "exact"), ("conversions", 4, "the same bytes")],
)
def test_what_loads_answer(name: str, count: int, answer: str, tmp_path: Path) -> None:
    steps = list(LOADS[name].run(count, tmp_path))
    assert steps[-1][0] == count and {given for _, given in steps if given} == {answer}


def test_a_tracker_that_forgets_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the third round it starts anew at each frame, as if nothing were tracked."""
    trackers: list[Any] = []

    class Forgetful(loads.HandTracker):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            trackers.append(self)

        def __call__(self, image: Any) -> Any:
            if len(trackers) > 2:
                self.reset()
            return super().__call__(image)

    monkeypatch.setattr(loads, "FRAMES", 3)
    monkeypatch.setattr(loads, "SIZE", (60, 80))
    monkeypatch.setattr(loads, "HandTracker", Forgetful)
    assert [answer for _, answer in loads.tracker(6, tmp_path)] == ["as recorded", "differs"]


def test_the_table_keeps_the_other_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = Found("threads", 6400, [419.4, 425.0], [5, 5], ["as one thread's"], 1510.4)
    row = "| threads | 6,400 pictures by 64 threads | 419, 425 | 5, 5 | as one thread's | 1,510 | "
    assert table([kept]).splitlines()[-1] == row + "flat, the same |"
    tally, page = tmp_path / "load.json", tmp_path / "load.md"
    measured = iter([kept, Found("conversions", 1, [100.0, 111.0], [5, 5], ["the same"], 1.0)])
    monkeypatch.setattr("load.__main__.measure", lambda name, count: next(measured))
    codes = []
    for name in ("threads", "conversions"):
        line = ["load", "--load", name, "--tally", str(tally), "--table", str(page)]
        monkeypatch.setattr("sys.argv", line)
        codes.append(main())
    assert codes == [0, 1] and list(read_tally(tally)) == ["threads", "conversions"]
    assert row in page.read_text() and "GROWS |" in page.read_text()
