"""The task's limits: the quantities they judge, and whether a value is within its limit."""

import math
from collections.abc import Callable, Iterable, Mapping

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import Key, Row
from blazepalm.reports.judge.policy import Limits

IOU = "IoU"  # the one metric whose limit is a minimum

# (stage, output, metric) → its limit: a maximum, for IoU a minimum
TASK_LIMITS: Mapping[tuple[str, str, str], Callable[[Limits], float]] = {
    (rows.SUPPRESSED, "detections", "unmatched"): lambda limits: 0.0,
    (rows.SUPPRESSED, "boxes", IOU): lambda limits: limits.iou,
    (rows.LANDMARKS, "landmarks", "mean error"): lambda limits: limits.landmarks_mean_px,
    (rows.LANDMARKS, "landmarks", "largest error"): lambda limits: limits.landmarks_max_px,
    (rows.LANDMARKS, "presence", "difference"): lambda limits: limits.presence,
    (rows.LANDMARKS, "presence", "flips"): lambda limits: 0.0,
    (rows.LANDMARKS, "handedness", "difference"): lambda limits: limits.handedness,
    (rows.LANDMARKS, "handedness", "flips"): lambda limits: 0.0,
    (rows.IMAGE, "hands", "unmatched"): lambda limits: 0.0,
}


def task_limit(key: Key, limits: Limits) -> float | None:
    """The task's limit for a row; None for a row that the task does not judge."""
    of = TASK_LIMITS.get((key.stage, key.output, key.metric))
    return None if of is None else of(limits)


def within(key: Key | Row, value: float, limit: float) -> bool:
    """Whether a value is within its limit; NaN never is."""
    return value >= limit if key.metric == IOU else value <= limit


def exceeds_limit(row: Row, value: float | None) -> bool:
    """Whether `value` exceeds the row's limit; False if either is None."""
    return value is not None and row.limit is not None and not within(row, value, row.limit)


def most_or_least(row: Row) -> str:
    """The word after "at" in messages: "at most …" or "at least …"."""
    return "least" if row.metric == IOU else "most"


def worst_first(found: Iterable[Row]) -> list[Row]:
    """Sorts rows by value / limit, largest first; rows without a number lead."""
    return sorted(found, key=_multiple, reverse=True)


def _multiple(row: Row) -> float:
    if row.value is None or row.limit is None:
        return math.inf
    value, limit = row.value, row.limit
    if row.metric == IOU:
        value, limit = limit, value
    return value / limit if limit else math.inf
