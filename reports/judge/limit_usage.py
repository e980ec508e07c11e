"""The share of its limit that a value uses: 1 is the limit itself, whatever the metric."""

import math

from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.task_limits import LEAST


def usage(row: Row, value: float | None) -> float | None:
    """The share of a row's limit used by `value` (the row's, or one case's). None without a limit
    or a value.
    """
    if value is None or row.limit is None:
        return None
    return share(row.metric, float(value), float(row.limit))


def share(metric: str, value: float, limit: float) -> float:
    """The share of `limit` that a value of `metric` uses; infinite if the limit allows no
    difference and there is one.
    """
    used, allowed = (1.0 - value, 1.0 - limit) if metric in LEAST else (value, limit)
    if used <= 0.0:
        return 0.0
    return used / allowed if allowed > 0.0 else math.inf


def worse(used: float | None) -> float:
    """Sort key: values without a share come last."""
    return -1.0 if used is None else used
