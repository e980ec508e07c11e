"""Measures the time and memory of whole commands, as ratios to importing their libraries.

Each round runs a command and `python -c "import torch"` (for Core ML `import torch, coremltools`)
one after the other, so that other load on the machine affects both; the figure is the median of
the rounds' ratios. Memory is the peak of the process and its children, from the operating system
(`wait4`).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.bench.findings import Findings

if TYPE_CHECKING:
    from rich.table import Table

ROUNDS = 5
TORCH, COREML = "import torch", "import torch, coremltools"


@dataclass(frozen=True)
class Limit:
    """A command's maximum cost, in multiples of `baseline`; None: not limited."""

    time: float
    memory: float | None = None
    baseline: str = TORCH


COMMANDS = {
    "inspect palm-full": Limit(time=0.5),
    "convert --no-coreml palm-full": Limit(time=1.5, memory=1.5),
    "convert palm-full": Limit(time=1.8, baseline=COREML),
}


@dataclass(frozen=True)
class Run:
    """One process: wall-clock seconds, peak resident bytes, and seconds of processor, with those of
    the processes that it waited for.
    """

    seconds: float
    peak_bytes: int
    processor_seconds: float


@dataclass(frozen=True)
class Result:
    """A command's medians; ratios are medians over the rounds, not ratios of medians."""

    command: str
    seconds: float
    peak_bytes: int
    time_ratio: float
    memory_ratio: float
    limit: Limit

    @property
    def passed(self) -> bool:
        """Whether both ratios are within their limits."""
        memory = self.limit.memory is None or self.memory_ratio <= self.limit.memory
        return self.time_ratio <= self.limit.time and memory


def run(rounds: int | None = None) -> Findings:
    """Raises CouldNotVerify as `bench` does."""
    rounds = rounds or ROUNDS
    baseline, results = bench(rounds)
    rows = [{**asdict(result), "passed": result.passed} for result in results]
    values = {"rounds": rounds, "import_torch": asdict(baseline), "commands": rows}
    return Findings(values, table(baseline, results), all(result.passed for result in results))


def bench(rounds: int) -> tuple[Run, list[Result]]:
    """(medians of importing torch, one result per command). Raises CouldNotVerify if a command
    fails or coremltools is missing.
    """
    need_coremltools("timing the conversion to Core ML", error=CouldNotVerify)
    with tempfile.TemporaryDirectory() as scratch:
        commands = {name: _command(name, Path(scratch)) for name in COMMANDS}
        for command in (_importing(TORCH), _importing(COREML), *commands.values()):
            measure(command, scratch)  # one unmeasured run fills the file cache
        pairs: dict[str, list[tuple[Run, Run]]] = {name: [] for name in COMMANDS}
        for _ in range(rounds):
            for name, command in commands.items():
                base = measure(_importing(COMMANDS[name].baseline), scratch)
                pairs[name].append((base, measure(command, scratch)))
    baselines = [
        base for name, runs in pairs.items() if COMMANDS[name].baseline == TORCH for base, _ in runs
    ]
    return _median(baselines), [summarise(name, runs) for name, runs in pairs.items()]


def summarise(name: str, runs: Sequence[tuple[Run, Run]]) -> Result:
    """The medians of (baseline, command) pairs."""
    typical = _median([run for _, run in runs])
    return Result(
        command=name,
        seconds=typical.seconds,
        peak_bytes=typical.peak_bytes,
        time_ratio=statistics.median(run.seconds / base.seconds for base, run in runs),
        memory_ratio=statistics.median(run.peak_bytes / base.peak_bytes for base, run in runs),
        limit=COMMANDS[name],
    )


def measure(command: Sequence[str], folder: str) -> Run:
    """Runs a process to its end in `folder`. Raises CouldNotVerify if it fails.

    Linux counts the caller's memory at the fork as the child's, so the caller must be small.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    run = wait_for(process, start)
    if process.returncode != 0:
        raise CouldNotVerify(f"{' '.join(command)}: exit code {process.returncode}")
    return run


def wait_for(process: "subprocess.Popen[bytes]", start: float) -> Run:
    """Waits for the end of a process begun at `start` of `time.perf_counter`, and sets its
    `returncode`.
    """
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return Run(seconds, usage.ru_maxrss * unit, usage.ru_utime + usage.ru_stime)


def table(baseline: Run, results: Sequence[Result]) -> "Table":
    """The results as a table."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    grid.add_column("command", overflow="fold")
    for heading in ("s", "× import", "limit", "MB", "× import", "limit"):
        grid.add_column(heading, justify="right", no_wrap=True)
    grid.add_row("import torch", f"{baseline.seconds:.2f}", "", "", f"{baseline.peak_bytes >> 20}")
    for result in results:
        style = "green" if result.passed else "bold red"
        memory = result.limit.memory
        grid.add_row(
            result.command,
            f"{result.seconds:.2f}",
            Text(f"{result.time_ratio:.2f}", style=style),
            f"{result.limit.time:g}",
            f"{result.peak_bytes >> 20}",
            Text(f"{result.memory_ratio:.2f}", style=style),
            "" if memory is None else f"{memory:g}",
        )
    return grid


def _importing(statement: str) -> tuple[str, ...]:
    return sys.executable, "-c", statement


def _command(name: str, scratch: Path) -> tuple[str, ...]:
    command = (sys.executable, "-m", "blazepalm", *name.split())
    return (*command, "--force", "-o", str(scratch / "out")) if "convert" in name else command


def _median(runs: Sequence[Run]) -> Run:
    return Run(
        statistics.median(run.seconds for run in runs),
        int(statistics.median(run.peak_bytes for run in runs)),
        statistics.median(run.processor_seconds for run in runs),
    )
