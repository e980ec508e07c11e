"""Adds the records of single cases up to totals, in constant memory.

Records are added in the cases' order, whichever engine computed them and in whatever order, so
the sums are identical bit for bit.
"""

import hashlib
import heapq
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from blazepalm.reports.compare.hands import Listed, ListedTruth
from blazepalm.reports.compare.meters import DifferenceMeter, RangeMeter
from blazepalm.reports.compare.record import Measurement, Record
from blazepalm.reports.compare.rows import (
    BY_BITS_AGAINST,
    MAX,
    MIN,
    SUM,
    Key,
    ScalarMeter,
    exceeds,
)
from blazepalm.reports.compare.tensors import TensorDifference
from blazepalm.reports.compare.truth import truth_errors
from blazepalm.reports.judge.policy import MAX_CASES, Limits
from blazepalm.reports.judge.report_parts import Accuracy
from blazepalm.reports.judge.task_limits import task_limit, within


@dataclass
class CaseTotals:
    """One case of all groups, as the report lists it. `badness` ranks cases where not all can
    be listed: infinite where something could not be compared or exceeds its limit, else the
    largest error relative to its output's peak.
    """

    name: str
    kind: str
    width: int
    height: int
    sha256: str
    truth: tuple[ListedTruth, ...] | None
    hands: Listed = field(default_factory=dict)
    values: dict[Key, float] = field(default_factory=dict)
    badness: float = 0.0


class Totals:
    """Everything that a verdict by `limits` needs. Call `add` with each case's records, one per
    group, in order.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.differences: dict[Key, DifferenceMeter] = {}
        self.scalars: dict[Key, ScalarMeter] = {}
        self.ranges: dict[tuple[str, str, str, str], RangeMeter] = {}
        self.inputs: defaultdict[str, int] = defaultdict(int)
        self.seconds: defaultdict[str, defaultdict[str, float]] = defaultdict(
            lambda: defaultdict(float)
        )
        self.accuracy: dict[tuple[str, str], dict[str, float]] = {}
        self.cases_total = 0
        self.answers = self.kept = 0
        self._digests: dict[str, Any] = defaultdict(hashlib.sha256)
        self._cases: list[tuple[float, int, CaseTotals]] = []  # the worst, as a heap

    def add(self, records: list[Record]) -> None:
        """Adds one case: the records of every group on it."""
        r = records[0]
        case = CaseTotals(r.case, r.kind, r.width, r.height, r.sha256, r.truth)
        for record in records:
            self._add(record, case)
        entry = (case.badness, -self.cases_total, case)
        self.cases_total += 1
        if len(self._cases) < MAX_CASES:
            heapq.heappush(self._cases, entry)
        else:
            heapq.heappushpop(self._cases, entry)

    @property
    def cases(self) -> list[CaseTotals]:
        """In the order they were added; only the worst MAX_CASES if there are more."""
        return [case for _, _, case in sorted(self._cases, key=lambda entry: -entry[1])]

    def digest(self, model: str) -> str:
        """SHA-256 over the SHA-256s of a model's inputs, in order."""
        return str(self._digests[model].hexdigest())

    def add_numbers(self, record: Record) -> None:
        """Adds the measured numbers of an input that is no case of the report."""
        for key, label, share in record.entries:
            if isinstance(share, TensorDifference):
                self.differences.setdefault(key, DifferenceMeter()).add(share, label)
            else:
                self.scalars.setdefault(key, ScalarMeter(share)).add(share, label)

    def _add(self, record: Record, case: CaseTotals) -> None:
        self.add_numbers(record)
        for key, _, share in record.entries:
            case.badness = max(case.badness, _badness(key, share, self.limits))
            _case_value(case.values, key, share)
        for model, stage, backend, output, part in record.ranges:
            self.ranges.setdefault((model, stage, backend, output), RangeMeter()).add(part)
        for model, digests in record.inputs.items():
            self.inputs[model] += len(digests)
            for digest in digests:
                self._digests[model].update(digest.encode())
        for model, spent in record.seconds.items():
            for backend, seconds in spent.items():
                self.seconds[model][backend] += seconds
        self.answers += record.answers
        self.kept += record.kept
        case.hands.update(record.hands)
        self._add_accuracy(record)

    def _add_accuracy(self, record: Record) -> None:
        if record.truth is None:
            return
        for pair, by_backend in record.hands.items():
            for backend, hands in by_backend.items():
                sums = self.accuracy.setdefault((pair, backend), defaultdict(float))
                sums["images"] += 1
                for name, value in truth_errors(record.truth, hands).items():
                    sums[name] += value


def accuracy_entries(totals: Totals) -> tuple[Accuracy, ...]:
    """The sums against the truth as rates; None where the divisor would be 0."""
    return tuple(
        Accuracy(
            pair=pair,
            backend=backend,
            images=int(s["images"]),
            hands=int(s["hands"]),
            found=int(s["found"]),
            false=int(s["false"]),
            recall=_rate(s["found"], s["hands"]),
            precision=_rate(s["found"], s["found"] + s["false"]),
            joint_error=_rate(s["joint_error"], s["joints_of"]),
            handedness_accuracy=_rate(s["handedness_right"], s["handedness_told"]),
        )
        for (pair, backend), s in totals.accuracy.items()
    )


def _badness(key: Key, share: Measurement, limits: Limits) -> float:
    if isinstance(share, TensorDifference):
        return math.inf if share.doubtful else share.max_abs / (share.peak or 1.0)
    limit = task_limit(key, limits)
    return 0.0 if limit is None or within(key, share.value, limit) else math.inf


def _case_value(values: dict[Key, float], key: Key, share: Measurement) -> None:
    if isinstance(share, TensorDifference):
        by_bits = key.reference == BY_BITS_AGAINST
        value = float(share.unequal or 0) if by_bits else share.max_abs
        how = SUM if by_bits else MAX
        if share.problem is not None or value < 0:
            return
    else:
        value, how = share.value, share.how
    old = values.get(key)
    if old is None:
        values[key] = value
    elif how == SUM:
        values[key] = old + value
    elif exceeds(-value, -old) if how == MIN else exceeds(value, old):
        values[key] = value  # for a mean, the worse of two hands


def _rate(value: float, of: float) -> float | None:
    return value / of if of else None
