"""The page's first screen: the verdict, each model's backends against their limits, and why."""

from collections.abc import Iterator, Sequence
from typing import Any

from blazepalm.reports.compare.rows import BY_FLOOR, BY_TASK
from blazepalm.reports.judge.headline import HOLDS, PARTLY, UNVERIFIED
from blazepalm.reports.judge.report import (
    TRUTH_UNCHECKED,
    BackendSummary,
    ModelParity,
    ParityReport,
)
from blazepalm.reports.render.columns import EXECUTED, columns, litert_bits
from blazepalm.reports.render.first_words import capitalised, warnings, worst
from blazepalm.reports.render.html.limit_usage import level
from blazepalm.reports.render.html.numbers import figure
from blazepalm.reports.render.task_use import task_use
from blazepalm.text import counted

Entry = dict[str, Any]  # what a template shows
MAX_LINES = 3  # failures listed under the headline
MAX_REASONS = 4  # reasons listed per backend; the table has the rest


def masthead(report: ParityReport, failed: Sequence[Entry]) -> Entry:
    """`state` is holds, fails or partly; `headline` and `facts` are text; `because`: the first few
    failures, each as (what failed, why); `worst`: the worst row's number, and the sentence about
    it; `warnings`: what to know before the numbers.
    """
    models, counts = report.models, report.counts
    tested, verdict = report.self_test, report.verdict
    state = {HOLDS: "holds", PARTLY: "partly", UNVERIFIED: "partly"}.get(verdict, "fails")
    facts = [
        (counted(len(models), "model"), ""),
        (counted(report.cases_total, "input"), _of_photos(report)),
        (f"{counts.passed} of {counts.rows}", "judged comparisons pass"),
    ]
    if counts.fail:
        facts.append((str(counts.fail), "fails" if counts.fail == 1 else "fail"))
    if (farthest := _farthest(report)) is not None:
        facts.append((f"{figure(farthest)} ×", "the float32 floor at most"))
    for name, (equal, compared) in litert_bits(report).items():
        if equal == compared:
            facts.append((f"{equal} of {compared}", f"outputs of {name} are LiteRT’s bit for bit"))
    if report.failures:
        facts.append((counted(len(report.failures), "source"), "without a verdict"))
    if tested is not None:
        facts.append((f"{tested.caught} of {tested.planted}", "planted faults caught"))
    if any(TRUTH_UNCHECKED in model.notes for model in models):
        facts.append(("the rendered truth", "not checked"))
    found = worst(report)
    return {
        "state": state,
        "headline": verdict.capitalize(),
        "facts": facts,
        "because": list(_because(report, failed)),
        "worst": None if found is None else (found.row, capitalised(found.sentence)),
        "warnings": warnings(report),
    }


def matrix(report: ParityReport) -> Entry:
    """Models × judged backends. `columns`: name, precision, note; `lines`: one cell per column;
    `legend`: what each column is, LiteRT first.
    """
    names = list(
        dict.fromkeys(
            backend.name
            for model in report.models
            for backend in model.backends
            if backend.judge not in ("reference", "none")
        )
    )
    known = {b.name: b for model in report.models for b in model.backends}
    headings = [
        {"name": n, "precision": known[n].precision, "executed": n.startswith(EXECUTED)}
        for n in names
    ]
    lines = []
    for number, model in enumerate(report.models):
        own = {backend.name: backend for backend in model.backends}
        cells = [_cell(report, model, own[n]) if n in own else None for n in names]
        lines.append({"number": number, "model": model, "cells": cells})
    return {
        "columns": headings,
        "lines": lines,
        "limit": report.limits.float32_multiple,
        "legend": columns(report),
    }


def why(report: ParityReport) -> list[Entry]:
    """One entry per backend that did not pass: its first divergence, culprit and reasons."""
    found = []
    for model in report.models:
        culprits = model.layers.culprits if model.layers else {}
        for backend in model.backends:
            if backend.status == "pass":
                continue
            failing = sum(
                row.status == "fail"
                for row in report.rows
                if row.model == model.name and row.backend == backend.name
            )
            reasons = backend.reasons
            found.append(
                {
                    "model": model.name,
                    "backend": backend,
                    "failing": failing,
                    "culprit": culprits.get(backend.name),
                    "reasons": reasons[:MAX_REASONS],
                    "more": len(reasons) - len(reasons[:MAX_REASONS]),
                }
            )
    return found


def _of_photos(report: ParityReport) -> str:
    number = len(report.photos)
    return f"with {counted(number, 'photograph')}" if number else ""


def _cell(report: ParityReport, model: ModelParity, backend: BackendSummary) -> Entry:
    """`value` in large, `about` in small, `used` of the limit (0..1) for the bar; `bits`: how many
    outputs have LiteRT's own.
    """
    bits = backend.litert_bits
    cell: Entry = {
        "name": backend.name,
        "status": backend.status,
        "first_divergence": backend.first_divergence,
        "bits": None if bits is None else "{} of {}".format(*bits),
    }
    if backend.judge == BY_TASK:
        value, about, used = task_use(report.rows, model.name, backend.name, figure)
        return {**cell, "value": value, "about": about, "used": _bar(used), "level": level(used)}
    multiple = backend.worst_multiple
    used = None if multiple is None else multiple / report.limits.float32_multiple
    value = "" if multiple is None else f"{figure(multiple)} ×"
    about = "the floor" if value else ""
    return {**cell, "value": value, "about": about, "used": _bar(used), "level": level(used)}


def _because(report: ParityReport, failed: Sequence[Entry]) -> Iterator[tuple[str, ...]]:
    said = [(failure.source, "no verdict") for failure in report.failures]
    said += [
        (model.name, "all backends agree, but the file fails against the rendered truth")
        for model in report.models
        if model.useless
    ]
    for entry in failed:
        backend, culprit = entry["backend"], entry["culprit"]
        divergence = backend.first_divergence
        words = [backend.status.replace("_", " ")] if divergence is None else []
        words += [f"first diverges at {divergence}"] if divergence else []
        words += [f"culprit operator {culprit.op} {culprit.operator}"] if culprit else []
        said.append((f"{entry['model']} on {backend.name}", ", ".join(words)))
    yield from said[:MAX_LINES]
    if len(said) > MAX_LINES:
        yield (f"{len(said) - MAX_LINES} more", "below")


def _bar(used: float | None) -> int | None:
    """The bar's length in per cent."""
    return None if used is None else round(100 * min(used, 1.0))


def _farthest(report: ParityReport) -> float | None:
    multiples = [
        backend.worst_multiple
        for model in report.models
        for backend in model.backends
        if backend.judge == BY_FLOOR and backend.worst_multiple is not None
    ]
    return max(multiples, default=None)
