"""Shares, figures, heat, curves and the island, against arithmetic on paper."""

import math
from types import SimpleNamespace

import pytest
from msgspec import convert
from msgspec.structs import replace

from blazepalm.reports.judge.limit_usage import usage
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.report_parts import Layers
from blazepalm.reports.render.html.curves import curves
from blazepalm.reports.render.html.heat import heat
from blazepalm.reports.render.html.limit_usage import level
from blazepalm.reports.render.html.numbers import figure
from blazepalm.reports.render.html.page_data import page_data
from blazepalm.reports.render.html.stage_order import stage_positions
from support import report_samples
from support.report_samples import typed

FIGURES = [
    (None, "–"), (0.0, "0"), (1.0, "1"), (3.14159, "3.14"), (2.40, "2.4"), (2e-6, "2e-6"),
    (0.00012345, "0.000123"), (0.000012345, "1.23e-5"), (1.5e-7, "1.5e-7"), (61.0, "61"),
    (1234.5, "1,230"), (999_999.0, "999,999"), (42_271.3, "42,300"), (3.2e7, "3.2e7"),
    (-0.25, "-0.25"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), FIGURES)
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_figures_have_units() -> None:
    assert figure(0.5, "px") == "0.5 px"
    assert figure("nominal") == "nominal"


@pytest.mark.parametrize(
    ("metric", "value", "limit", "used"),
    [
        ("largest error", 3.0, 10.0, 0.3),
        ("largest error", 10.0, 10.0, 1.0),
        ("largest error", 40.0, 10.0, 4.0),
        ("flips", 0.0, 0.0, 0.0),
        ("flips", 1.0, 0.0, math.inf),
        ("IoU", 1.0, 0.99, 0.0),
        ("IoU", 0.995, 0.99, 0.5),
        ("IoU", 0.9, 0.99, 10.0),
        ("largest error", None, 10.0, None),
        ("largest error", 3.0, None, None),
    ],
)
def test_share_of_a_limit(
    metric: str, value: float | None, limit: float | None, used: float | None
) -> None:
    found = usage(SimpleNamespace(metric=metric, limit=limit), value)
    assert found is None if used is None else found == pytest.approx(used)


def test_levels() -> None:
    assert [level(v) for v in (0, 0.01, 0.05, 0.3, 1.0, 1.01, 10, math.inf)] == [
        0, 0, 1, 2, 3, 4, 4, 5,
    ]  # fmt: skip
    assert level(None) is None


def test_the_way_of_a_detector_and_of_a_landmark_model() -> None:
    def way(model: str, *stages: str) -> list[str]:
        rows = [
            SimpleNamespace(model=model, stage=stage, mode=mode)
            for mode in ("cascade", "isolated")
            for stage in stages
        ]
        names = [f"{row.stage}, {row.mode}" for row in rows]
        return [name for _, name in sorted(zip(stage_positions(rows), names, strict=True))]

    assert way("palm", "raw outputs", "region", "letterboxed tensor") == [
        "letterboxed tensor, isolated", "letterboxed tensor, cascade",
        "raw outputs, isolated", "raw outputs, cascade", "region, isolated", "region, cascade",
    ]  # fmt: skip
    assert way("hand", "landmarks", "raw outputs", "landmark tensor")[::2] == [
        "landmark tensor, isolated", "raw outputs, isolated", "landmarks, isolated",
    ]  # fmt: skip
    assert way("m", "of tomorrow", "landmarks in the image")[-1] == "of tomorrow, cascade"


def test_heat_shows_the_worse_reference() -> None:
    values = report_samples.passing()
    (table,) = (t for t in heat(typed(values)) if t["model"].name == "palm-full-2023-09")
    assert table["columns"] == ["torch", "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"]
    raw = table["groups"][0]
    assert (raw["stage"], raw["mode"]) == ("raw outputs", "isolated")
    for line in raw["lines"]:
        multiples = [
            row["multiple"]
            for row in values["rows"]
            if row["model"] == "palm-full-2023-09"
            and (row["field"], row["backend"], row["judge"]) == (line["field"], "torch", "floor")
        ]
        assert len(multiples) == 2
        assert line["cells"][0]["text"] == f"{figure(max(multiples))} ×"


def layered(*layers: dict[str, tuple[float | None, float | None]]) -> ParityReport:
    """A report of one model whose layers have these (cumulative, local) errors by backend."""
    rows = [
        {
            "op": 2 * i, "operator": "ADD", "tensor": "t", "shape": [1], "module": None,
            "mil": None,
            "backends": {
                name: {"cumulative": pair[0], "local": pair[1], "status": "pass"}
                for name, pair in layer.items()
            },
        }
        for i, layer in enumerate(layers)
    ]  # fmt: skip
    culprit = {"op": 2, "operator": "ADD", "tensor": "t", "module": None, "mil": None, "local": 9.0}
    found = {"case": "c", "reference": "tflite", "rows": rows, "culprits": {"torch": culprit}}
    report = typed(report_samples.passing())
    models = (
        replace(report.models[0], layers=convert(found, Layers)),
        replace(report.models[1], layers=None),
    )
    return replace(report, models=models)


def test_curve_is_logarithmic_and_broken_where_nothing_was_measured() -> None:
    (curve,) = curves(
        layered({"torch": (1, 1)}, {"torch": (100, 9)}, {"torch": (None, None)}, {"torch": (10, 0)})
    )
    size = curve["size"]
    width, height = size["right"] - size["left"], size["bottom"] - size["top"]
    x = [round(size["left"] + width * (i + 0.5) / 4, 1) for i in range(4)]
    (torch,) = curve["series"]
    # 0.01 … 100: four decades from the bottom to the top
    y = {v: round(size["bottom"] - height * (math.log10(v) + 2) / 4, 1) for v in (1, 10, 100, 9)}
    assert torch["path"] == f"M{x[0]} {y[1]} L{x[1]} {y[100]} M{x[3]} {y[10]}"
    assert [(d["x"], d["y"]) for d in torch["dots"]] == [
        (x[0], y[1]), (x[1], y[9]), (x[3], size["bottom"]),
    ]  # fmt: skip
    assert [(c["backend"], c["x"]) for c in curve["culprits"]] == [("torch", x[1])]


def test_landmarks_are_told_by_their_distance_from_litert() -> None:
    values = report_samples.failing()
    found = page_data(typed(values), [None] * len(values["cases"]))
    pair = "palm-full-2023-09 + hand-full-2022"
    compared = 0
    for case, shown in zip(values["cases"], found["cases"], strict=True):
        for backend, hands in case["hands"].get(pair, {}).items():
            for number, hand in enumerate(hands):
                entry = shown["hands"][pair][backend][number]
                if backend == "tflite":
                    continue
                origin = case["hands"][pair]["tflite"][entry["of"]]["landmarks"]
                off = [
                    b[i] - a[i]
                    for a, b in zip(origin, hand["landmarks"], strict=True)
                    for i in (0, 1)
                ]
                assert entry["of"] == number
                assert entry["off"] == pytest.approx(off, rel=5e-3)
                compared += 1
    assert compared == 12 * 4


def test_a_hand_of_its_own_and_one_that_is_not_finite_have_no_partner() -> None:
    values = report_samples.passing()
    (pair, hands), *_ = values["cases"][0]["hands"].items()
    lost, broken = (
        {**hands["tflite"][0], "box": [0.0, 0.0, 9.0, 9.0]},
        {**hands["tflite"][0], "landmarks": [[None, 1.0, 0.0]] * 21},
    )
    hands["torch"] = [lost, broken]
    shown = page_data(typed(values), [None] * len(values["cases"]))["cases"][0]["hands"][pair][
        "torch"
    ]
    assert all("off" not in hand and len(hand["points"]) == 42 for hand in shown)
    assert shown[1]["points"][:2] == [None, 1]


AT_LEAST = ("IoU", "recall", "precision")


def test_a_case_counts_what_lies_beyond_its_limit() -> None:
    values = report_samples.failing()
    for case, shown in zip(
        values["cases"],
        page_data(typed(values), [None] * len(values["cases"]))["cases"],
        strict=True,
    ):
        beyond = [
            row["status"]
            for row, value in zip(values["rows"], case["values"], strict=True)
            if value is not None and row["limit"] is not None and row["judge"] != "none"
            and (value < row["limit"] if row["metric"] in AT_LEAST else value > row["limit"])
        ]  # fmt: skip
        assert (shown["failing"], shown["over"]) == (beyond.count("fail"), beyond.count("pass"))
