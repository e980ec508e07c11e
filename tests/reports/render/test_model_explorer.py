"""Node data for Model Explorer: format, names and figures.

What Model Explorer calls the nodes of a TFLite file was read off its own converter
(ai-edge-model-explorer-adapter 0.2.1): an operator's id is its position in the file, and its
`tensor_name` that of its output.
"""

import json
from typing import Any

from blazepalm.converter.tflite import read
from blazepalm.models.releases import resolve
from blazepalm.reports.render.model_explorer import NOT_FINITE, dumps, node_data
from support import report_samples
from support.report_samples import typed

# (id, tensor_name) as the adapter gave them for models/weights/palm_detection_full.tflite
SEEN = {
    "0": "model_1/model/batch_normalization/FusedBatchNormV3;"
    "model_1/model/depthwise_conv2d_4/depthwise;model_1/model/conv2d/Conv2D_dequantize",
    "1": "model_1/model/conv2d/Conv2D_dequantize",
}
OPERATORS = 272  # the adapter's GraphInputs node comes behind them, with this id


def test_one_file_a_model_backend_and_kind() -> None:
    report = report_samples.passing()
    found = node_data(typed(report))
    assert set(found) == {
        f"{model}.{backend}.{kind}.json"
        for model in (*report_samples.PALMS, *report_samples.HANDS)
        for backend in ("torch", "coreml-mil")
        for kind in ("local", "cumulative")
    }
    rows = report["models"][0]["layers"]["rows"]
    torch = found["palm-lite-2021-11.torch.local.json"]
    assert torch["results"] == {
        row["tensor"]: {"value": row["backends"]["torch"]["local"]} for row in rows
    }
    mapped = [r for r in rows if r["backends"]["coreml-mil"]["status"] != "not_mapped"]
    coreml = found["palm-lite-2021-11.coreml-mil.cumulative.json"]["results"]
    assert set(coreml) == {row["tensor"] for row in mapped} and len(coreml) < len(rows)
    bounds = [threshold["value"] for threshold in torch["thresholds"]]
    assert bounds == sorted(bounds) and bounds[1] == report["limits"]["float32_multiple"]


def test_names_that_are_empty_or_come_twice_give_way_to_the_position() -> None:
    report = report_samples.passing()
    rows = report["models"][0]["layers"]["rows"]
    rows[3]["tensor"] = rows[5]["tensor"] = "same"
    rows[7]["tensor"] = ""
    results = node_data(typed(report))["palm-lite-2021-11.torch.local.json"]["results"]
    assert {"3", "5", "7"} <= set(results) and "same" not in results and "" not in results
    assert len(results) == len(rows)


def test_positions_are_the_files() -> None:
    """blazepalm's reader numbers operators as the adapter does, folded ones included."""
    graph = read(resolve("palm-full"))
    assert graph.stored_operators == OPERATORS
    assert all(op.index < OPERATORS for op in graph.operators)
    assert min(op.index for op in graph.operators) >= len(SEEN)  # DEQUANTIZE is folded
    named = {tensor.name for tensor in graph.tensors}
    assert set(SEEN.values()) <= named


def test_not_finite_is_a_colour_of_its_own() -> None:
    report = report_samples.failing()
    layer = report["models"][3]["layers"]["rows"][20]["backends"]["torch"]
    assert layer["status"] == "fail"
    layer["local"] = None
    results = node_data(typed(report))["hand-full-2022.torch.local.json"]["results"]
    assert results["model/conv2d_20/Depthwise_Conv_2D"] == NOT_FINITE


def test_without_layers_there_is_nothing() -> None:
    report = report_samples.passing()
    for model in report["models"]:
        model["layers"] = None
    assert node_data(typed(report)) == {}


def test_hostile_names_stay_in_the_folder_and_in_json() -> None:
    found = node_data(typed(report_samples.hostile()))
    assert found and not any("/" in name or name.startswith(".") for name in found)
    for data in found.values():
        again: Any = json.loads(dumps(data))
        assert again == data and dumps(data).isascii()
