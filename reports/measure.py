"""Backends side by side on a stream of inputs: who is how far from whom, and in what range.

Each input goes through every backend once and is forgotten, so memory does not grow with
their number. Several inputs are in work at once; what is gathered is gathered in their order,
so the numbers do not depend on how many.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from blazepalm.reports.backends.backend import Backend, Outputs
from blazepalm.reports.metrics import Difference, DifferenceMeter, Range, RangeMeter

Pair = tuple[str, str]  # candidate, reference


@dataclass(frozen=True)
class Measured:
    """Everything that a verdict needs. `differences` is keyed by (candidate, reference,
    output), `ranges` by (backend, output); `inputs_sha256` is of the inputs' bytes in order.
    """

    inputs: int
    inputs_sha256: str
    differences: Mapping[tuple[str, str, str], Difference]
    ranges: Mapping[tuple[str, str], Range]
    seconds: Mapping[str, float]


def measure(
    backends: Sequence[Backend],
    pairs: Sequence[Pair],
    outputs: Sequence[str],
    images: Iterable[np.ndarray],
    *,
    workers: int = 1,
    on_input: Callable[[int], None] = lambda done: None,
) -> Measured:
    """Runs every backend on every element of `images` and compares `pairs` on `outputs`.
    `on_input` is told, after each input, how many are done.
    """
    names = [backend.name for backend in backends]
    differences = {(c, r, o): DifferenceMeter() for c, r in pairs for o in outputs}
    ranges = {(name, o): RangeMeter() for name in names for o in outputs}
    seconds = dict.fromkeys(names, 0.0)
    digest = hashlib.sha256()
    done = 0
    for image, results in _results(backends, images, workers):
        digest.update(image.tobytes())
        for (candidate, reference, output), meter in differences.items():
            meter.add(
                results[reference].outputs.get(output), results[candidate].outputs.get(output)
            )
        for (name, output), meter_of_range in ranges.items():
            meter_of_range.add(results[name].outputs.get(output))
        for name in names:
            seconds[name] += results[name].seconds
        done += 1
        on_input(done)
    return Measured(
        inputs=done,
        inputs_sha256=digest.hexdigest(),
        differences={key: meter.result() for key, meter in differences.items()},
        ranges={key: meter.result() for key, meter in ranges.items()},
        seconds=seconds,
    )


@dataclass(frozen=True)
class _Result:
    outputs: Outputs
    seconds: float


def _run(backends: Sequence[Backend], image: np.ndarray) -> dict[str, _Result]:
    results = {}
    for backend in backends:
        start = time.perf_counter()
        outputs = backend.run(image)
        results[backend.name] = _Result(outputs, time.perf_counter() - start)
    return results


def _results(
    backends: Sequence[Backend], images: Iterable[np.ndarray], workers: int
) -> Iterator[tuple[np.ndarray, dict[str, _Result]]]:
    """Each input with its results, in order; at most `workers` + 1 are held."""
    waiting: deque[tuple[np.ndarray, Future[dict[str, _Result]]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for image in images:
                waiting.append((image, pool.submit(_run, backends, image)))
                if len(waiting) > workers:
                    image, future = waiting.popleft()
                    yield image, future.result()
            while waiting:
                image, future = waiting.popleft()
                yield image, future.result()
        finally:  # an error or Ctrl-C: what has not begun never does
            for _, future in waiting:
                future.cancel()
