"""Collects the comparisons of a device's outputs over all inputs into `rows.Row`s: tensors with
every metric, the task's numbers with their limits.
"""

from dataclasses import dataclass, field

import numpy as np

from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.compare.hands import Scalars
from blazepalm.reports.compare.meters import DifferenceMeter
from blazepalm.reports.compare.rows import BY_TASK, Key, Row, ScalarMeter
from blazepalm.reports.device.expected import Floats
from blazepalm.reports.judge.judge_rows import doubts_of, empty_row, tensor_row
from blazepalm.reports.judge.policy import Limits

DISORDER = 0.1  # relative L2 difference above which an output's order is checked
ANYTHING = "outputs"  # the output's name in a row that explains why there are none
ALIKE = 0.03  # at most this share of the difference remains after sorting a disordered output


@dataclass
class Tally:
    """Collects comparisons over all inputs of one model on some units."""

    differences: dict[str, DifferenceMeter] = field(default_factory=dict)
    scalars: dict[Key, ScalarMeter] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=dict)  # expected, found

    def add(self, place: tuple[str, str, str, str], scalars: Scalars, label: str) -> None:
        """`place`: model, stage, mode, backend."""
        model, stage, mode, backend = place
        for (output, metric), scalar in scalars.items():
            key = Key(model, stage, mode, output, backend, TFLITE, metric)
            self.scalars.setdefault(key, ScalarMeter(scalar)).add(scalar, label)

    def doubt(self, output: str, reason: str) -> None:
        self.doubts.setdefault(output, []).append(reason)

    def row(self, key: Key, limits: Limits) -> Row:
        """An output's row."""
        doubts = self.doubts.get(key.output, [])
        meter = self.differences.get(key.output)
        if meter is None:
            reasons = dict.fromkeys((*doubts, "nothing was compared"))
            return empty_row(key, tuple(reasons), limits)
        found = meter.result()
        return tensor_row(key, found, BY_TASK, limits, doubts=(*doubts, *doubts_of(key, found)))


def is_disordered(expected: Floats, found: Floats) -> bool:
    """Whether the values match the expected ones only after sorting both."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    a, b = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    error = np.linalg.norm(b - a)
    if not error > DISORDER * np.linalg.norm(a):
        return False
    return bool(np.linalg.norm(np.sort(b) - np.sort(a)) < ALIKE * error)


def failure_head(failure: str) -> list[str]:
    """Stage, and model and units if given (as written by `reports.device.benchmarks`)."""
    return failure.partition(": ")[0].split(", ")
