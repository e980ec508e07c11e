"""Holds a row of the task against what the report's cases say of it: the numbers that they allow
for its value, and for the median and the 99th percentile of a row whose inputs are each judged.

A case lists one number for a row: of two hands' the worse, of flips their sum. So the cases decide
a largest or least value and a sum. They decide a mean where each input has a case of its own, and
only bound it where hands share one: the others lie between no difference and the worse one.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import BOX_IOU
from blazepalm.reports.compare.rows import IMAGE, LANDMARKS, MAX, MEAN, MIN, SUM, TRUTH, Row
from blazepalm.reports.compare.spread import ErrorCounts
from blazepalm.reports.compare.truth import HANDEDNESS, JOINT_ERROR, PRECISION, RECALL
from blazepalm.reports.judge.task_limits import LEAST
from blazepalm.text import figure

# how a metric adds up over inputs (`rows.Scalar.how`), where that is not the largest
HOW = {
    "unmatched": SUM,
    "within the margin": SUM,
    "means of other anchors by a tie": SUM,
    "flips": SUM,
    "IoU": MIN,
    "margin to the threshold": MIN,
    "mean error": MEAN,
    JOINT_ERROR: MEAN,
    RECALL: rows.SHARE,
    PRECISION: rows.SHARE,
    HANDEDNESS: rows.SHARE,
}
# (output, metric) whose inputs are each judged, so that its rows have a spread
SPREADS = (
    BOX_IOU,
    ("landmarks", "largest error"),
    ("presence", "difference"),
    ("handedness", "difference"),
)
ROUNDING = 1e-9  # relative; of sums in another order, and of 1 - (1 - x)


class Listed(NamedTuple):
    """What a report's cases list for a row: its number and the rendered hands of each case that
    has one. `whole`: every case is listed, not the worst alone.
    """

    values: Sequence[float]
    hands: Sequence[int]
    whole: bool


class Range(NamedTuple):
    """The least and the largest number that the cases allow."""

    least: float
    most: float

    @property
    def decided(self) -> bool:
        return math.isclose(self.least, self.most, rel_tol=ROUNDING, abs_tol=ROUNDING**2)

    def holds(self, value: float) -> bool:
        room = ROUNDING * max(abs(value), ROUNDING)
        return self.least - room <= value <= self.most + room

    def __str__(self) -> str:
        if self.decided:
            return figure(self.least)
        return f"{figure(self.least)} to {figure(self.most)}"


def allowed(row: Row, listed: Listed) -> Range:
    """The row's values that its cases allow; `listed` has at least one number."""
    values, whole = listed.values, listed.whole
    how = HOW.get(row.metric, MAX)
    if how == SUM:
        return Range(sum(values), sum(values) if whole else math.inf)
    if how == MAX:
        return Range(max(values), max(values) if whole else math.inf)
    if how == MIN:
        return Range(min(values) if whole else -math.inf, min(values))
    others = max(0, row.inputs - len(values))
    if row.stage == LANDMARKS:  # each hand counts once
        total, inputs = sum(values), len(values) + others
        most = total + others * max(values)
        return Range(total / inputs, most / inputs if whole else math.inf)
    if others or not whole:
        return Range(0.0, math.inf)
    if (row.stage, row.metric) == (TRUTH, RECALL) and any(listed.hands):
        found = sum(value * hands for value, hands in zip(values, listed.hands, strict=True))
        return Range(found / sum(listed.hands), found / sum(listed.hands))
    return Range(min(values), max(values))


def contradictions(row: Row, listed: Listed) -> Iterator[str]:
    """What of a row of the task cannot follow from its cases, as sentences."""
    values = listed.values
    if not values:
        return
    if row.inputs < len(values):
        yield f"{row.inputs} inputs, but {len(values)} cases have a number"
    if row.value is None:  # NaN: it fails
        return
    possible = allowed(row, listed)
    if not possible.holds(row.value):
        yield f"value {figure(row.value)}, but its cases give {possible}"
    if row.spread is None:
        return
    for name in ("median", "p99"):
        found, stored = _spread(row, listed, name), getattr(row.spread, name)
        if found is not None and (stored is None or not found.holds(stored)):
            yield f"{name} {figure(stored)}, but its cases give {found}"
    spread = row.spread
    if spread.measured > row.inputs:
        yield f"{spread.measured} inputs measured with noise, of {row.inputs}"
    if not spread.measured and spread.beyond != row.value:
        yield f"beyond {figure(spread.beyond)}, but no input was measured with noise"


def has_spread(row: Row) -> bool:
    """Whether parity gives such a row a spread."""
    return row.stage != IMAGE and (row.output, row.metric) in SPREADS


def is_decided(row: Row, listed: Listed) -> bool:
    """Whether the cases leave the row no other number."""
    if not listed.values or row.value is None:
        return False
    ranges = [allowed(row, listed)]
    if row.spread is not None:
        ranges += [r for name in ("median", "p99") if (r := _spread(row, listed, name)) is not None]
    return all(r.decided for r in ranges) and not (row.spread and row.spread.measured)


def _spread(row: Row, listed: Listed, name: str) -> Range | None:
    """The medians or p99 that the cases allow; None where one input has none."""
    best = 1.0 if row.metric in LEAST else 0.0
    errors = [abs(value - best) for value in listed.values]
    others = max(0, row.inputs - len(errors))
    worst = max(errors) if listed.whole or row.value is None else abs(row.value - best)
    found = []
    for other in (0.0, worst):
        counts = ErrorCounts()
        for error in errors:
            counts.add(error)
        counts.add(other, others)
        found.append(getattr(counts, name))
    if None in found:
        return None
    low, high = found
    return Range(1 - high, 1 - low) if row.metric in LEAST else Range(low, high)
