"""Measures parity's overhead: its time over its backends' own time in one run, and whether its
memory grows with the number of inputs.

One worker compares a detector and a landmark model on rendered hands, again and again; the ratio
is the whole run's time (including conversion, export and report) over the sum of the backends'
own. Memory is the peak of each of two processes, the second with ten times as many inputs.
"""

import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from blazepalm.reports.bench.findings import Findings

RELEASES = ("palm-full", "hand-full")
IMAGES = 500
INPUTS = (500, 5000)  # of the two processes
MAX_TIME, MAX_MEMORY = 1.15, 1.1
PRINT_PEAK = "from {module} import compare_noise; print(compare_noise({inputs}))"
PER_MEGABYTE = 1 << (20 if sys.platform == "darwin" else 10)  # of ru_maxrss


@dataclass(frozen=True)
class Overhead:
    """`seconds` of the whole run, `own` of its backends; `ratio` is seconds / own."""

    images: int
    seconds: float
    own: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.own


def run(rounds: int | None = None) -> Findings:
    """Ignores rounds: one run of many inputs is long enough."""
    import torch  # noqa: F401  (its import is not parity's time)

    time = measure_time(IMAGES)
    few, many = measure_memory()
    shown = (
        f"parity over {time.images} images: {time.seconds:.0f} s, backends {time.own:.0f} s, "
        f"ratio {time.ratio:.3f} (at most {MAX_TIME})\n"
        f"memory: {few:.0f} MB with {INPUTS[0]} inputs, {many:.0f} MB with {INPUTS[1]}, "
        f"ratio {many / few:.3f} (at most {MAX_MEMORY})"
    )
    memory = {"inputs": INPUTS, "peak_megabytes": (few, many), "ratio": many / few}
    passed = time.ratio <= MAX_TIME and many / few <= MAX_MEMORY
    values = {"time": {**asdict(time), "ratio": time.ratio}, "memory": memory, "passed": passed}
    return Findings({"parity": values}, shown, passed)


def measure_time(images: int = IMAGES) -> Overhead:
    """Renders a small golden set, and compares on it repeatedly, up to `images` images."""
    from blazepalm.golden.make import make_golden
    from blazepalm.reports.parity import parity

    with tempfile.TemporaryDirectory() as folder:
        golden = make_golden(Path(folder))
        cases = [case for case in golden.cases if case.readable and case.kind != "file"]
        many = tuple(cases[i % len(cases)] for i in range(images))
        report = parity(*RELEASES, golden=replace(golden, cases=many), noise=2, workers=1)
    own = sum(sum(model.seconds.values()) for model in report.timing.models)
    return Overhead(images, report.timing.seconds, own)


def measure_memory() -> tuple[float, float]:
    """Peak megabytes of a process with few inputs and of a process with many."""
    few, many = INPUTS
    return peak_of_a_process(few), peak_of_a_process(many)


def peak_of_a_process(inputs: int) -> float:
    """Peak megabytes of a process that only runs `compare_noise`."""
    command = [sys.executable, "-c", PRINT_PEAK.format(module=__name__, inputs=inputs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def compare_noise(inputs: int) -> float:
    """Compares LiteRT and the readable module of one landmark model on noise; returns this
    process's peak in megabytes.
    """
    from blazepalm.converter.threads import one_torch_thread
    from blazepalm.models.releases import resolve
    from blazepalm.reports.backends.names import TFLITE, TORCH
    from blazepalm.reports.cases.compare import Group
    from blazepalm.reports.cases.inputs import noise_cases
    from blazepalm.reports.engine.engine import THREADS, records
    from blazepalm.reports.engine.plan import Plan
    from blazepalm.reports.judge.policy import LIMITS
    from blazepalm.reports.judge.totals import Totals
    from blazepalm.reports.subjects.open_subject import open_subject

    name = "hand-lite"
    subject = open_subject(
        name, resolve(name).read_bytes(), workers=1, packages=None, only=(TFLITE, TORCH)
    )
    totals = Totals(LIMITS)
    with one_torch_thread():
        for found in records(
            Plan((), ()),
            [Group(other=subject)],
            noise_cases(inputs, 0),
            engine=THREADS,
            workers=1,
        ):
            totals.add(found)
    assert totals.inputs[subject.name] == inputs
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PER_MEGABYTE
