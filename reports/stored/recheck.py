"""Judges a stored report again from its own numbers, without running anything.

It calls `reports.judge.judge`, as parity does: with the original limits it produces the same
report, word for word; if not, somebody altered it. Rows that failed under any limits (nothing
compared, NaN, a constant) stay failed, and rows that were not judged stay so. Two limits act
while numbers are measured and cannot be changed afterwards: `margin` and `floor_multiple`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import convert

from blazepalm.errors import InvalidInput
from blazepalm.reports.compare.rows import FAIL, NOT_RUN, PASS, Row
from blazepalm.reports.judge.headline import headline
from blazepalm.reports.judge.judge import (
    coverage,
    exit_code,
    is_useless,
    judge_backend,
    judge_row,
    model_holds,
    unjudged,
    value_of,
)
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.stored.read import read_rows
from blazepalm.text import figure, printable

MEASURED_BY = ("margin", "floor_multiple")  # limits that stored numbers depend on

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Rechecked:
    """`report` is what parity would have written with `limits`; `changed` pairs the rows whose
    status differs, before and after. `altered` lists where the stored report contradicts its
    own numbers and limits.
    """

    report: Report
    limits: Limits
    changed: tuple[tuple[Row, Row], ...]
    passed_before: bool
    altered: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return bool(self.report["passed"]) and not self.altered

    @property
    def exit_code(self) -> int:
        return max(int(self.report["exit_code"]), 1 if self.altered else 0)


def stored_limits(report: Report) -> Limits:
    """The limits that a report was judged by."""
    return convert(report["limits"], Limits)


def recheck(report: Report, limits: Limits) -> Rechecked:
    """Judges a report (from `read_report`) by `limits`.

    Raises InvalidInput where a limit is not a positive number, or is one of `MEASURED_BY`.
    """
    own = stored_limits(report)
    _check(own, limits)
    before = read_rows(report)
    bare = [unjudged(row, own) for row in before]
    after = [judge_row(row, limits) for row in bare]
    judged = _judged(report, after, limits)
    again = judged
    if limits != own:
        again = _judged(report, [judge_row(row, own) for row in bare], own)
    changed = tuple(
        pair for pair in zip(before, after, strict=True) if pair[0].status != pair[1].status
    )
    altered = tuple(_altered(report, again, before))
    return Rechecked(judged, limits, changed, bool(report["passed"]), altered)


def _judged(report: Report, judged: Sequence[Row], limits: Limits) -> Report:
    """The report with these rows, and the verdicts that follow from them."""
    models = [
        _model(model, [row for row in judged if row.model == model["name"]])
        for model in report["models"]
    ]
    statuses = [row.status for row in judged if row.judged]
    tested = report["self_test"] is None or bool(report["self_test"]["passed"])
    failures = [failure["exit_code"] for failure in report["failures"]]
    code = exit_code(
        [model["passed"] for model in models],
        FAIL in statuses,
        tested,
        failures,
    )
    counts = {status: statuses.count(status) for status in sorted({PASS, FAIL, NOT_RUN})}
    return {
        **report,
        "passed": code == 0,
        "exit_code": code,
        "verdict": headline(
            [(model["passed"], model["useless"]) for model in models],
            failed=FAIL in statuses,
            tested=tested,
            failures=failures,
        ),
        "counts": {**counts, "rows": len(statuses)},
        "limits": limits.to_dict(),
        "default_limits": limits == LIMITS,
        "models": models,
        "rows": [
            {**values, "limit": r.limit, "status": r.status, "reasons": list(r.reasons)}
            for values, r in zip(report["rows"], judged, strict=True)
        ],
    }


def _model(model: Report, own: Sequence[Row]) -> Report:
    backends = [
        _backend(backend, [row for row in own if row.backend == backend["name"]])
        for backend in model["backends"]
    ]
    statuses = [(backend["name"], backend["status"]) for backend in backends]
    return {
        **model,
        "backends": backends,
        "coverage": list(coverage(own, statuses)),
        "passed": model_holds(own, statuses),
        "useless": is_useless(own),
    }


def _backend(backend: Report, own: Sequence[Row]) -> Report:
    said = backend["reasons"] if backend["status"] == NOT_RUN else ()
    outcome = judge_backend(backend["judge"], own, *said[:1])
    return {
        **backend,
        "status": outcome.status,
        "first_divergence": outcome.first_divergence,
        "reasons": list(outcome.reasons),
    }


def _altered(stored: Report, judged: Report, before: Sequence[Row]) -> Iterator[str]:
    """Where a report contradicts its own numbers and limits. The wording of reasons is not
    compared: another version may have written them.
    """
    for row, now in zip(before, judged["rows"], strict=True):
        name = f"{row.model}, {row.stage}, {row.field}, {row.metric}: {row.backend}"
        if row.difference is not None and row.value != value_of(row.judge, row.difference):
            measured = figure(value_of(row.judge, row.difference))
            yield printable(f"{name}: value {figure(row.value)}, but its metrics give {measured}")
        for field in ("limit", "status"):
            if getattr(row, field) != now[field]:
                says, are = (_words(value) for value in (getattr(row, field), now[field]))
                yield printable(f"{name}: {field} {says}, but its numbers give {are}")
    for model, now in zip(stored["models"], judged["models"], strict=True):
        for backend, other in zip(model["backends"], now["backends"], strict=True):
            if backend["status"] != other["status"]:
                yield printable(
                    f"{model['name']}: {backend['name']}: status {backend['status']}, but its rows "
                    f"give {other['status']}"
                )
        yield from _differing(f"{model['name']}:", model, now, ("passed", "useless"))
    yield from _differing(
        "the report:", stored, judged, ("passed", "exit_code", "verdict", "counts")
    )


def _differing(who: str, stored: Report, now: Report, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if stored[name] != now[name]:
            yield printable(f"{who} {name} {stored[name]}, but its rows give {now[name]}")


def _words(value: float | str | None) -> str:
    return value if isinstance(value, str) else figure(value)


def _check(before: Limits, limits: Limits) -> None:
    for name, value in limits.to_dict().items():
        if not (math.isfinite(value) and value > 0):
            raise InvalidInput(f"{name} {value}: a limit is a positive number")
        if name in MEASURED_BY and value != getattr(before, name):
            raise InvalidInput(
                f"{name} acts while numbers are measured, and this report was measured "
                f"with {getattr(before, name):g}; run parity again"
            )
