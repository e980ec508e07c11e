"""Where a value lies to its row's limit: inside or beyond, and by how many times."""

import math
from collections.abc import Iterable

from blazepalm.reports.compare.rows import Row

AT_LEAST = "IoU"  # the metric whose limit is a lower one


def beyond(row: Row, value: float | None) -> bool:
    """Whether `value` lies on the wrong side of the row's limit; None lies nowhere."""
    if value is None or row.limit is None:
        return False
    return not (value >= row.limit if row.metric == AT_LEAST else value <= row.limit)


def side(row: Row) -> str:
    """`most` or `least`: what the limit allows."""
    return "least" if row.metric == AT_LEAST else "most"


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """By how many times each lies beyond its limit; what has no such number leads."""
    return sorted(rows, key=_times, reverse=True)


def _times(row: Row) -> float:
    if row.value is None or row.limit is None:
        return math.inf
    value, limit = row.value, row.limit
    if row.metric == AT_LEAST:
        value, limit = limit, value
    return value / limit if limit else math.inf
