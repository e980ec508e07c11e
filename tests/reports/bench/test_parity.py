"""Parity's own bench on a few inputs: it runs, and its figures are consistent."""

from dataclasses import replace
from pathlib import Path

import pytest

from blazepalm.reports.bench import parity
from blazepalm.reports.bench.parity import (
    Overhead,
    compare_noise,
    measure_time,
    peak_of_a_process,
    run,
)
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


def test_a_limit_that_is_not_kept_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "IMAGES", 7)
    for own, peaks, passed in (
        (9.0, (100.0, 105.0), True),
        (8.0, (100.0, 105.0), False),
        (9.0, (100.0, 120.0), False),
    ):
        monkeypatch.setattr(
            parity, "measure_time", lambda images, own=own: Overhead(images, 10.0, own)
        )
        monkeypatch.setattr(parity, "measure_memory", lambda peaks=peaks: peaks)
        found = run()
        assert found.passed is passed
        assert found.values["parity"]["memory"]["ratio"] == peaks[1] / peaks[0]
    assert "parity over 7 images: 10 s, backends 9 s, ratio 1.111" in str(found.shown)


def test_a_process_prints_its_peak() -> None:
    assert 50 < peak_of_a_process(3) < 4000


def test_both_backends_are_compared() -> None:
    assert compare_noise(2) > 50
    assert replace(Overhead(1, 2.0, 1.0), own=4.0).ratio == 0.5
