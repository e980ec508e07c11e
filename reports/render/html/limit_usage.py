"""How much of its limit a value uses: 1 is the limit itself, whatever the metric."""

import math

from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.task_limits import IOU

LEVELS = (0.01, 0.1, 0.5, 1.0, 10.0)  # shares at which the colour of a cell changes
WITHIN = 3  # the last level that is within the limit


def usage(row: Row, value: float | None) -> float | None:
    """Of a row's limit, by a value of it (its own, or one case's); infinite where nothing may
    differ and something does. None where there is no limit or no value.
    """
    limit = row.limit
    if value is None or limit is None:
        return None
    used, allowed = float(value), float(limit)
    if row.metric == IOU:
        used, allowed = 1.0 - used, 1.0 - allowed
    if used <= 0.0:
        return 0.0
    return used / allowed if allowed > 0.0 else math.inf


def level(used: float | None) -> int | None:
    """The colour of a share: 0 (next to nothing) to 5 (far beyond the limit)."""
    return None if used is None else sum(used > bound for bound in LEVELS)


def worse(used: float | None) -> float:
    """To sort by: what has no share comes last."""
    return -1.0 if used is None else used
