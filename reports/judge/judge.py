"""The only judge: decides from numbers whether rows, backends, models and a report pass.

Parity judges fresh measurements with it, a device's rows are judged with it, and `report recheck`
judges a stored report: the same numbers and limits give the same verdict, word for word. It reads
numbers, and the reasons that hold under any limits, but never a stored status. Loosening a limit
can turn failures into passes, never the reverse.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import asdict, replace

from blazepalm.reports.backends.backend import CANDIDATE, FLOAT16, REFERENCE, Registration
from blazepalm.reports.backends.names import DEVICE, ORACLE, TFLITE
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.meters import Difference
from blazepalm.reports.compare.rows import (
    BY_BITS,
    BY_FLOOR,
    BY_TASK,
    CASCADE,
    FAIL,
    ISOLATED,
    NOT_JUDGED,
    NOT_RUN,
    PASS,
    STAGES,
    Key,
    Row,
    ScalarMeter,
)
from blazepalm.reports.judge.policy import FEW, Limits
from blazepalm.reports.judge.task_limits import most_or_least, task_limit, within
from blazepalm.text import printable

# (stage, metric) pairs that exist only where a hand was seen
EVIDENCE = ((rows.SUPPRESSED, "IoU"), (rows.LANDMARKS, "mean error"))

UNSEEN = "no image gave it anything to judge"


@dataclass(frozen=True)
class Outcome:
    """The verdict on one backend of one model, from its rows."""

    status: str
    first_divergence: str | None
    reasons: tuple[str, ...]


def judge_of(backend: Registration) -> str:
    """What judges a backend: the task for float16 candidates, the noise floor for the others.
    References and witnesses are not judged.
    """
    if backend.kind == CANDIDATE:
        return BY_TASK if backend.precision == FLOAT16 else BY_FLOOR
    return REFERENCE if backend.kind == REFERENCE else NOT_JUDGED


# Rows -------------------------------------------------------------------------------------


def judge_row(row: Row, limits: Limits) -> Row:
    """The row with its limit, status and all reasons. `row.reasons` hold under any limits; the
    limit's own reason is appended. A row without inputs was not run, unless it has reasons for
    that: then it fails.
    """
    if is_empty(row):
        return replace(row, limit=None, status=FAIL if row.reasons else NOT_RUN)
    limit = _limit(row, limits)
    own = _limits_reason(row, limit, limits)
    reasons = row.reasons if own is None else (*row.reasons, own)
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
    )
    return judge_row(row, limits)


def unjudged(row: Row, limits: Limits) -> Row:
    """The inverse of `judge_row`: removes the reason that `limits` gave, and adds the doubts that
    follow from the numbers alone.
    """
    own = None if is_empty(row) else _limits_reason(row, _limit(row, limits), limits)
    reasons = row.reasons[:-1] if row.reasons[-1:] == (own,) else row.reasons
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


def _limits_reason(row: Row, limit: float | None, limits: Limits) -> str | None:
    """Why the row's number exceeds its limit; None where it does not, or has no limit."""
    value, compared = row.value, row.difference
    if limit is None:
        missing = row.judge == BY_FLOOR and value is not None
        return "there is no floor to judge it by" if missing else None
    if row.judge == BY_TASK:
        known = value is not None and math.isfinite(value)  # a file holds null for NaN
        if value is not None and known and within(row, value, limit):
            return None
        amount = f"{value:.3g} {row.unit}".rstrip() if known else "not a finite number"
        where = "" if row.worst_case is None else f" (case {printable(row.worst_case)})"
        what = f"{row.output}, {row.metric}: {amount}"
        if row.stage == rows.TRUTH:
            where_from = " in the true regions" if row.mode == ISOLATED else ""
            what = f"the file against the rendered truth{where_from}: {what}"
        return f"{what}; at {most_or_least(row)} {limit:g} passes{where}"
    if value is None or value <= limit:
        return None
    if row.judge == BY_BITS:
        of = "values" if compared is None else f"of {compared.elements} values"
        return f"{value:.0f} {of} differ in their bits"
    multiple = value / row.floor if row.floor else math.inf
    reason = (
        f"{value:.3g} from {words(row.reference)}, which is {multiple:.3g} × the floor; the limit "
        f"is {limits.float32_multiple:g} ×"
    )
    few = compared is not None and compared.elements < FEW
    return f"{reason} (of few numbers: give more inputs)" if few else reason


# Backends, models, reports ---------------------------------------------------------------------


def judge_backend(judge: str, own: Iterable[Row], unseen: str = UNSEEN) -> Outcome:
    """Judges a backend by all its rows of one model. A candidate with no row decided by `judge`,
    which must judge it, was not run; `unseen` says why.
    """
    judged = [row for row in own if row.judged]
    failed = [row for row in judged if row.status == FAIL]
    if failed:
        reasons = tuple(dict.fromkeys(reason for row in failed for reason in row.reasons))
        return Outcome(FAIL, first_divergence(failed), reasons)
    if judge in (BY_FLOOR, BY_TASK) and not any(_decides(row, judge) for row in judged):
        return Outcome(NOT_RUN, None, (unseen,))
    return Outcome(PASS, None, ())


def coverage(own: Iterable[Row], backends: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """The number of a model's rows that were judged, and the number expected; `backends` are
    names and statuses.
    """
    judged = [row.status for row in own if row.judged]
    done = sum(status in (PASS, FAIL) for status in judged)
    return done, len(judged) + sum(_is_missing(*backend) for backend in backends)


def model_holds(own: Iterable[Row], backends: Iterable[tuple[str, str]]) -> bool:
    """Whether a model passes: a comparison of backends passes, no row fails, and every backend of
    this machine ran. A backend that a device did not run is reported but fails nothing.
    """
    judged = [row for row in own if row.judged]
    if any(_is_missing(*backend) for backend in backends):
        return False
    compared = any(row.status == PASS and row.stage != rows.TRUTH for row in judged)
    return compared and all(row.status != FAIL for row in judged)


def is_useless(own: Iterable[Row]) -> bool:
    """Whether a model is equal, and useless: every comparison of backends passes, but the file
    itself fails against the rendered truth, so all backends are equally blind.
    """
    judged = [row for row in own if row.judged]
    failed = [row for row in judged if row.status == FAIL]
    compared = any(row.status == PASS and row.stage != rows.TRUTH for row in judged)
    return bool(failed) and compared and all(row.stage == rows.TRUTH for row in failed)


def exit_code(
    models: Sequence[bool], failed: bool, self_test: bool, failures: Iterable[int]
) -> int:
    """0 passed, 1 parity fails, 2 bad input, 3 could not verify; the highest that applies, but 3
    only where nothing failed. `models`: which ones pass; `failed`: whether any row fails;
    `failures`: the codes of sources without a verdict.
    """
    holds = bool(models) and all(models) and self_test
    verdict = 0 if holds else 3 if models and self_test and not failed else 1
    return max(verdict, *failures, 0)


def first_divergence(failed: Sequence[Row]) -> str | None:
    """The first stage that fails on the reference's input, else the first in cascade."""
    for mode in (ISOLATED, CASCADE):
        stages = [row.stage for row in failed if row.mode == mode and row.stage in STAGES]
        if stages:
            return min(stages, key=STAGES.index)
    return failed[0].stage if failed else None


def _decides(row: Row, judge: str) -> bool:
    """Whether a row counts as judging a backend: by the floor, or by a hand that was seen, not
    only by such doubts as NaN.
    """
    if row.judge != judge or row.status not in (PASS, FAIL):
        return False
    return judge != BY_TASK or (row.stage, row.metric) in EVIDENCE


def _is_missing(backend: str, status: str) -> bool:
    return status == NOT_RUN and not backend.startswith(DEVICE)
