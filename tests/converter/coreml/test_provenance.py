"""The origin of each operation of a package, by name and by value: the saved program's value under
a name equals LiteRT's tensor of the operator that it stands for. By default one release of each
kind; BLAZEPALM_EVERY_RELEASE=1 takes all ten.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blazepalm.converter.coreml import CoreMLOptions, CoreMLRecord, Layer, export
from blazepalm.converter.coreml.names import identifier, path
from blazepalm.reports.backends.mil import load
from support.converted import converted, images
from support.litert import run_litert
from support.models import SHARED, shared_model

EVERY = bool(os.environ.get("BLAZEPALM_EVERY_RELEASE"))
RELEASES = (
    list(SHARED.values())
    if EVERY
    else ["palm-lite-2021-11", "hand-sparse-2021-02", "hand-recrop-2020-07"]
)
# operators that are part of another's operation, or change nothing: all that may be left out
FUSED = {"PAD", "RESHAPE"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def make(release: str, face: str = "raw", precision: str = "fp32") -> tuple[CoreMLRecord, Path]:
        folder = tmp_path_factory.mktemp("packages")
        options = CoreMLOptions(face=face, precision=precision)
        record = export(converted(release), folder, options)
        return record, folder / record.name

    return make


def last_of_each(layers: tuple[Layer, ...]) -> dict[int, Layer]:
    """The operation that computes an operator's value: a fused activation comes after its own."""
    return {index: layer for layer in layers for index in layer.operators}


def stored_names(package: Path) -> set[str]:
    """The types of all values in the saved program, including constants."""
    from coremltools.proto import Model_pb2

    message = Model_pb2.Model()
    message.ParseFromString((package / "Data/com.apple.CoreML/model.mlmodel").read_bytes())
    (function,) = message.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    return {value.name for op in block.operations for value in op.outputs}


def litert_tensors(release: str, image: np.ndarray) -> Any:
    """Reads any tensor of the file as LiteRT's plain kernels compute it."""
    return run_litert(shared_model(release), image).get_tensor


@pytest.mark.parametrize("release", RELEASES)
def test_each_operation_leaves_what_its_operator_leaves(release: str, made: Any) -> None:
    model = converted(release)
    record, package = made(release)
    image = images(release, 1, seed=8)
    given = image if model.recognition is None else image.transpose(0, 3, 1, 2)
    layers = last_of_each(record.layers)
    names = [layer.values[0] for layer in layers.values()]
    program = load(package)
    inputs = {record.inputs[0].name: np.ascontiguousarray(given)}
    inner = program.run(inputs, intermediates=names)
    tensor = litert_tensors(release, image)
    compared = 0
    for op in model.graph.operators:
        if op.index not in layers:
            assert op.name in FUSED
            continue
        found, expected = inner[layers[op.index].values[0]], tensor(op.outputs[0])
        if found.ndim == 4:  # maps are N, C, H, W
            found = found.transpose(0, 2, 3, 1)
        error = np.abs(found.reshape(expected.shape) - expected).max()
        assert error <= 5e-5 * max(1.0, float(np.abs(expected).max())), op
        compared += 1
    assert compared > 0.9 * len(model.graph.operators)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("face", ["raw", "app"])
def test_every_operator_is_somewhere(release: str, face: str, made: Any) -> None:
    """In `app` a detector's heads are joined and decoded: their raw values never exist."""
    model = converted(release)
    if face == "app" and model.recognition is None:
        return
    record, _ = made(release, face)
    found = {index for layer in record.layers for index in layer.operators}
    left = [op for op in model.graph.operators if op.index not in found]
    joined = {"RESHAPE", "CONCATENATION"} if "palm" in release and face == "app" else set()
    assert {op.name for op in left} <= FUSED | joined
    assert {op.index for op in model.graph.operators} >= found


@pytest.mark.parametrize("release", ["palm-lite-2021-11", "hand-sparse-2021-02"])
def test_names_are_the_modules_paths(release: str, made: Any) -> None:
    """Every convolution and linear layer has the name of its module; so do its weights."""
    model = converted(release)
    record, package = made(release)
    assert model.recognition is not None
    weighing = [
        name
        for name, module in model.module.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
    ]
    by_path = {layer.path: layer for layer in record.layers}
    modules = dict(model.module.named_modules())
    for name in weighing:
        assert by_path[name].operation in ("conv", "linear") and by_path[name].module == name
    for index, name in model.recognition.modules.items():
        assert index in by_path[name].operators
    assert all(layer.module in modules for layer in record.layers if layer.operators)
    values = stored_names(package)
    outputs = {port.name for port in record.outputs}
    for layer in record.layers:
        assert set(layer.values) <= values
        if not set(layer.values) & outputs:
            assert [path(value) for value in layer.values] == [layer.path]
    for name in weighing:
        assert identifier(f"{name}.weight") in values
    assert len(by_path) == len(record.layers)


def test_a_module_called_twice_is_two_operations(made: Any) -> None:
    record, _ = made("hand-sparse-2021-02")
    module = "backbone.stage2.block0.activation"
    paths = [layer.path for layer in record.layers if layer.module == module]
    assert paths == [module, f"{module}.2"]


def test_a_graph_of_no_family_is_named_after_its_operators(made: Any) -> None:
    record, _ = made("hand-recrop-2020-07")
    graph = converted("hand-recrop-2020-07").graph
    paths = {layer.path for layer in record.layers}
    for op in graph.operators[:-1]:
        layer = last_of_each(record.layers)[op.index]
        assert layer.path == f"op{op.index:03d}_{op.name.lower()}" == layer.module
    assert len(paths) == len(record.layers)


def test_names_do_not_depend_on_precision(made: Any) -> None:
    """float16 adds casts, and nothing else."""
    half = made("palm-lite-2021-11", "raw", "fp16")[0].layers
    single = made("palm-lite-2021-11", "raw")[0].layers
    assert [layer.path for layer in half if layer.operation != "cast"] == [
        layer.path for layer in single
    ]


def test_the_rows_go_into_the_record(made: Any) -> None:
    record, _ = made("hand-recrop-2020-07")
    rows = json.loads(json.dumps(record.to_dict()))["layers"]
    assert len(rows) == record.operation_count
    assert set(rows[0]) == {"values", "operation", "path", "module", "operators"}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("backbone.stage2.block0.add", "backbone__stage2__block0__add"),
        ("neck.up1.transposed_activation", "neck__up1__transposed_activation"),
        ("op017_prelu", "op017_prelu"),
    ],
)
def test_a_name_is_a_path_and_back(place: str, name: str) -> None:
    assert identifier(place) == name and path(name) == place


def test_a_name_is_an_identifier() -> None:
    assert identifier("op001_my-op:0") == "op001_my_op_0"
    assert identifier("3d.conv") == "_3d__conv"
