"""Compact data for the page's script: tables by columns, landmarks relative to LiteRT's.

Every table is `{columns, lines}`. A backend's hand is stored as its offset from LiteRT's, with
three significant digits, so that a difference of 1e-5 px can be magnified ten thousandfold. This
is for display only; the numbers themselves are in the JSON report.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import astuple

from blazepalm.reports.compare.rows import Row
from blazepalm.reports.hands.draw import FINGERS, PALM
from blazepalm.reports.judge.task_limits import LEAST
from blazepalm.reports.render.html.limit_usage import usage
from blazepalm.reports.render.html.stage_order import stage_positions

Report = Mapping[str, Any]
REFERENCE = "tflite"
ROW = (
    "model", "stage", "mode", "output", "field", "backend", "reference", "metric", "judge",
    "unit", "inputs", "value", "limit", "floor", "multiple", "worst_case", "status", "reasons",
)  # fmt: skip
DIFFERENCE = (
    "elements", "peak", "max_abs", "mean_abs", "p50", "p99", "p999", "rmse", "rel_l2", "snr_db",
    "psnr_db", "cosine", "half_units", "unequal", "nonfinite_reference", "nonfinite_candidate",
)  # fmt: skip
LAYER = ("op", "operator", "tensor", "shape", "module", "mil")
TENSOR = (
    "key", "shape", "dtype", "operator", "name", "stored_dtype", "stored_shape", "sparse",
    "folded", "transform", "source_sha256", "value_sha256",
)  # fmt: skip


def page_data(report: Report, rows: Sequence[Row], images: Sequence[str | None]) -> dict[str, Any]:
    models = report["models"]
    return {
        "fingers": [[list(chain), name] for name, (chain, _) in FINGERS.items()],
        "palm": [list(bone) for bone in PALM],
        "reference": REFERENCE,
        "models": [model["name"] for model in models],
        "backends": list(dict.fromkeys(b["name"] for m in models for b in m["backends"])),
        "multiple": report["limits"]["float32_multiple"],
        "least": LEAST,
        "rows": {
            "columns": [*ROW, "place", "share", "worst", "problems", *DIFFERENCE],
            "lines": [
                _row(row, place) for row, place in zip(rows, stage_positions(rows), strict=True)
            ],
        },
        "cases": [
            _case(case, image is not None, rows)
            for case, image in zip(report["cases"], images, strict=True)
        ],
        "layers": _layers(models),
        "tensors": {
            "columns": ["model", *TENSOR],
            "lines": [
                [number, *(entry[name] for name in TENSOR)]
                for number, model in enumerate(models)
                for entry in model["tensor_map"]
            ],
        },
    }


def _row(row: Row, place: int) -> list[Any]:
    difference = row.difference
    worst = None if difference is None else difference.worst
    used = usage(row, row.value)
    return [
        *(_short(getattr(row, name), 5) for name in ROW),
        place,
        None if used is None else -1 if math.isinf(used) else _short(used, 4),
        None if worst is None else astuple(worst),
        [] if difference is None else difference.problems,
        *(None if difference is None else _short(getattr(difference, n), 5) for n in DIFFERENCE),
    ]


def _case(case: Mapping[str, Any], pictured: bool, rows: Sequence[Row]) -> dict[str, Any]:
    failing = over = 0
    worst: tuple[float, int] | None = None
    for number, (row, value) in enumerate(zip(rows, case["values"], strict=True)):
        used = usage(row, value)
        if used is None or row.judge == "none":
            continue
        if used > 1:
            failing += row.status == "fail"
            over += row.status != "fail"
        if worst is None or used > worst[0]:
            worst = (used, number)
    return {
        "name": case["name"],
        "kind": case["kind"],
        "width": case["width"],
        "height": case["height"],
        "sha256": case["sha256"],
        "pictured": pictured,
        "failing": failing,
        "over": over,
        "share": None if worst is None else -1 if math.isinf(worst[0]) else _short(worst[0], 3),
        "worst": None if worst is None else worst[1],
        "truth": [_points(hand["landmarks"], 2) for hand in case["truth"] or ()],
        "hands": {
            pair: {name: _hands(found.get(REFERENCE, ()), hands) for name, hands in found.items()}
            for pair, found in case["hands"].items()
        },
        "values": [_short(value, 4) for value in case["values"]],
    }


def _hands(reference: Sequence[Report], hands: Sequence[Report]) -> list[dict[str, Any]]:
    """Each hand relative to LiteRT's nearest: `of` is that hand's index, `off` every joint's
    offset from it; the reference's hands, and hands without a partner, as `points`.
    """
    found = []
    for hand in hands:
        entry: dict[str, Any] = {
            "box": [_round(v, 1) for v in hand["box"]],
            **{name: _short(hand.get(name), 4) for name in ("score", "presence", "handedness")},
        }
        landmarks = hand["landmarks"]
        partner = None if hands is reference else _nearest(reference, hand)
        if landmarks is None:
            pass
        elif partner is None:
            entry["points"] = _points(landmarks, 2)
        else:
            entry["of"] = partner
            pairs = zip(landmarks, reference[partner]["landmarks"], strict=True)
            entry["off"] = [_short(float(a[i] - b[i]), 3) for a, b in pairs for i in range(2)]
        found.append(entry)
    return found


def _nearest(reference: Sequence[Report], hand: Report) -> int | None:
    """The hand with the nearest box, if nearer than half a box."""
    if not _is_whole(hand):
        return None
    best: tuple[float, int] | None = None
    for number, other in enumerate(reference):
        if not _is_whole(other):
            continue
        gap = max(abs(a - b) for a, b in zip(other["box"], hand["box"], strict=True))
        if best is None or gap < best[0]:
            best = gap, number
    if best is None:
        return None
    left, top, right, bottom = reference[best[1]]["box"]
    return best[1] if best[0] <= max(right - left, bottom - top) / 2 else None


def _is_whole(hand: Report) -> bool:
    """Whether no value is None, which stands for NaN and infinity."""
    points = hand["landmarks"]
    return points is not None and None not in [*hand["box"], *(v for p in points for v in p)]


def _layers(models: Iterable[Report]) -> dict[str, Any]:
    models = list(models)
    names = list(
        dict.fromkeys(
            backend
            for model in models
            for layer in (model["layers"] or {"rows": ()})["rows"]
            for backend in layer["backends"]
        )
    )
    lines = []
    for number, model in enumerate(models):
        layers = model["layers"] or {"rows": (), "culprits": {}}
        for layer in layers["rows"]:
            guilty = [n for n, c in layers["culprits"].items() if c and c["op"] == layer["op"]]
            measured = [
                [_short(found.get(key), 3) for key in ("cumulative", "local", "status")]
                for found in (layer["backends"].get(name, {}) for name in names)
            ]
            lines.append([number, *(layer[name] for name in LAYER), guilty, measured])
    return {
        "backends": names,
        "columns": ["model", *LAYER, "guilty", "measured"],
        "lines": lines,
    }


def _points(points: Sequence[Sequence[float]], digits: int) -> list[float | int | None]:
    """x, y, x, y, …"""
    return [_round(point[axis], digits) for point in points for axis in range(2)]


def _short(value: Any, digits: int) -> Any:
    """Rounds a number to `digits` significant digits; returns other values unchanged."""
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _round(value: Any, digits: int) -> Any:
    if not isinstance(value, float):
        return value
    short = round(value, digits)
    return int(short) if short.is_integer() else short
