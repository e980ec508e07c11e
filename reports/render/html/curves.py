"""Layer curves, one per model: error over depth on a logarithmic scale, in multiples of float32's
cost on each layer. A line is the cumulative error, dots the local one; the culprit is named.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import asdict

from blazepalm.reports.compare.rows import NOT_RUN
from blazepalm.reports.judge.report import ModelParity, ParityReport
from blazepalm.reports.judge.report_parts import Layer, LayerError, Layers
from blazepalm.reports.render.html.numbers import figure

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 34, 34
MIN = 1e-2  # smaller multiples, including 0, are drawn on the bottom line
MAX_DECADES = 12
UNKNOWN = LayerError(None, None, NOT_RUN)


def curves(report: ParityReport) -> list[dict[str, Any]]:
    """One entry per model that was compared layer by layer, the one with the worst layer first."""
    found = [
        (_badness(model.layers), _curve(number, model, model.layers))
        for number, model in enumerate(report.models)
        if model.layers is not None and model.layers.rows
    ]
    return [curve for _, curve in sorted(found, key=lambda entry: entry[0], reverse=True)]


def _badness(layers: Layers) -> tuple[bool, float]:
    """Whether a backend has a culprit, and the largest local error."""
    local = [e.local for row in layers.rows for e in row.backends.values() if e.local is not None]
    culprits = [culprit for culprit in layers.culprits.values() if culprit is not None]
    return bool(culprits), max(local, default=0.0)


def _curve(number: int, model: ModelParity, layers: Layers) -> dict[str, Any]:
    rows = layers.rows
    names = list(dict.fromkeys(name for row in rows for name in row.backends))
    low, high = _decades(rows)

    def x(index: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (index + 0.5) / len(rows), 1)

    def y(value: float) -> float:
        part = (math.log10(max(value, 10.0**low)) - low) / (high - low)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(part, 1.0), 1)

    series = []
    for order, name in enumerate(names):
        found = [row.backends.get(name, UNKNOWN) for row in rows]
        series.append(
            {
                "name": name,
                "order": order,
                "path": _path([(x(i), entry.cumulative) for i, entry in enumerate(found)], y),
                "dots": [
                    {
                        "x": x(i),
                        "y": y(entry.local),
                        "failed": entry.status == "fail",
                        "title": f"{rows[i].op} {rows[i].operator}, {name}: "
                        f"local {figure(entry.local)} ×",
                    }
                    for i, entry in enumerate(found)
                    if entry.local is not None
                ],
            }
        )
    return {
        "number": number,
        "model": model,
        "layers": layers,
        "series": series,
        "culprits": list(_culprits(layers, rows, x)),
        "ticks": [{"y": y(10.0**d), "text": f"{10.0**d:g}"} for d in _spaced(low, high)],
        "steps": [
            {"x": x(i), "text": rows[i].op} for i in range(0, len(rows), max(1, len(rows) // 12))
        ],
        "unity": y(1.0),
        "size": {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT,
                 "top": TOP, "bottom": HEIGHT - BOTTOM},
    }  # fmt: skip


def _culprits(
    layers: Layers, rows: Sequence[Layer], x: Callable[[int], float]
) -> Iterator[dict[str, Any]]:
    """Marks each backend's culprit: the first layer with a high local error."""
    for backend, culprit in layers.culprits.items():
        if culprit is None:
            continue
        places = [i for i, row in enumerate(rows) if row.op == culprit.op]
        if places:
            at = x(places[0])
            yield {**asdict(culprit), "backend": backend, "x": at, "left": at > WIDTH * 0.6}


def _decades(rows: Sequence[Layer]) -> tuple[int, int]:
    """The range in whole powers of ten that covers every multiple, at least 1 to 10."""
    values = [
        error
        for row in rows
        for entry in row.backends.values()
        for error in (entry.cumulative, entry.local)
        if error is not None
    ]
    low, high = min([1.0, *values]), max([10.0, *values])
    bottom = math.floor(math.log10(max(low, MIN)))
    return bottom, min(math.ceil(math.log10(high)), bottom + MAX_DECADES)


def _spaced(low: int, high: int) -> range:
    return range(low, high + 1, max(1, (high - low) // 6))


def _path(points: Sequence[tuple[float, float | None]], y: Callable[[float], float]) -> str:
    """An SVG path, with gaps at layers that were not measured."""
    parts, pen = [], "M"
    for at, value in points:
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{at} {y(value)}")
        pen = "L"
    return " ".join(parts)
