"""Measures how fast blazepalm executes a saved Core ML package, as a ratio to eager torch on the
module it was exported from.

Both compute in float32 on one thread, one after the other in each round, so that other load on
the machine affects both; the figure is the median of the rounds' ratios, in processor time of the
thread.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from blazepalm.reports.bench.findings import Findings

RELEASES = ("palm-full", "hand-full")
ROUNDS = 30
WARM_UP = 5
LIMIT = 1.3


@dataclass(frozen=True)
class ExecutorSpeed:
    """Medians over the rounds, in seconds per picture; `ratio` is executor / torch."""

    release: str
    torch_seconds: float
    executor_seconds: float
    ratio: float
    limit: float = LIMIT

    @property
    def passed(self) -> bool:
        """Whether the ratio is within its limit."""
        return self.ratio <= self.limit


def run(rounds: int | None = None) -> Findings:
    """Raises BlazePalmError as `bench_executor` does."""
    results = bench_executor(rounds=rounds or ROUNDS)
    shown = "\n".join(
        f"{result.release}: executor {1e3 * result.executor_seconds:.1f} ms, eager torch "
        f"{1e3 * result.torch_seconds:.1f} ms, ratio {result.ratio:.2f} (limit {result.limit:g})"
        for result in results
    )
    rows = [{**asdict(result), "passed": result.passed} for result in results]
    return Findings({"executor": rows}, shown, all(result.passed for result in results))


def bench_executor(
    releases: Sequence[str] = RELEASES, rounds: int = ROUNDS
) -> tuple[ExecutorSpeed, ...]:
    """Converts each release, saves its package (`raw`, float32), and times both. Raises
    BlazePalmError if a release cannot be converted.
    """
    from blazepalm.converter.threads import one_torch_thread

    with one_torch_thread():
        return tuple(_measure(release, rounds) for release in releases)


def _measure(release: str, rounds: int) -> ExecutorSpeed:
    import torch

    from blazepalm.converter.convert import module_of
    from blazepalm.converter.coreml.export import export
    from blazepalm.converter.coreml.options import CoreMLOptions
    from blazepalm.reports.backends.mil import load

    model = module_of(release)
    with tempfile.TemporaryDirectory() as scratch:
        record = export(model, Path(scratch), CoreMLOptions(face="raw", precision="fp32"))
        program = load(Path(scratch) / record.name)
        feature = program.inputs[0]
        shape = tuple(size or 1 for size in feature.type.shape or ())
        picture = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        given = {feature.name: picture.numpy()}

        def eager() -> None:
            with torch.inference_mode():
                model.module(picture)

        pairs = interleaved(eager, lambda: program.run(given), rounds)
    return ExecutorSpeed(
        model.name,
        statistics.median(theirs for theirs, _ in pairs),
        statistics.median(ours for _, ours in pairs),
        statistics.median(ours / theirs for theirs, ours in pairs),
    )


def interleaved(
    first: Callable[[], Any], second: Callable[[], Any], rounds: int
) -> list[tuple[float, float]]:
    """Seconds of this thread's processor time for both, one after the other in each round. The
    order alternates, so that neither gets warmer caches.
    """
    for _ in range(WARM_UP):
        first()
        second()
    pairs = []
    for number in range(rounds):
        if number % 2:
            after, before = _seconds(second), _seconds(first)
        else:
            before, after = _seconds(first), _seconds(second)
        pairs.append((before, after))
    return pairs


def _seconds(action: Callable[[], Any]) -> float:
    start = time.thread_time()
    action()
    return time.thread_time() - start
