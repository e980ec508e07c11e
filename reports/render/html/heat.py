"""The heat map: every quantity in the pipeline × every backend, coloured by the share of its limit.

If a quantity is compared with two references, its cell shows the worse one.
"""

from collections.abc import Sequence
from typing import Any

from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.limit_usage import usage, worse
from blazepalm.reports.judge.report import ModelParity, ParityReport
from blazepalm.reports.render.html.limit_usage import level
from blazepalm.reports.render.html.numbers import figure
from blazepalm.reports.render.html.stage_order import stage_positions


def heat(report: ParityReport) -> list[dict[str, Any]]:
    """One table per model, the worst first: `columns` (backends), `groups` of lines by stage."""
    tables = [_table(number, model, report.rows) for number, model in enumerate(report.models)]
    worst_first = sorted(tables, key=lambda table: table["worst"], reverse=True)
    return [table for table in worst_first if table["groups"]]


def _table(number: int, model: ModelParity, rows: Sequence[Row]) -> dict[str, Any]:
    own = [(i, row) for i, row in enumerate(rows) if row.model == model.name]
    order = stage_positions([row for _, row in own])
    numbered = [entry for _, entry in sorted(zip(order, own, strict=True), key=lambda e: e[0])]
    candidates = [b.name for b in model.backends if b.judge not in ("reference", "none")]
    shown = [(i, row) for i, row in numbered if row.backend in candidates]
    backends = [name for name in candidates if any(row.backend == name for _, row in shown)]
    lines: dict[tuple[str, str], dict[tuple[str, str], dict[str, list[tuple[int, Row]]]]] = {}
    for i, row in shown:
        place, quantity = (row.stage, row.mode), (row.field, row.metric)
        cell = lines.setdefault(place, {}).setdefault(quantity, {})
        cell.setdefault(row.backend, []).append((i, row))
    groups = [
        {
            "stage": stage,
            "mode": mode,
            "lines": [
                {
                    "field": field,
                    "metric": metric,
                    "cells": [_cell(cells.get(name, [])) for name in backends],
                }
                for (field, metric), cells in quantities.items()
            ],
        }
        for (stage, mode), quantities in lines.items()
    ]
    judged = [row for _, row in shown if row.judged]
    failed = any(row.status == "fail" for row in judged)
    return {
        "number": number,
        "model": model,
        "columns": backends,
        "groups": groups,
        "failed": failed,
        "worst": (failed, max((worse(usage(row, row.value)) for row in judged), default=-1.0)),
    }


def _cell(found: list[tuple[int, Row]]) -> dict[str, Any] | None:
    if not found:
        return None

    def badness(entry: tuple[int, Row]) -> tuple[bool, bool, float]:
        row = entry[1]
        used = worse(usage(row, row.value))
        return row.status == "fail", row.judge != "bits", used  # rows judged by bits say less

    number, row = max(found, key=badness)
    used = usage(row, row.value)
    by_floor = row.judge == "floor" and row.multiple is not None
    return {
        "row": number,
        "text": f"{figure(row.multiple)} ×" if by_floor else figure(row.value, row.unit),
        "level": level(used) if row.judge != "none" else None,
        "status": row.status,
    }
