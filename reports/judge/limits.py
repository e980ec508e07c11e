"""Which quantities of the task are judged, and by which of `policy.Limits`."""

from collections.abc import Callable, Mapping

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import Key
from blazepalm.reports.judge.beyond import AT_LEAST
from blazepalm.reports.judge.policy import Limits

# (stage, output, metric) → what it may be at most; IoU at least
TASK_LIMITS: Mapping[tuple[str, str, str], Callable[[Limits], float]] = {
    (rows.SUPPRESSED, "detections", "unmatched"): lambda limits: 0.0,
    (rows.SUPPRESSED, "boxes", "IoU"): lambda limits: limits.iou,
    (rows.LANDMARKS, "landmarks", "mean error"): lambda limits: limits.landmarks_mean_px,
    (rows.LANDMARKS, "landmarks", "largest error"): lambda limits: limits.landmarks_max_px,
    (rows.LANDMARKS, "presence", "difference"): lambda limits: limits.presence,
    (rows.LANDMARKS, "presence", "flips"): lambda limits: 0.0,
    (rows.LANDMARKS, "handedness", "difference"): lambda limits: limits.handedness,
    (rows.LANDMARKS, "handedness", "flips"): lambda limits: 0.0,
    (rows.IMAGE, "hands", "unmatched"): lambda limits: 0.0,
}


def task_limit(key: Key, limits: Limits) -> float | None:
    """The limit of a row that the task judges; None where it does not."""
    of = TASK_LIMITS.get((key.stage, key.output, key.metric))
    return None if of is None else of(limits)


def within(key: Key, value: float, limit: float) -> bool:
    """Whether a value keeps its limit; NaN keeps none."""
    return value >= limit if key.metric == AT_LEAST else value <= limit
