"""A stored report judged again by other limits, from its own numbers: nothing runs again.

With the limits it was made with, the same report comes out. What failed for a reason that no
limit heals (nothing compared, NaN, a constant) stays failed, and so does what was never judged.
Two limits act while numbers are measured and cannot be changed afterwards: `margin` and
`floor_multiple`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from blazepalm.models.errors import InvalidInput
from blazepalm.reports.beyond import beyond, side
from blazepalm.reports.limits import task_limit
from blazepalm.reports.policy import LIMITS, Limits
from blazepalm.reports.printable import figure
from blazepalm.reports.rows import (
    BY_FLOOR,
    BY_TASK,
    CASCADE,
    FAIL,
    ISOLATED,
    NOT_RUN,
    PASS,
    STAGES,
    Row,
)
from blazepalm.reports.schema import read_rows

MEASURED_BY = ("margin", "floor_multiple")  # limits that a stored number cannot be freed of


@dataclass(frozen=True)
class Rechecked:
    """`report` is what parity would have written by `limits`; `changed` pairs the rows whose
    status is another, before and after.
    """

    report: Mapping[str, Any]
    limits: Limits
    changed: tuple[tuple[Row, Row], ...]
    passed_before: bool

    @property
    def passed(self) -> bool:
        return bool(self.report["passed"])

    @property
    def exit_code(self) -> int:
        return int(self.report["exit_code"])


def stored_limits(report: Mapping[str, Any]) -> Limits:
    """The limits that a report was judged by."""
    return Limits(**report["limits"])


def recheck(report: Mapping[str, Any], limits: Limits) -> Rechecked:
    """Judges a report (as `read_report` gives it) by `limits`.

    Raises InvalidInput where a limit is not a positive number, or is one of `MEASURED_BY`.
    """
    _check(stored_limits(report), limits)
    before = read_rows(report)
    after = tuple(judge_value(row, limits) for row in before)
    models = [_model(model, before, after) for model in report["models"]]
    tested = report["self_test"] is None or report["self_test"]["passed"]
    holds = bool(models) and all(model["passed"] for model in models) and tested
    codes = [failure["exit_code"] for failure in report["failures"]]
    judged = [row.status for row in after if row.judged]
    counts = {status: judged.count(status) for status in sorted({PASS, FAIL, NOT_RUN})}
    rechecked = {
        **report,
        "passed": holds and not codes,
        "exit_code": max(codes, default=0 if holds else 1),
        "counts": {**counts, "rows": len(judged)},
        "limits": limits.to_dict(),
        "default_limits": limits == LIMITS,
        "models": models,
        "rows": [
            {**values, "limit": r.limit, "status": r.status, "reasons": list(r.reasons)}
            for values, r in zip(report["rows"], after, strict=True)
        ],
    }
    changed = tuple(
        pair for pair in zip(before, after, strict=True) if pair[0].status != pair[1].status
    )
    return Rechecked(rechecked, limits, changed, bool(report["passed"]))


def judge_value(row: Row, limits: Limits) -> Row:
    """The same row by other limits; the very same where its own limit does not change."""
    limit = _limit(row, limits)
    if limit is None or row.limit is None:
        return row
    if math.isclose(limit, row.limit, rel_tol=1e-12) or row.status not in (PASS, FAIL):
        return row
    # the limit's own reason stands behind the others
    reasons = row.reasons[:-1] if beyond(row, row.value) else row.reasons
    healed = replace(row, limit=limit)
    if beyond(healed, row.value):  # None, where the stage is shared: nothing lies beyond
        reasons = (*reasons, _reason(healed, limits))
    return replace(healed, status=FAIL if reasons else PASS, reasons=tuple(reasons))


def _limit(row: Row, limits: Limits) -> float | None:
    """What the row may be by these limits; None where none of them decides it."""
    if row.judge == BY_FLOOR and row.floor is not None:
        return limits.float32_multiple * row.floor
    return task_limit(row.key, limits) if row.judge == BY_TASK else None


def _reason(row: Row, limits: Limits) -> str:
    if row.judge == BY_FLOOR and row.floor and row.value is not None:
        return (
            f"{figure(row.value)} from {row.reference}, which is {figure(row.value / row.floor)} × "
            f"the floor; the limit is {limits.float32_multiple:g} ×"
        )
    what = f"{row.output}, {row.metric}: {figure(row.value, row.unit)}"
    return f"{what}; at {side(row)} {figure(row.limit)} passes (case {row.worst_case})"


def _model(
    model: Mapping[str, Any], before: Sequence[Row], after: Sequence[Row]
) -> Mapping[str, Any]:
    """The model's verdict follows its rows'; what failed beside them stays failed."""
    pairs = [p for p in zip(before, after, strict=True) if p[0].model == model["name"]]
    if all(old == new for old, new in pairs):
        return model
    unexplained = not model["passed"] and not any(_fails(old) for old, _ in pairs)
    waiting = any(backend["status"] == NOT_RUN for backend in model["backends"])
    failing = any(_fails(new) for _, new in pairs)
    return {
        **model,
        "backends": [_backend(backend, pairs) for backend in model["backends"]],
        "passed": not (unexplained or waiting or failing),
    }


def _backend(backend: Mapping[str, Any], pairs: Sequence[tuple[Row, Row]]) -> Mapping[str, Any]:
    own = [(old, new) for old, new in pairs if new.backend == backend["name"]]
    if all(old == new for old, new in own) or backend["status"] not in (PASS, FAIL):
        return backend
    failing = [new for _, new in own if _fails(new)]
    if backend["status"] == FAIL and not any(_fails(old) for old, _ in own):
        return backend
    return {
        **backend,
        "status": FAIL if failing else PASS,
        "first_divergence": _first_stage(failing),
        "reasons": list(dict.fromkeys(reason for row in failing for reason in row.reasons)),
    }


def _first_stage(failing: Sequence[Row]) -> str | None:
    """The first on the way that fails on the reference's input, else in cascade."""
    for mode in (ISOLATED, CASCADE):
        stages = [row.stage for row in failing if row.mode == mode and row.stage in STAGES]
        if stages:
            return min(stages, key=STAGES.index)
    return failing[0].stage if failing else None


def _fails(row: Row) -> bool:
    return row.judged and row.status == FAIL


def _check(before: Limits, limits: Limits) -> None:
    for field in fields(Limits):
        value = getattr(limits, field.name)
        if not (math.isfinite(value) and value > 0):
            raise InvalidInput(f"{field.name} {value}: a limit is a positive number")
        if field.name in MEASURED_BY and value != getattr(before, field.name):
            raise InvalidInput(
                f"{field.name} decides while numbers are measured, and the report was measured "
                f"with {getattr(before, field.name):g}; run parity again"
            )
