"""The bench of parity itself, on a few inputs: it runs, and its figures are what they say."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from blazepalm.reports.bench import parity
from blazepalm.reports.bench.parity import Overhead, compare_noise, main, measure_time
from support.small_golden import small_golden


def test_the_ratio_is_of_times_that_were_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = small_golden(tmp_path)
    monkeypatch.setattr("blazepalm.golden.make.make_golden", lambda folder: golden)
    monkeypatch.setattr(parity, "RELEASES", ("palm-lite",))
    found = measure_time(4)
    assert found.images == 4 and 0 < found.own < found.seconds
    assert found.ratio == found.seconds / found.own


def test_a_limit_that_is_not_kept_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for own, peaks, code in (
        (9.0, (100.0, 105.0), 0),
        (8.0, (100.0, 105.0), 1),
        (9.0, (100.0, 120.0), 1),
    ):
        monkeypatch.setattr(
            parity, "measure_time", lambda images, own=own: Overhead(images, 10.0, own)
        )
        monkeypatch.setattr(parity, "measure_memory", lambda peaks=peaks: peaks)
        assert main(["--images", "7"]) == code
    assert "parity over 7 images: 10 s, backends 9 s, ratio 1.111" in capsys.readouterr().out


def test_a_process_prints_its_peak() -> None:
    command = [sys.executable, "-m", "blazepalm.reports.bench.parity", "--inputs", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 50 < float(done.stdout) < 4000


def test_both_backends_are_compared() -> None:
    assert compare_noise(2) > 50
    assert replace(Overhead(1, 2.0, 1.0), own=4.0).ratio == 0.5
