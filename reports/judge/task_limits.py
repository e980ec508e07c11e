"""The task's limits: the quantities they judge, and whether a value is within its limit."""

import math
from collections.abc import Callable, Iterable, Mapping

from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import PASS, Key, Row
from blazepalm.reports.compare.truth import HANDEDNESS, JOINT_ERROR, PRECISION, RECALL
from blazepalm.reports.judge.policy import Limits

IOU = "IoU"
LEAST = (IOU, RECALL, PRECISION, HANDEDNESS)  # metrics whose limit is a minimum; 1 is best

# (stage, output, metric) → its limit: a maximum, for the metrics in LEAST a minimum
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

# the same for what the file itself finds in rendered pictures
TRUTH_LIMITS: Mapping[tuple[str, str, str], Callable[[Limits], float]] = {
    (rows.TRUTH, "palms", RECALL): lambda limits: limits.truth_recall,
    (rows.TRUTH, "palms", PRECISION): lambda limits: limits.truth_precision,
    (rows.TRUTH, "palms", JOINT_ERROR): lambda limits: limits.truth_palm_error,
    (rows.TRUTH, "hands", RECALL): lambda limits: limits.truth_recall,
    (rows.TRUTH, "hands", PRECISION): lambda limits: limits.truth_precision,
    (rows.TRUTH, "hands", JOINT_ERROR): lambda limits: limits.truth_joint_error,
    (rows.TRUTH, "hands", HANDEDNESS): lambda limits: limits.truth_handedness,
}


def task_limit(key: Key, limits: Limits) -> float | None:
    """The task's limit for a row; None for a row that the task does not judge. The truth judges
    only the file: candidates are judged against it.
    """
    quantity = (key.stage, key.output, key.metric)
    of = TASK_LIMITS.get(quantity)
    if of is None and key.backend == TFLITE:
        of = TRUTH_LIMITS.get(quantity)
    return None if of is None else of(limits)


def within(key: Key | Row, value: float, limit: float) -> bool:
    """Whether a value is within its limit; NaN never is."""
    return value >= limit if key.metric in LEAST else value <= limit


def is_within(row: Row, value: float | None, limit: float) -> bool:
    """Whether a number is known and within a limit; a file holds None for NaN."""
    return value is not None and math.isfinite(value) and within(row, value, limit)


def is_allowed(row: Row, limit: float) -> bool:
    """Whether every input is within the limit or within its own sensitivity."""
    spread = row.spread
    if spread is None or not spread.measured:
        return is_within(row, row.value, limit)
    none = spread.beyond is None and spread.beyond_case is None
    return none or is_within(row, spread.beyond, limit)


def by_picture(row: Row) -> bool:
    """Whether a row passes beyond its fixed limit because its pictures allow that."""
    return row.status == PASS and row.spread is not None and exceeds_limit(row, row.value)


def widened(row: Row, limit: float, times: float) -> float:
    """A limit of `times` the difference that `limit` allows."""
    return 1 - times * (1 - limit) if row.metric in LEAST else times * limit


def exceeds_limit(row: Row, value: float | None) -> bool:
    """Whether `value` exceeds the row's limit; False if either is None."""
    return value is not None and row.limit is not None and not within(row, value, row.limit)


def most_or_least(row: Row) -> str:
    """The word after "at" in messages: "at most …" or "at least …"."""
    return "least" if row.metric in LEAST else "most"


def worst_first(found: Iterable[Row]) -> list[Row]:
    """Sorts rows by value / limit, largest first; rows without a number lead."""
    return sorted(found, key=_multiple, reverse=True)


def _multiple(row: Row) -> float:
    if row.value is None or row.limit is None:
        return math.inf
    value, limit = row.value, row.limit
    if row.metric in LEAST:
        value, limit = limit, value
    return value / limit if limit else math.inf
