"""Judges rows: gives each its limit, its status and its reasons.

It reads numbers, and the reasons that hold under any limits, but never a stored status. Loosening a
limit can turn failures into passes, never the reverse.
"""

import math
from collections.abc import Iterable, Iterator

from msgspec.structs import asdict, replace

from blazepalm.reports.backends.names import DEVICE, ORACLE, TFLITE
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.meters import Difference
from blazepalm.reports.compare.rows import (
    BY_BITS,
    BY_FLOOR,
    BY_TASK,
    FAIL,
    ISOLATED,
    NOT_JUDGED,
    NOT_RUN,
    PASS,
    Key,
    Row,
    ScalarMeter,
)
from blazepalm.reports.compare.spread import Spread
from blazepalm.reports.judge.policy import FEW, MEDIAN, P99, Limits
from blazepalm.reports.judge.task_limits import (
    is_allowed,
    is_within,
    most_or_least,
    task_limit,
    widened,
)
from blazepalm.text import printable


def judge_row(row: Row, limits: Limits) -> Row:
    """The row with its limit, status and all reasons. `row.reasons` hold under any limits; the
    limit's own are appended. A row without inputs was not run, unless it has reasons for
    that: then it fails.
    """
    if is_empty(row):
        return replace(row, limit=None, status=FAIL if row.reasons else NOT_RUN)
    limit = _limit(row, limits)
    reasons = (*row.reasons, *_limits_reasons(row, limit, limits))
    return replace(row, limit=limit, status=FAIL if reasons else PASS, reasons=reasons)


def tensor_row(
    key: Key,
    found: Difference,
    judge: str,
    limits: Limits,
    *,
    field: str | None = None,
    floor: float | None = None,
    doubts: Iterable[str] = (),
) -> Row:
    """A row of one output's difference; any of `doubts` fails it whatever the limits."""
    value = value_of(judge, found)
    return _row(
        key,
        judge,
        limits,
        field=field,
        unit="values" if judge == BY_BITS else "",
        inputs=found.inputs,
        value=value,
        floor=floor,
        multiple=None if floor is None or value is None else value / floor,
        worst_case=found.worst.case if found.worst else None,
        difference=found,
        reasons=tuple(dict.fromkeys(doubts)),
    )


def scalar_row(key: Key, meter: ScalarMeter, limits: Limits) -> Row:
    """A row of one number of the task, measured here or on a device."""
    judge = NOT_JUDGED if task_limit(key, limits) is None else BY_TASK
    return _row(
        key,
        judge,
        limits,
        unit=meter.unit,
        inputs=meter.inputs,
        value=meter.value,
        worst_case=meter.worst_case,
        spread=meter.spread,
    )


def empty_row(key: Key, reasons: tuple[str, ...], limits: Limits) -> Row:
    """A row without a number: failed for these reasons, or not run if there are none."""
    return _row(key, BY_TASK, limits, reasons=reasons)


def _row(
    key: Key,
    judge: str,
    limits: Limits,
    *,
    field: str | None = None,
    unit: str = "",
    inputs: int = 0,
    value: float | None = None,
    floor: float | None = None,
    multiple: float | None = None,
    worst_case: str | None = None,
    difference: Difference | None = None,
    reasons: tuple[str, ...] = (),
    spread: Spread | None = None,
) -> Row:
    row = Row(
        **asdict(key),
        field=key.output if field is None else field,
        judge=judge,
        unit=unit,
        inputs=inputs,
        value=value,
        limit=None,
        floor=floor,
        multiple=multiple,
        worst_case=worst_case,
        difference=difference,
        status=NOT_RUN,
        reasons=reasons,
        spread=spread,
    )
    return judge_row(row, limits)


def unjudged(row: Row, limits: Limits) -> Row:
    """The inverse of `judge_row`: removes the reasons that `limits` gave, and adds the doubts that
    follow from the numbers alone.
    """
    own = () if is_empty(row) else _limits_reasons(row, _limit(row, limits), limits)
    kept = len(row.reasons) - len(own)
    reasons = row.reasons[:kept] if row.reasons[kept:] == own else row.reasons
    if row.difference is not None and row.judged:
        reasons = tuple(dict.fromkeys((*reasons, *doubts_of(row.key, row.difference))))
    return replace(row, reasons=reasons)


def doubts_of(key: Key, found: Difference) -> list[str]:
    """Reasons to distrust a tensor's numbers, whatever the limits."""
    doubts = list(found.problems)
    if found.elements == 0 and not doubts and not (is_shared(key) and found.inputs):
        doubts.append("nothing was compared")
    if found.unequal is None and not doubts and ORACLE not in (key.reference, key.backend):
        doubts.append(f"{key.backend} and {words(key.reference)} have outputs of different dtypes")
    candidate = "the device" if key.backend.startswith(DEVICE) else key.backend
    for count, name in (
        (found.nonfinite_candidate, candidate),
        (found.nonfinite_reference, words(key.reference)),
    ):
        if count:
            doubts.append(f"{count} values of {name} are NaN or infinite")
    return doubts


def value_of(judge: str, found: Difference) -> float | None:
    """The judged number of a tensor: how many values differ in their bits, or the largest error."""
    if judge == BY_BITS:
        return None if found.unequal is None else float(found.unequal)
    return found.max_abs


def is_empty(row: Row) -> bool:
    """Whether a row has no numbers at all."""
    return row.inputs == 0 and row.value is None and row.difference is None


def is_shared(key: Key) -> bool:
    """Whether candidate and reference share the stage's function and input, with no network
    between them.
    """
    return key.mode == ISOLATED and key.stage != rows.RAW


def words(reference: str) -> str:
    """The name of a reference as messages write it."""
    return {ORACLE: "the oracle", TFLITE: "LiteRT"}.get(reference, reference)


def _limit(row: Row, limits: Limits) -> float | None:
    """The row's limit; None where none of these limits applies to it."""
    if row.judge == BY_FLOOR and row.floor is not None:
        return limits.float32_multiple * row.floor
    if row.judge == BY_BITS:
        return 0.0
    return task_limit(row.key, limits) if row.judge == BY_TASK else None


def _limits_reasons(row: Row, limit: float | None, limits: Limits) -> tuple[str, ...]:
    """Why the row's numbers exceed its limit; none where they do not, or it has no limit."""
    value, compared = row.value, row.difference
    if limit is None:
        missing = row.judge == BY_FLOOR and value is not None
        return ("there is no floor to judge it by",) if missing else ()
    if row.judge == BY_TASK:
        return tuple(_task_reasons(row, limit))
    if value is None or value <= limit:
        return ()
    if row.judge == BY_BITS:
        of = "values" if compared is None else f"of {compared.elements} values"
        return (f"{value:.0f} {of} differ in their bits",)
    multiple = value / row.floor if row.floor else math.inf
    reason = (
        f"{value:.3g} from {words(row.reference)}, which is {multiple:.3g} × the floor; the limit "
        f"is {limits.float32_multiple:g} ×"
    )
    few = compared is not None and compared.elements < FEW
    return (f"{reason} (from few numbers; give more inputs)" if few else reason,)


def _task_reasons(row: Row, limit: float) -> Iterator[str]:
    if not is_within(row, row.value, limit):
        worst, case, allowed = row.value, row.worst_case, ""
        if row.spread is not None and row.spread.measured:
            worst, case = row.spread.beyond, row.spread.beyond_case
            allowed = ", or what half a grey level of noise does to float32 there,"
        if row.spread is None or not is_allowed(row, limit):
            yield _told(row, "", worst, limit, allowed, case)
    if row.spread is None:
        return
    for name, value, times in (("p99", row.spread.p99, P99), ("median", row.spread.median, MEDIAN)):
        most = widened(row, limit, times)
        applies = row.inputs >= FEW if name == "median" else value is not None
        if applies and not is_within(row, value, most):
            yield _told(row, f", {name} of {row.inputs} inputs", value, most, "", None)


def allowance(row: Row) -> str:
    """Why a row passes beyond its fixed limit (`task_limits.by_picture`), as a sentence."""
    assert row.spread is not None and row.value is not None
    return (
        f"{row.output}, {row.metric}: {row.value:.3g} {row.unit}".rstrip()
        + f"; at {most_or_least(row)} {row.limit:g} passes, but half a grey level of noise moves "
        f"float32 there to {row.spread.sensitivity:.3g} (case {printable(str(row.worst_case))})"
    )


def _told(
    row: Row, which: str, value: float | None, limit: float, allowed: str, case: str | None
) -> str:
    known = value is not None and math.isfinite(value)  # a file holds null for NaN
    amount = f"{value:.3g} {row.unit}".rstrip() if known else "not a finite number"
    what = f"{row.output}, {row.metric}{which}: {amount}"
    if row.stage == rows.TRUTH:
        where_from = " in the true regions" if row.mode == ISOLATED else ""
        what = f"the file against the rendered truth{where_from}: {what}"
    where = "" if case is None else f" (case {printable(case)})"
    return f"{what}; at {most_or_least(row)} {limit:g}{allowed} passes{where}"
