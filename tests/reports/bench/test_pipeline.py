"""Timing a frame: blazepalm alone, beside another process, and beside one that fails."""

import sys

import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.bench import pipeline
from blazepalm.reports.bench.pipeline import Result
from blazepalm.reports.bench.pipeline import bench_pipeline as bench

ANSWERS = "import sys\nfor line in sys.stdin: print(1000.0, {hands}, flush=True)\n"


def test_without_mediapipe_only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pipeline.INTERPRETER, raising=False)
    results = bench(rounds=2)
    assert [(r.complexity, r.mode) for r in results] == [
        (0, "static"),
        (0, "video"),
        (1, "static"),
        (1, "video"),
    ]
    for result in results:
        assert result.hands == 1
        assert 0.0 < result.own_seconds < result.seconds
        assert result.ratio is None and result.mediapipe_seconds is None
        assert sum(result.stages.values()) == pytest.approx(result.own_seconds)
        assert result.stages["crops"] > 0 and result.stages["hands"] > 0


def test_times_of_the_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A MediaPipe stand-in that reports a thousand seconds per frame."""
    monkeypatch.setattr(pipeline, "THEIRS", ANSWERS.format(hands=1))
    monkeypatch.setattr(pipeline, "COMPLEXITIES", {1: ("palm-full", "hand-full")})
    for result in bench(rounds=3, python=sys.executable):
        assert result.mediapipe_seconds == 1000.0
        assert result.ratio == pytest.approx(result.seconds / 1000.0, rel=0.5)


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (ANSWERS.format(hands=2), "finds 2 hands, blazepalm 1"),
        ("raise ImportError('mediapipe')", "cannot run MediaPipe"),
    ],
)
def test_a_process_that_disagrees_or_dies(
    monkeypatch: pytest.MonkeyPatch, theirs: str, message: str
) -> None:
    monkeypatch.setattr(pipeline, "THEIRS", theirs)
    with pytest.raises(CouldNotVerify, match=message):
        bench(rounds=1, python=sys.executable)


def test_no_such_interpreter() -> None:
    with pytest.raises(CouldNotVerify, match="does not run"):
        bench(rounds=1, python="no-such-python")


def test_limits() -> None:
    assert Result(1, "static", 1, 0.02, 0.0012, 0.02, 1.0).passed
    assert Result(0, "static", 1, 0.01, 0.0012, 0.01, 1.0).passed
    assert not Result(1, "static", 1, 0.02, 0.0013, 0.02, 1.0).passed
    assert Result(1, "static", 1, 0.04, 0.0023, 0.04, 1.0).passed  # a slower machine
    assert not Result(1, "static", 1, 0.02, 0.001, 0.018, 1.1).passed
    assert Result(1, "static", 1, 0.02, 0.0012, None, None).passed
    assert not Result(1, "static", 1, 0.02, 0.0013, None, None).passed
