"""Compact data for the page's script: tables by columns, landmarks relative to LiteRT's.

Every table is `{columns, lines}`. A backend's hand is stored as its offset from LiteRT's, with
three significant digits, so that a difference of 1e-5 px can be magnified ten thousandfold. This
is for display only; the numbers themselves are in the JSON report.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from blazepalm.converter.tensor_map import TensorMapRow
from blazepalm.reports.compare.hands import ListedHand
from blazepalm.reports.compare.meters import Difference
from blazepalm.reports.compare.rows import BY_BITS, NOT_JUDGED, TRUTH, Row
from blazepalm.reports.hands.draw import FINGERS, PALM
from blazepalm.reports.judge.limit_usage import usage
from blazepalm.reports.judge.report import CaseResult, ModelParity, ParityReport
from blazepalm.reports.judge.report_parts import Layer
from blazepalm.reports.judge.task_limits import LEAST, by_picture
from blazepalm.reports.render.html.stage_order import stage_positions

REFERENCE = "tflite"


def _fields(kind: type[Struct], *left_out: str) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in left_out)


ROW = _fields(Row, "difference", "spread")
SPREAD = ("median", "sensitivity", "measured")  # its p99 is none of a tensor's
DIFFERENCE = _fields(Difference, "inputs", "worst", "problems")
LAYER = _fields(Layer, "backends")
TENSOR = _fields(TensorMapRow, "operand", "tensor")


def page_data(report: ParityReport, images: Sequence[str | None]) -> dict[str, Any]:
    models, rows = report.models, report.rows
    credit_of = {photo.name: f"{photo.credit}, {photo.licence}" for photo in report.photos}
    return {
        "fingers": [[list(chain), name] for name, (chain, _) in FINGERS.items()],
        "palm": [list(bone) for bone in PALM],
        "reference": REFERENCE,
        "models": [model.name for model in models],
        "backends": list(dict.fromkeys(b.name for m in models for b in m.backends)),
        "multiple": report.limits.float32_multiple,
        "least": LEAST,
        "rows": {
            "columns": [
                *ROW,
                "place",
                "share",
                "worst",
                "problems",
                *DIFFERENCE,
                *SPREAD,
                "most",
                "allowed",
            ],
            "lines": [
                _row(row, place) for row, place in zip(rows, stage_positions(rows), strict=True)
            ],
        },
        "cases": [
            {**_case(case, image is not None, rows), "credit": credit_of.get(case.name)}
            for case, image in zip(report.cases, images, strict=True)
        ],
        "layers": _layers(models),
        "tensors": {
            "columns": ["model", *TENSOR],
            "lines": [
                [number, *(getattr(entry, name) for name in TENSOR)]
                for number, model in enumerate(models)
                for entry in model.tensor_map
            ],
        },
    }


def _row(row: Row, place: int) -> list[Any]:
    difference, spread = row.difference, row.spread
    worst = None if difference is None else difference.worst
    used = usage(row, row.value)
    return [
        *(_short(getattr(row, name), 5) for name in ROW),
        place,
        None if used is None else _share(used, 4),
        None if worst is None else astuple(worst),
        [] if difference is None else difference.problems,
        *(None if difference is None else _short(getattr(difference, n), 5) for n in DIFFERENCE),
        *(None if spread is None else _short(getattr(spread, n), 5) for n in SPREAD),
        None if spread is None else _short(spread.p99, 5),
        by_picture(row),
    ]


def _case(case: CaseResult, pictured: bool, rows: Sequence[Row]) -> dict[str, Any]:
    failing = over = 0
    worst: tuple[tuple[bool, bool, float], int] | None = None  # as in `judge.tightest`
    for number, (row, value) in enumerate(zip(rows, case.values, strict=True)):
        used = usage(row, value)
        if used is None or row.judge == NOT_JUDGED:
            continue
        if used > 1:
            failing += row.status == "fail"
            over += row.status != "fail"
        if row.stage == TRUTH and used <= 1:  # its limit is a mean's, and of the file itself
            continue
        badness = (used > 1, row.judge != BY_BITS, used)
        if worst is None or badness > worst[0]:
            worst = (badness, number)
    return {
        "name": case.name,
        "kind": case.kind,
        "width": case.width,
        "height": case.height,
        "sha256": case.sha256,
        "pictured": pictured,
        "failing": failing,
        "over": over,
        "share": None if worst is None else _share(worst[0][-1], 3),
        "worst": None if worst is None else worst[1],
        "truth": [_points(hand.landmarks, 2) for hand in case.truth or ()],
        "hands": {
            pair: {name: _hands(found.get(REFERENCE, ()), hands) for name, hands in found.items()}
            for pair, found in case.hands.items()
        },
        "values": [_short(value, 4) for value in case.values],
    }


def _share(used: float, digits: int) -> Any:
    """−1 stands for infinity."""
    return -1 if math.isinf(used) else _short(used, digits)


def _hands(reference: Sequence[ListedHand], hands: Sequence[ListedHand]) -> list[dict[str, Any]]:
    """Each hand relative to LiteRT's nearest: `of` is that hand's index, `off` every joint's
    offset from it; the reference's hands, and hands without a partner, as `points`.
    """
    found, others = [], [_whole(hand) for hand in reference]
    for hand in hands:
        entry: dict[str, Any] = {
            "box": [_round(v, 1) for v in hand.box],
            "score": _short(hand.score, 4),
            "presence": _short(hand.presence, 4),
            "handedness": _short(hand.handedness, 4),
        }
        mine = None if hands is reference else _whole(hand)
        partner = None if mine is None else _nearest(others, mine)
        if mine is None or partner is None:
            entry["points"] = _points(hand.landmarks, 2)
        else:
            number, other = partner
            entry["of"] = number
            pairs = zip(mine.points, other.points, strict=True)
            entry["off"] = [_short(float(a - b), 3) for a, b in pairs]
        found.append(entry)
    return found


class _Whole(NamedTuple):
    """A hand's box, and x, y, x, y, … of its landmarks."""

    box: list[float]
    points: list[float]


def _whole(hand: ListedHand) -> _Whole | None:
    """None if a value is None, which stands for NaN and infinity."""
    values = [*hand.box, *(v for point in hand.landmarks for v in point)]
    known = [v for v in values if v is not None]
    plane = [v for i, v in enumerate(known[4:]) if i % 3 < 2]
    return _Whole(known[:4], plane) if len(known) == len(values) else None


def _nearest(others: Sequence[_Whole | None], hand: _Whole) -> tuple[int, _Whole] | None:
    """The hand with the nearest box and its index, if nearer than half a box."""
    gaps = [
        (max(abs(a - b) for a, b in zip(other.box, hand.box, strict=True)), number, other)
        for number, other in enumerate(others)
        if other is not None
    ]
    gap, number, other = min(gaps, default=(math.inf, 0, hand))
    left, top, right, bottom = other.box
    return (number, other) if gap <= max(right - left, bottom - top) / 2 else None


def _layers(models: Sequence[ModelParity]) -> dict[str, Any]:
    compared = [(i, model.layers) for i, model in enumerate(models) if model.layers is not None]
    names = list(
        dict.fromkeys(n for _, each in compared for row in each.rows for n in row.backends)
    )
    lines = []
    for number, layers in compared:
        for layer in layers.rows:
            guilty = [n for n, c in layers.culprits.items() if c and c.op == layer.op]
            measured = [
                [_short(found.cumulative, 3), _short(found.local, 3), found.status]
                if (found := layer.backends.get(name)) is not None
                else [None] * 3
                for name in names
            ]
            lines.append([number, *(getattr(layer, name) for name in LAYER), guilty, measured])
    return {
        "backends": names,
        "columns": ["model", *LAYER, "guilty", "measured"],
        "lines": lines,
    }


def _points(points: Sequence[Sequence[float | None]], digits: int) -> list[float | int | None]:
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
