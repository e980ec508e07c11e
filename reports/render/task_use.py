"""How much of the task's limits a backend uses: the number in a matrix of models and backends."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from blazepalm.reports.compare.rows import BY_TASK, Row
from blazepalm.reports.judge.limit_usage import usage, worse
from blazepalm.reports.judge.task_limits import by_picture


def task_use(
    rows: Sequence[Row], model: str, backend: str, figure: Callable[[float | None, str], str]
) -> tuple[str, str, float | None]:
    """`20 %`, `of IoU 0.99` and 0.2 for the row that uses most of its limit; beyond it `0.974` and
    `IoU, limit 0.99`, or what the picture allows. Empty texts and None if no row has a limit.
    """
    own = (row for row in rows if (row.model, row.backend, row.judge) == (model, backend, BY_TASK))
    row = max(own, key=lambda row: worse(usage(row, row.value)), default=None)
    used = None if row is None else usage(row, row.value)
    if row is None or used is None:
        return "", "", None
    value, limit = figure(row.value, row.unit), figure(row.limit, row.unit)
    if row.spread is not None and by_picture(row):
        allowed = row.spread.sensitivity
        used = usage(replace(row, limit=allowed), row.value)
        return value, f"{row.metric}, its picture allows {figure(allowed, row.unit)}", used
    if used > 1:
        return value, f"{row.metric}, limit {limit}", used
    return f"{100 * used:.0f} %", f"of {row.metric} {limit}", used
