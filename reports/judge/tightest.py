"""What is worst in a report, where and why, in one sentence: of the judged rows that which fails
by most or, if none fails, that which uses most of its limit.

A failing comparison of bits says less than one of numbers, and what the file itself finds in
rendered pictures says nothing about a conversion: either is named only if nothing else fails, the
latter only if it fails.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from blazepalm.reports.compare.meters import Number
from blazepalm.reports.compare.rows import BY_BITS, BY_FLOOR, FAIL, PASS, TRUTH, Row
from blazepalm.reports.judge.judge_rows import allowance
from blazepalm.reports.judge.limit_usage import usage, worse
from blazepalm.reports.judge.report_parts import Culprit, Layers, Part
from blazepalm.reports.judge.task_limits import by_picture, most_or_least
from blazepalm.text import figure, printable


class Tightest(Part, frozen=True):
    """`row`: the worst row's index in the report's `rows`; `share`: how much of its limit it uses
    (1 is the limit), None where that is not finite; `sentence`: what is worst, where and why.
    """

    row: int
    share: Number
    sentence: str


class _Backend(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def first_divergence(self) -> str | None: ...


class _Model(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def backends(self) -> Sequence[_Backend]: ...
    @property
    def layers(self) -> Layers | None: ...


def tightest(rows: Sequence[Row], models: Iterable[_Model]) -> Tightest | None:
    """The worst judged row; None if nothing was judged."""
    judged = [
        (index, row)
        for index, row in enumerate(rows)
        if row.judged and (row.status == FAIL or (row.status == PASS and row.stage != TRUTH))
    ]
    if not judged:
        return None
    index, row = max(judged, key=lambda entry: _badness(entry[1]))
    used = usage(row, row.value)
    share = used if used is not None and math.isfinite(used) else None
    model = next((model for model in models if model.name == row.model), None)
    return Tightest(index, share, _sentence(row, used, model))


def _badness(row: Row) -> tuple[bool, bool, bool, float]:
    used = math.inf if row.status == FAIL and row.value is None else worse(usage(row, row.value))
    return row.status == FAIL, row.stage != TRUTH, row.judge != BY_BITS, used


def _sentence(row: Row, used: float | None, model: _Model | None) -> str:
    own = [] if model is None else [b for b in model.backends if b.name == row.backend]
    backend = own[0] if own else None
    precision = "" if backend is None else f" ({backend.precision})"
    who = "the file itself" if row.stage == TRUTH else f"{row.backend}{precision}"
    where = "" if row.worst_case is None else f" on {row.worst_case}"
    text = f"{row.model}, {who}, {row.field}, {row.metric}{where}: "
    if row.status != FAIL and by_picture(row):
        return printable(f"tightest: {text}passes by what its picture allows: {allowance(row)}")
    if row.status != FAIL:
        return printable(f"tightest: {text}{_percent(used)} of its limit ({_value(row)})")
    why = "; ".join((*row.reasons[:1], *_cause(backend, model)))
    return printable(f"worst: {text}{why or 'fails'}")


def _value(row: Row) -> str:
    if row.judge == BY_FLOOR and row.floor:
        most = figure((row.limit or 0.0) / row.floor)
        return f"{figure(row.multiple)} × the floor; at most {most} × passes"
    value, limit = figure(row.value, row.unit), figure(row.limit, row.unit)
    return f"{value}; at {most_or_least(row)} {limit} passes"


def _percent(used: float | None) -> str:
    return "nothing" if used is None else f"{100 * used:{'.0f' if used >= 0.1 else '.2g'}} %"


def _cause(backend: _Backend | None, model: _Model | None) -> list[str]:
    """Where it begins: the first wrong layer, else the first stage that diverges."""
    if backend is None or model is None:
        return []
    culprit: Culprit | None = (model.layers.culprits if model.layers else {}).get(backend.name)
    if culprit is not None:
        return [f"the first wrong layer is operator {culprit.op} {culprit.operator}"]
    stage = backend.first_divergence
    return [f"first diverges at {stage}"] if stage and stage != TRUTH else []
