"""Timing `detect` beside MediaPipe: what is divided by what, and a MediaPipe that fails."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.bench import detect
from blazepalm.reports.bench.detect import Result, in_processes, markdown, timed


def test_starting_counts_for_neither(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """blazepalm starts in 2 s and takes 0.1 s a picture, MediaPipe 5 s and 0.2, in the second round
    0.4; ratios 0.5 and 0.25.
    """
    rounds = {"ours": 0, "theirs": 0}

    def seconds(command: Sequence[str]) -> float:
        mine = command[0] == sys.executable
        who = "ours" if mine else "theirs"
        rounds[who] += 1
        count = 11 if str(tmp_path / "many") in command else 1
        slow = 0.1 if mine else 0.2 if rounds[who] <= 2 else 0.4
        return (2.0 if mine else 5.0) + slow * count

    monkeypatch.setattr(detect, "timed", seconds)
    found = in_processes("folder", tmp_path / "1", tmp_path / "many", 11, 2, "other-python")
    assert found.seconds == pytest.approx(0.1)
    assert found.mediapipe_seconds == pytest.approx(0.3)
    assert found.ratio == pytest.approx(0.375) and found.passed
    alone = in_processes("video", tmp_path / "1", tmp_path / "many", 11, 1, None)
    assert alone.seconds == pytest.approx(0.1) and alone.ratio is None and alone.passed


def test_limits_and_markdown() -> None:
    assert Result("folder", 0.01, 0.02, 0.7, 0.6, 0.8).passed
    assert not Result("video", 0.01, 0.02, 0.81, 0.6, 0.9).passed
    lines = markdown([Result("folder", 0.0123, 0.02, 0.62, 0.6, 0.65), Result("video", 0.01)])
    assert lines.splitlines()[2:] == [
        "| folder | 12.3 | 20.0 | 0.62 (0.60–0.65) | 0.7 |",
        "| video | 10.0 | – | – | 0.8 |",
    ]


def test_a_process_that_fails_or_does_not_exist() -> None:
    with pytest.raises(CouldNotVerify, match="failed: ModuleNotFoundError"):
        timed([sys.executable, "-S", "-c", "import mediapipe"])
    with pytest.raises(CouldNotVerify, match="no-such-python does not run"):
        timed(["no-such-python"])


def test_a_picture_of_two_hands() -> None:
    one, two = detect.scenes()
    assert one.shape == two.shape == (480, 640, 3)
    assert (detect.moved(two, 3)[:, 6:] == two[:, :-6]).all()
    found = detect.picture(two, 1, None)
    assert found.seconds > 0 and found.ratio is None
