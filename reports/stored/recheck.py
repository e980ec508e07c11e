"""Judges a stored report again from its own numbers, without running anything.

It calls `reports.judge.judge`, as parity does: with the original limits it produces the same
report, word for word; if not, somebody altered it. Rows that failed under any limits (nothing
compared, NaN, a constant) stay failed, and rows that were not judged stay so. Two limits act
while numbers are measured and cannot be changed afterwards: `margin` and `floor_multiple`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import asdict, replace

from blazepalm.errors import InvalidInput
from blazepalm.reports.compare.rows import BY_BITS, NOT_RUN, Row
from blazepalm.reports.judge.judge import judge_backend, litert_bits, model_verdict
from blazepalm.reports.judge.judge_rows import judge_row, unjudged, value_of
from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.judge.report import (
    BackendSummary,
    ModelParity,
    ParityReport,
    concluded,
    plain,
)
from blazepalm.reports.judge.report_parts import Part
from blazepalm.reports.stored.case_values import Listed, contradictions, has_spread, is_decided
from blazepalm.text import figure, printable

VERDICT = ("passed", "exit_code", "verdict", "counts", "default_limits")  # of a report
MEASURED_BY = ("margin", "floor_multiple")  # limits that stored numbers depend on


@dataclass(frozen=True)
class Rechecked:
    """`report` is what parity would have written with `limits`; `changed` pairs the rows whose
    status differs, before and after. `altered` lists where the stored report contradicts its
    own numbers and limits. Of the task's rows, `bounded` counts those whose cases allow other
    numbers, too, `unlisted` those of which no case has a number.
    """

    report: ParityReport
    changed: tuple[tuple[Row, Row], ...]
    passed_before: bool
    altered: tuple[str, ...]
    bounded: int
    unlisted: int

    @property
    def passed(self) -> bool:
        return self.report.passed and not self.altered

    @property
    def exit_code(self) -> int:
        return max(self.report.exit_code, 1 if self.altered else 0)


def recheck(report: ParityReport, limits: Limits) -> Rechecked:
    """Judges a report (from `read_report`) by `limits`.

    Raises InvalidInput where a limit is not a positive number, or is one of `MEASURED_BY`.
    """
    own, before = report.limits, report.rows
    _check(own, limits)
    bare = [unjudged(row, own) for row in before]
    after = [judge_row(row, limits) for row in bare]
    judged = _judged(report, after, limits)
    again = judged
    if limits != own:
        again = _judged(report, [judge_row(row, own) for row in bare], own)
    changed = tuple(
        pair for pair in zip(before, after, strict=True) if pair[0].status != pair[1].status
    )
    altered = tuple(_altered(report, again))
    task = [(row, _listed(report, i)) for i, row in enumerate(before) if _is_of_task(row)]
    unlisted = sum(not listed.values for _, listed in task)
    bounded = sum(not is_decided(row, listed) for row, listed in task) - unlisted
    return Rechecked(judged, changed, report.passed, altered, bounded, unlisted)


def _judged(report: ParityReport, rows: Sequence[Row], limits: Limits) -> ParityReport:
    """The report with these rows, and the verdicts that follow from them."""
    models = tuple(
        _model(model, [row for row in rows if row.model == model.name]) for model in report.models
    )
    return concluded(report, limits=limits, models=models, rows=tuple(rows))


def _model(model: ModelParity, own: Sequence[Row]) -> ModelParity:
    backends = tuple(
        _backend(backend, [row for row in own if row.backend == backend.name])
        for backend in model.backends
    )
    statuses = [(backend.name, backend.status) for backend in backends]
    return replace(
        model,
        backends=backends,
        **model_verdict(own, statuses),
    )


def _backend(backend: BackendSummary, own: Sequence[Row]) -> BackendSummary:
    said = backend.reasons if backend.status == NOT_RUN else ()
    outcome = judge_backend(backend.judge, own, *said[:1])
    return replace(
        backend,
        status=outcome.status,
        litert_bits=litert_bits(backend.judge, own),
        first_divergence=outcome.first_divergence,
        reasons=outcome.reasons,
    )


def _altered(stored: ParityReport, judged: ParityReport) -> Iterator[str]:
    """Where a report contradicts its own numbers and limits. The wording of reasons is not
    compared: another version may have written them.
    """
    spreads = any(row.spread is not None for row in stored.rows)
    for index, (row, now) in enumerate(zip(stored.rows, judged.rows, strict=True)):
        name = f"{row.model}, {row.stage}, {row.field}, {row.metric}: {row.backend}"
        if row.difference is not None and row.value != value_of(row.judge, row.difference):
            measured = figure(value_of(row.judge, row.difference))
            yield printable(f"{name}: value {figure(row.value)}, but its metrics give {measured}")
        listed = _listed(stored, index)
        if row.difference is not None:
            wrong: Iterable[str] = _of_tensor(row, listed)
        else:
            wrong = contradictions(row, listed)
        for what in wrong:
            yield printable(f"{name}: {what}")
        if spreads and row.spread is None and has_spread(row) and listed.values:
            yield printable(f"{name}: no median and p99, which the other rows have")
        for field in ("limit", "status"):
            says, gives = getattr(row, field), getattr(now, field)
            if says != gives:
                yield printable(
                    f"{name}: {field} {_words(says)}, but its numbers give {_words(gives)}"
                )
    for model, again in zip(stored.models, judged.models, strict=True):
        for backend, other in zip(model.backends, again.backends, strict=True):
            if backend.status != other.status:
                yield printable(
                    f"{model.name}: {backend.name}: status {backend.status}, but its rows "
                    f"give {other.status}"
                )
            who = f"{model.name}: {backend.name}:"
            yield from _differing(who, backend, other, ("litert_bits",))
        yield from _differing(f"{model.name}:", model, again, ("passed", "useless"))
    yield from _differing("the report:", stored, judged, VERDICT)


def _is_of_task(row: Row) -> bool:
    return row.difference is None and row.value is not None


def _listed(report: ParityReport, index: int) -> Listed:
    """What the report's cases list for the row of that index."""
    found = [
        (value, len(case.truth or ()))
        for case in report.cases
        if (value := case.values[index]) is not None
    ]
    values, hands = zip(*found, strict=True) if found else ((), ())
    return Listed(values, hands, len(report.cases) == report.cases_total)


def _of_tensor(row: Row, listed: Listed) -> Iterator[str]:
    """Where the listed cases contradict a tensor's row: they make it their largest error or their
    unequal values together.
    """
    assert row.difference is not None
    if row.inputs != row.difference.inputs:
        yield f"{row.inputs} inputs, but its metrics are of {row.difference.inputs}"
    if row.value is None or not listed.values:
        return
    exact = sum(listed.values) if row.judge == BY_BITS else max(listed.values)
    if row.value != exact if listed.whole else row.value < exact:
        yield f"value {figure(row.value)}, but its cases give {figure(exact)}"


def _differing(who: str, stored: Part, now: Part, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        says, gives = getattr(stored, name), getattr(now, name)
        if says != gives:
            yield printable(f"{who} {name} {plain(says)}, but its rows give {plain(gives)}")


def _words(value: float | str | None) -> str:
    return value if isinstance(value, str) else figure(value)


def _check(before: Limits, limits: Limits) -> None:
    for name, value in asdict(limits).items():
        if not (math.isfinite(value) and value > 0):
            raise InvalidInput(f"{name} {value}: a limit is a positive number")
        if name in MEASURED_BY and value != getattr(before, name):
            raise InvalidInput(
                f"{name} takes effect while numbers are measured; this report was measured "
                f"with {getattr(before, name):g}; run parity again"
            )
