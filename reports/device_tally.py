"""Comparisons of a device's outputs, gathered over all inputs, become `rows.Row`s: tensors with
every metric, the task's numbers with their limits.
"""

from dataclasses import dataclass, field

import numpy as np

from blazepalm.reports.device_expected import Floats
from blazepalm.reports.limits import task_limit, within
from blazepalm.reports.metrics import DifferenceMeter
from blazepalm.reports.policy import Limits
from blazepalm.reports.printable import printable
from blazepalm.reports.roles import TFLITE
from blazepalm.reports.rows import BY_TASK, FAIL, NOT_JUDGED, PASS, Key, Row, ScalarMeter
from blazepalm.reports.task import Scalars

DISORDER = 0.1  # by so much an output differs, relative L2, before its order is doubted
ANYTHING = "outputs"  # the output of a row that says why there are none
ALIKE = 0.03  # of that difference is left at most once both are sorted


@dataclass
class Tally:
    """What is gathered over all inputs of one model on some units."""

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


def tensor_row(key: Key, tally: Tally, output: str) -> Row:
    doubts = list(dict.fromkeys(tally.doubts.get(output, ())))
    meter = tally.differences.get(output)
    if meter is None:
        return plain_row(key, BY_TASK, (*doubts, "nothing was compared"), status=FAIL)
    found = meter.result()
    reasons = [*doubts, *found.problems]
    if found.nonfinite_candidate:
        reasons.append(f"{found.nonfinite_candidate} values of the device are NaN or infinite")
    if found.nonfinite_reference:
        reasons.append(f"{found.nonfinite_reference} values of LiteRT are NaN or infinite")
    if not found.elements and not reasons:
        reasons.append("nothing was compared")
    return Row(
        **vars(key),
        field=key.output,
        judge=BY_TASK,
        unit="",
        inputs=found.inputs,
        value=found.max_abs,
        limit=None,
        floor=None,
        multiple=None,
        worst_case=found.worst.case if found.worst else None,
        difference=found,
        status=FAIL if reasons else PASS,
        reasons=tuple(reasons),
    )


def scalar_row(key: Key, meter: ScalarMeter, limits: Limits) -> Row:
    folded = meter.result()
    limit = task_limit(key, limits)
    reasons: tuple[str, ...] = ()
    if limit is not None and not within(key, folded.value, limit):
        where = f" (case {printable(folded.worst_case)})" if folded.worst_case else ""
        value = f"{folded.value:.3g} {folded.unit}".rstrip()
        reasons = (f"{key.output}, {key.metric}: {value}; the limit is {limit:g}{where}",)
    return Row(
        **vars(key),
        field=key.output,
        judge=NOT_JUDGED if limit is None else BY_TASK,
        unit=folded.unit,
        inputs=folded.inputs,
        value=folded.value,
        limit=limit,
        floor=None,
        multiple=None,
        worst_case=folded.worst_case,
        difference=None,
        status=FAIL if reasons else PASS,
        reasons=reasons,
    )


def plain_row(key: Key, judge: str, reasons: tuple[str, ...], *, status: str) -> Row:
    """A row without a number."""
    return Row(
        **vars(key),
        field=key.output,
        judge=judge,
        unit="",
        inputs=0,
        value=None,
        limit=None,
        floor=None,
        multiple=None,
        worst_case=None,
        difference=None,
        status=status,
        reasons=reasons,
    )


def is_disordered(expected: Floats, found: Floats) -> bool:
    """Whether the values are those expected once both are sorted, and not as they stand."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    a, b = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    error = np.linalg.norm(b - a)
    if not error > DISORDER * np.linalg.norm(a):
        return False
    return bool(np.linalg.norm(np.sort(b) - np.sort(a)) < ALIKE * error)


def failure_head(failure: str) -> list[str]:
    """Stage, and model and units where they are told (`reports.device_bench`)."""
    return failure.partition(": ")[0].split(", ")
