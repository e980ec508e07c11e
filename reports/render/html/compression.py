"""Compressed folders in the page: size against error as a curve, and the dearest layers."""

from collections.abc import Sequence
from typing import Any

from blazepalm.reports.judge.policy import COMPRESSION_SHARE
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.subjects.compression import Compression, LayerCost, Tried

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 26, 44
TICKS = 4
DEAREST = 12  # layers that the page lists; parity.json has all
MEGA = 1e6


def compressions(report: ParityReport) -> list[dict[str, Any]]:
    """One entry for each model whose folder was written with --quantize."""
    return [
        {
            "model": model.name,
            "weights": model.compression.weights,
            "curve": size_curve(model.compression),
            "prices": [_prices(*entry) for entry in sorted(model.compression.prices.items())],
        }
        for model in report.models
        if model.compression is not None
    ]


def size_curve(compression: Compression) -> dict[str, Any] | None:
    """Points from the smallest to the largest; what lost a hand has no place on the curve."""
    points = sorted((one for one in compression.curve if one.pixels is not None), key=_size)
    if not points:
        return None
    low, high = points[0].size, points[-1].size
    peak = max(one.pixels or 0.0 for one in points) or 1.0

    def x(size: float) -> float:
        part = (size - low) / (high - low) if high > low else 0.5
        return round(LEFT + (WIDTH - LEFT - RIGHT) * part, 1)

    def y(pixels: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * pixels / peak, 1)

    chosen = min((p for p in points if is_within(p)), key=_size, default=None)
    dots = [
        {
            "x": x(one.size),
            "y": y(one.pixels or 0.0),
            "size": f"{one.size / MEGA:.2f} MB",
            "pixels": one.pixels,
            "used": one.used,
            "within": is_within(one),
            "chosen": one is chosen,
        }
        for one in points
    ]
    return {
        "dots": dots,
        "path": "M" + "L".join(f"{dot['x']} {dot['y']}" for dot in dots),
        "share": COMPRESSION_SHARE,
        "across": [
            {"x": x(size), "text": f"{size / MEGA:.2f}"} for size in sorted({*_spaced(low, high)})
        ],
        "up": [{"y": y(value), "text": f"{value:.2f}"} for value in _spaced(0.0, peak)],
        "size": {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT,
                 "top": TOP, "bottom": HEIGHT - BOTTOM},
    }  # fmt: skip


def is_within(one: Tried) -> bool:
    """Whether a choice leaves the margin that `convert --quantize auto` asks for."""
    return one.used is not None and one.used <= COMPRESSION_SHARE


def _size(one: Tried) -> int:
    return one.size


def _spaced(low: float, high: float) -> list[float]:
    return [low + (high - low) * step / TICKS for step in range(TICKS + 1)]


def _prices(file: str, rows: Sequence[LayerCost]) -> dict[str, Any]:
    whole, layers = rows[0], rows[1:]
    return {
        "file": file,
        "whole": whole,
        "layers": layers[:DEAREST],
        "more": max(0, len(layers) - DEAREST),
        "boxes": any(row.iou is not None for row in rows),
    }
