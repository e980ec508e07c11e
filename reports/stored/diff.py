"""Compares two reports: of two releases, days or machines.

Rows are joined by their key. B is worse only if something fails in it that did not fail
in A. Rows that appeared, vanished, or changed their status or (by more than a factor) their
value are reported too, and so are differences in what the two were made with. Where the two
compared different sets (models, backends, inputs), that is one line for each model, not one for
each row.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from msgspec import structs

from blazepalm.reports.compare.rows import FAIL, Key, Row
from blazepalm.reports.judge.report import ModelParity, ParityReport, plain
from blazepalm.reports.judge.report_parts import Part

FACTOR = 2.0  # values whose ratio is below this count as the same

# in the order of the report
WORSE, BETTER, STATUS, VANISHED, APPEARED, VALUE = (
    "new failure",
    "passes now",
    "another status",
    "vanished",
    "appeared",
    "another value",
)
KINDS = (WORSE, BETTER, STATUS, VANISHED, APPEARED, VALUE)


@dataclass(frozen=True)
class RowChange:
    """A row of either report, or of both; `factor` is its value in B divided by that in A, None
    where that is undefined.
    """

    kind: str
    key: Key
    before: Row | None
    after: Row | None
    factor: float | None

    def to_dict(self) -> dict[str, Any]:
        def of(row: Row | None) -> dict[str, Any] | None:
            if row is None:
                return None
            return {"status": row.status, "value": row.value, "limit": row.limit}

        return {
            "kind": self.kind,
            "row": structs.asdict(self.key),
            "before": of(self.before),
            "after": of(self.after),
            "factor": self.factor,
        }


@dataclass(frozen=True)
class FactChange:
    """A difference in what the reports were made with; `what` names it."""

    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class SetChange:
    """What only one of the reports compared of a model, or what other inputs change: `rows` are
    counted here and not listed.
    """

    model: str
    what: str
    rows: int


@dataclass(frozen=True)
class ReportDiff:
    """`verdicts`: what fails as a whole in B but not in A (a model, a source, the self-test).
    `sets`: differences of what was compared. `same` counts the unchanged rows.
    """

    facts: tuple[FactChange, ...]
    sets: tuple[SetChange, ...]
    verdicts: tuple[str, ...]
    rows: tuple[RowChange, ...]
    same: int

    @property
    def worse(self) -> bool:
        return bool(self.verdicts) or any(change.kind == WORSE for change in self.rows)

    def to_dict(self) -> dict[str, Any]:
        return {
            "worse": self.worse,
            "verdicts": list(self.verdicts),
            "facts": [asdict(fact) for fact in self.facts],
            "sets": [asdict(found) for found in self.sets],
            "rows": [change.to_dict() for change in self.rows],
            "same": self.same,
        }


def diff(before: ParityReport, after: ParityReport, *, factor: float = FACTOR) -> ReportDiff:
    """Compares two reports (from `read_report`): A is `before`, B is `after`."""
    changes, same = [], 0
    olds, news = _by_key(before), _by_key(after)
    for name in dict.fromkeys((*olds, *news)):
        change = _change(name[0], olds.get(name), news.get(name), factor)
        if change is None:
            same += 1
        else:
            changes.append(change)
    changes, sets = _by_set(changes, before, after)
    changes.sort(key=lambda change: (KINDS.index(change.kind), -_size(change)))
    return ReportDiff(
        facts=tuple(_facts(before, after)),
        sets=sets,
        verdicts=tuple(_verdicts(before, after)),
        rows=tuple(changes),
        same=same,
    )


def _by_set(
    changes: Sequence[RowChange], before: ParityReport, after: ParityReport
) -> tuple[list[RowChange], tuple[SetChange, ...]]:
    """The changes to list, and those that follow from comparing other sets, counted by model. What
    newly fails or changed its status is always listed.
    """
    olds, news = ({(row.model, row.backend) for row in r.rows} for r in (before, after))
    inputs = [{m.name: m.inputs_sha256 for m in report.models} for report in (before, after)]
    other_inputs = {
        name for name in inputs[0] if name in inputs[1] and inputs[0][name] != inputs[1][name]
    }
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for change in changes:
        model, backend = change.key.model, change.key.backend
        place = (model, backend)
        if change.kind in (VANISHED, APPEARED) and (place in olds) != (place in news):
            side, other = ("A", news) if place in olds else ("B", olds)
            alone = all(name != model for name, _ in other)
            counts[model, f"compared in {side} only" if alone else f"{backend} in {side} only"] += 1
        elif change.kind in (VANISHED, APPEARED, VALUE) and model in other_inputs:
            counts[model, "other inputs, so other values"] += 1
        else:
            kept.append(change)
    return kept, tuple(SetChange(model, what, rows) for (model, what), rows in counts.items())


def _by_key(report: ParityReport) -> dict[tuple[Key, int], Row]:
    """Repeated keys are numbered, so that no row hides another."""
    found: dict[tuple[Key, int], Row] = {}
    for row in report.rows:
        count = 0
        while (row.key, count) in found:
            count += 1
        found[row.key, count] = row
    return found


def _change(key: Key, old: Row | None, new: Row | None, factor: float) -> RowChange | None:
    times = _times(old, new)

    def of(kind: str) -> RowChange:
        return RowChange(kind, key, old, new, times)

    if new is not None and _fails(new) and not (old is not None and _fails(old)):
        return of(WORSE)
    if old is None:
        return of(APPEARED)
    if new is None:
        return of(VANISHED)
    if _fails(old) and new.status == "pass":
        return of(BETTER)
    if old.status != new.status or old.judged != new.judged:
        return of(STATUS)
    if (old.value is None) != (new.value is None):
        return of(VALUE)
    if times is not None and not 1 / factor <= times <= factor:
        return of(VALUE)
    if times is None and old.value != new.value:
        return of(VALUE)
    return None


def _fails(row: Row) -> bool:
    return row.judged and row.status == FAIL


def _times(old: Row | None, new: Row | None) -> float | None:
    if old is None or new is None or not old.value or new.value is None:
        return None
    return new.value / old.value


def _size(change: RowChange) -> float:
    """How much a value changed, in either direction."""
    if change.factor is None:
        return float("inf") if change.kind == VALUE else 0.0
    times = abs(change.factor)
    return max(times, 1 / times) if times else float("inf")


def _verdicts(before: ParityReport, after: ParityReport) -> Iterator[str]:
    held = {model.name for model in before.models if model.passed}
    known = {model.name for model in before.models}
    for model in after.models:
        name = model.name
        if not model.passed and (name in held or name not in known):
            yield f"{name} fails"
    failed = {failure.source for failure in before.failures}
    for failure in after.failures:
        if failure.source not in failed:
            first, *_ = failure.message.splitlines() or [""]
            yield f"{failure.source}: {first}"
    if _test_failed(after) and not _test_failed(before):
        yield "the self-test fails"
    if not after.models and before.models:
        yield "nothing was compared"


def _test_failed(report: ParityReport) -> bool:
    return report.self_test is not None and not report.self_test.passed


def _facts(before: ParityReport, after: ParityReport) -> Iterator[FactChange]:
    """Machine, tools, options, limits, inputs and models, name by name."""
    for part in ("machine", "tools", "options", "limits", "golden"):
        yield from _compare_facts(part, *(_named(getattr(r, part)) for r in (before, after)))
    olds = {model.name: _identity(model) for model in before.models}
    news = {model.name: _identity(model) for model in after.models}
    for name in dict.fromkeys((*olds, *news)):
        if name not in news or name not in olds:
            there, absent = "compared", "not compared"
            yield FactChange(
                name, there if name in olds else absent, there if name in news else absent
            )
            continue
        yield from _compare_facts(name, olds[name], news[name])


def _named(facts: Part | dict[str, str] | None) -> dict[str, Any]:
    values: dict[str, Any] = plain(facts or {})
    return values


def _identity(model: ModelParity) -> dict[str, str]:
    artifacts = {
        f"{backend.name} SHA-256": backend.artifact_sha256
        for backend in model.backends
        if backend.artifact_sha256 is not None
    }
    return {"SHA-256": model.sha256, "inputs SHA-256": model.inputs_sha256, **artifacts}


def _compare_facts(
    part: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[FactChange]:
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a != b:
            yield FactChange(f"{part}: {name}", _words(a), _words(b))


def _words(value: Any) -> str | None:
    return None if value is None else str(value)
