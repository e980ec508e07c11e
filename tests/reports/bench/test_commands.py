"""The benchmark's arithmetic on given numbers, and one real process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.bench import commands
from blazepalm.reports.bench.commands import Limit, Result, Run, measure, run, summarise
from blazepalm.reports.bench.findings import Findings


def test_ratios_are_medians_of_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(commands.COMMANDS, "x", Limit(time=0.5, memory=0.5))
    rounds = [
        (Run(2.0, 100, 1.5), Run(1.0, 30, 0.5)),  # 0.5, 0.3
        (Run(4.0, 100, 1.5), Run(1.0, 90, 0.5)),  # 0.25, 0.9: the machine was busy
        (Run(1.0, 100, 1.5), Run(3.0, 50, 0.5)),  # 3.0, 0.5
    ]
    result = summarise("x", rounds)
    assert (result.time_ratio, result.memory_ratio) == (0.5, 0.5)
    assert (result.seconds, result.peak_bytes) == (1.0, 50)
    assert result.passed


@pytest.mark.parametrize(
    ("time", "memory", "limit", "passed"),
    [
        (0.5, 9.0, Limit(time=0.5), True),
        (0.51, 0.1, Limit(time=0.5), False),
        (1.0, 1.6, Limit(time=1.5, memory=1.5), False),
        (1.5, 1.5, Limit(time=1.5, memory=1.5), True),
    ],
)
def test_limits(time: float, memory: float, limit: Limit, passed: bool) -> None:
    assert Result("x", 1.0, 1, time, memory, limit).passed is passed


def test_memory_and_time_are_the_processs(tmp_path: Path) -> None:
    code = (
        "import time; b = bytearray(200 << 20); b[::4096] = bytes(len(b[::4096])); time.sleep(0.2)"
    )
    # measured from a small process: Linux counts the parent's memory at the fork as the child's
    measuring = (
        "import sys; from blazepalm.reports.bench.commands import measure; "
        "print(measure(sys.argv[1:-1], sys.argv[-1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", measuring, sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.fullmatch(r"Run\(seconds=([\d.]+), peak_bytes=(\d+), .*\)\n", done.stdout)
    assert found is not None, done.stdout
    assert 200 << 20 < int(found[2]) < 400 << 20
    assert 0.2 < float(found[1]) < 20


def test_a_failing_command_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="exit code 7"):
        measure((sys.executable, "-c", "raise SystemExit(7)"), str(tmp_path))


def test_findings_tell_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(ratio: float) -> Findings:
        result = Result("x", 1.0, 1 << 20, ratio, 1.0, Limit(time=0.5))
        monkeypatch.setattr(commands, "bench", lambda rounds: (Run(2.0, 1 << 20, 1.5), [result]))
        return run(2)

    found = measured(0.4)
    assert found.passed and found.values["commands"][0]["passed"] is True
    found = measured(0.6)
    assert not found.passed
    with (console := Console()).capture() as captured:
        console.print(found.shown)
    assert "0.60" in captured.get()
