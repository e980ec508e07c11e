"""Reading folders back: damage is refused in one sentence, and whatever loads runs."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from safetensors.torch import load_file, save_file
from torch import nn

import blazepalm
from blazepalm.converter.artifacts import write_artifacts
from blazepalm.converter.convert import convert_graph
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.graph_json import graph_from_dict
from blazepalm.converter.tflite import read_bytes
from blazepalm.errors import ArtifactError, BlazePalmError
from blazepalm.reports.backends.mil import load as load_package
from support.models import files_folder
from support.records import (
    Place,
    damaged,
    hand_spec,
    many_operators,
    palm_spec,
    value_at,
    write_spec_folder,
)
from support.tflite_builder import ModelBuilder

EXAMPLES = int(os.environ.get("BLAZEPALM_EXAMPLES", "300"))
MAX_RUN = 1 << 22  # values of an input that a test has the time to run
DAMAGE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 300,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def silent(message: str) -> None:
    """Discards the notices of a conversion."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One folder of each kind: two recognised networks, a graph of no known family."""
    below = tmp_path_factory.mktemp("folders")
    write_spec_folder(below / "palm", palm_spec())
    write_spec_folder(below / "hand", hand_spec())
    (below / "graph").mkdir()
    model = convert_graph(read_bytes(many_operators(), "many.tflite"), silent)
    write_artifacts(model, below / "graph", None)
    return {kind: below / kind for kind in ("palm", "hand", "graph")}


def record_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "conversion.json").read_text())
    return values


def load_with(folder: Path, record: Any, copy_to: Path) -> nn.Module:
    """Loads the folder's weights with another record."""
    copy_to.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if not (copy_to / path.name).exists():
            (copy_to / path.name).write_bytes(path.read_bytes())
    (copy_to / "conversion.json").write_text(json.dumps(record))
    return blazepalm.load(copy_to)


def check(folder: Path, record: Any, copy_to: Path) -> str:
    """Errors are BlazePalmErrors of one line; a folder that loads also runs. Returns the message,
    or "".
    """
    message, module = "", None
    try:
        module = load_with(folder, record, copy_to)
    except BlazePalmError as error:
        message = str(error)
    if module is None:
        assert len(message.splitlines()) == 1, message
        return message
    if hasattr(module, "spec"):
        shapes = [(1, module.spec.backbone.stem.in_channels, *module.spec.input_size)]  # type: ignore[union-attr]
    else:
        graph = graph_from_dict(record["graph"])
        shapes = [graph.tensors[index].shape for index in graph.inputs]
    if sum(int(np.prod(shape, dtype=float)) for shape in shapes) <= MAX_RUN:
        with torch.no_grad():
            outputs = module(*[torch.zeros(shape) for shape in shapes])
        assert any(value is not None for value in outputs)
    return ""


@pytest.mark.parametrize("kind", ["palm", "hand", "graph"])
def test_undamaged_folders_load_and_run(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    assert check(folders[kind], record_of(folders[kind]), tmp_path / "out") == ""


@pytest.mark.parametrize("kind", ["palm", "hand", "graph"])
def test_whatever_is_damaged_is_refused_or_runs(
    kind: str, folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, out = folders[kind], tmp_path_factory.mktemp("damaged")
    part = "graph" if kind == "graph" else "spec"

    @DAMAGE
    @given(damaged(record_of(folder), part))
    def attempt(record: dict[str, Any]) -> None:
        check(folder, record, out / "copy")

    attempt()


@pytest.mark.parametrize(
    ("part", "path", "value", "words"),
    [
        ("spec", ("backbone", "stem", "stride"), 0, "spec.backbone.stem.stride is 0"),
        ("spec", ("input_size", 0), 1 << 40, "spec.input_size makes"),
        ("spec", ("heads", 0, "size", 0), 0, r"spec.heads\[0\] does not fit"),
        ("spec", ("heads", 0, "level"), 9, r"spec.heads\[0\].level is 9, but there are 2 maps"),
        ("spec", ("backbone", "stem", "activation"), "tanh", "expected one of none, relu"),
        ("spec", ("neck", 0, "tap", "block"), 4, "block 4 of stage 0; there is none"),
        ("spec", ("value_range",), [1, 1], "a lower and an upper bound"),
        ("graph", ("tensors", 0, "dtype"), "float64", "only float32 is computed"),
        ("graph", ("tensors", 1, "dtype"), "text", "expected one of float16"),
        ("graph", ("tensors", 2, "data", 0), 2**40, "expected int32"),
        ("graph", ("tensors", 1, "data", 0), "-inf", "'-inf' is not a number"),
        ("graph", ("tensors", 5, "shape"), [8192, 8192, 1, 4], "weights, model.safetensors holds"),
        ("graph", ("operators", 1, "options", "stride_h"), 0, "stride_h 0, but must be positive"),
        ("graph", ("operators", 1, "options", "padding"), "FULL", "expected one of SAME, VALID"),
        ("graph", ("operators", 1, "options", "type"), "Options", "an unknown operator type"),
        ("graph", ("operators", 1, "options"), {}, "an unknown operator type"),
        ("graph", ("operators", 1, "options", "stride_h"), True, "expected a whole number"),
        ("graph", ("operators", 1, "options", "stride_h"), 2**31, "which is out of range"),
        ("graph", ("operators", 1, "version"), -1, r"operators\[1\].version: expected"),
        ("graph", ("operators", 1, "inputs", 0), 99, "expected integers from -1 to"),
        ("graph", ("operators", 0, "name"), "PAD\nV2", "operators\\[0\\].name is 'PAD"),
    ],
)
def test_the_message_says_where(
    part: str, path: Place, value: Any, words: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = folders["graph" if part == "graph" else "palm"]
    record = record_of(folder)
    value_at(record[part], path[:-1])[path[-1]] = value
    assert re.search(words, check(folder, record, tmp_path / "out"))


def refused(folder: Path, words: str) -> None:
    with pytest.raises(ArtifactError, match=words) as caught:
        blazepalm.load(folder)
    assert len(str(caught.value).splitlines()) == 1


def test_files_are_those_of_the_record(folders: dict[str, Path], tmp_path: Path) -> None:
    """Weights and anchors are checked by SHA-256; and if the record was changed with them, by
    names, dtypes, shapes and finite numbers.
    """
    folder = tmp_path / "out"
    shutil.copytree(folders["palm"], folder)
    record = record_of(folder)
    anchors = np.load(folder / "anchors.npy")
    state = load_file(folder / "model.safetensors")

    def with_state(changed: dict[str, torch.Tensor], words: str) -> None:
        save_file(changed, folder / "model.safetensors")
        digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        artifacts = {**record["artifacts"], "model.safetensors": digest}
        (folder / "conversion.json").write_text(json.dumps({**record, "artifacts": artifacts}))
        refused(folder, words)

    def with_anchors(changed: np.ndarray, words: str) -> None:
        np.save(folder / "anchors.npy", changed)
        digest = hashlib.sha256((folder / "anchors.npy").read_bytes()).hexdigest()
        artifacts = {**record["artifacts"], "anchors.npy": digest}
        (folder / "conversion.json").write_text(json.dumps({**record, "artifacts": artifacts}))
        refused(folder, words)

    name = "backbone.stem.conv.bias"
    with_state({**state, name: state[name].double()}, f"{name} is float64 .*, expected float32")
    with_state({**state, name: state[name].to(torch.complex64)}, f"{name} is complex64")
    with_state({**state, name: state[name][:5].clone()}, rf"{name} is float32 \[5\], expected")
    with_state({**state, "more": state[name].clone()}, "'more' belongs to another model")
    with_state({k: v for k, v in state.items() if k != name}, f"'{name}' is missing")
    save_file(state, folder / "model.safetensors")
    with_anchors(anchors[:5], r"shape \(5, 4\), expected \(896, 4\)")
    with_anchors(np.where(anchors > 0.9, np.nan, anchors), "not finite")
    with_anchors(anchors.astype(complex), "not an array of numbers")
    (folder / "anchors.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{")
    (folder / "conversion.json").write_text(json.dumps(record))
    refused(folder, "anchors.npy: .*its SHA-256 differs")
    (folder / "anchors.npy").unlink()
    refused(folder, "anchors.npy: is missing")
    refused(tmp_path, "has no conversion.json")
    (folder / "conversion.json").write_text('{"schema": NaN}')
    refused(folder, "NaN is not a JSON number")
    (folder / "conversion.json").write_text("[" * 100_000)
    refused(folder, "nested too deeply")


def test_records_that_others_damaged(folders: dict[str, Path], tmp_path: Path) -> None:
    """Files in BLAZEPALM_FILES, whose weights fit none of them."""
    found = sorted((files_folder() / "hostile").glob("conversion-*.json"))
    if not found:
        pytest.skip(f"no hostile/conversion-*.json in {files_folder()}: set BLAZEPALM_FILES")
    for path in found:
        record = json.loads(path.read_text())
        for kind in ("palm", "graph"):
            beside = {**record, "artifacts": record_of(folders[kind])["artifacts"]}
            assert check(folders[kind], beside, tmp_path / f"{path.stem}-{kind}") != ""
            assert check(folders[kind], record, tmp_path / f"{path.stem}-{kind}") != ""


def padded_by(value: float) -> bytes:
    """A Keras export puts this before a max-pool: PADV2, usually with −∞."""
    model = ModelBuilder()
    image = model.tensor((1, 5, 6, 3), name="image")
    padded, out = model.tensor((1, 6, 7, 3)), model.tensor((1, 3, 3, 3))
    amounts = np.array([[0, 0], [0, 1], [1, 0], [0, 0]], np.int32)
    by = model.tensor((1,), data=np.array([value], np.float32))
    model.operator("PADV2", [image, model.tensor((4, 2), "int32", amounts), by], [padded])
    pool = schema.Pool2DOptionsT(padding=1, strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    model.operator("MAX_POOL_2D", [padded], [out], pool)
    return model.build([image], [out])


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan, -3.4e38])
def test_what_is_not_finite_comes_back(value: float, tmp_path: Path) -> None:
    """Numbers that are not finite survive the record, which is strict JSON, and the executed Core
    ML package; expected values are NumPy's and arithmetic on paper.
    """
    graph = read_bytes(padded_by(value), "padded.tflite")
    options = CoreMLOptions(face="raw", precision="fp32")
    (tmp_path / "out").mkdir()
    write_artifacts(convert_graph(graph, silent), tmp_path / "out", options)
    text = (tmp_path / "out" / "conversion.json").read_text()
    record = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    name = {-np.inf: "-Infinity", np.inf: "Infinity"}.get(value, "NaN")
    kept = record["graph"]["tensors"][3]["data"]
    assert kept == ([float(np.float32(value))] if abs(value) < np.inf else [name])
    image = np.random.default_rng(1).normal(size=(1, 5, 6, 3)).astype(np.float32)
    padded = np.pad(image, ((0, 0), (0, 1), (1, 0), (0, 0)), constant_values=value)
    expected = padded[:, :6, :6].reshape(1, 3, 2, 3, 2, 3).max((2, 4))
    (found,) = blazepalm.load(tmp_path / "out")(torch.from_numpy(image))
    np.testing.assert_array_equal(found.numpy(), expected)
    (package,) = (tmp_path / "out").glob("*.mlpackage")
    (executed,) = load_package(package).run({"image": image}).values()
    np.testing.assert_array_equal(executed, expected)


def test_unused_operators_are_left_out(tmp_path: Path) -> None:
    """A convolution and a GATHER that no output needs: valid, and LiteRT runs it."""
    model = ModelBuilder()
    image, out = model.tensor((1, 4, 5, 3)), model.tensor((1, 4, 5, 3))
    unused, picked = model.tensor((1, 4, 5, 2)), model.tensor((1, 4, 1, 3))
    kernel = model.tensor((2, 1, 1, 3), data=np.ones((2, 1, 1, 3), np.float32))
    options = schema.Conv2DOptionsT(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    model.operator("CONV_2D", [image, kernel], [unused], options)
    indices = model.tensor((1,), "int32", np.array([2], np.int32))
    model.operator("GATHER", [image, indices], [picked], schema.GatherOptionsT(axis=2))
    model.operator("ABS", [image], [out])
    graph = read_bytes(model.build([image], [out]), "unused.tflite")
    (tmp_path / "out").mkdir()
    write_artifacts(convert_graph(graph, silent), tmp_path / "out", None)
    values = torch.randn(1, 4, 5, 3)
    (found,) = blazepalm.load(tmp_path / "out")(values)
    assert torch.equal(found, values.abs())


ALIGNMENT = 64  # bytes, of torch's own allocations


def test_weights_lie_where_torch_puts_them(folders: dict[str, Path]) -> None:
    """At other addresses convolutions may round otherwise than the file's graph does."""
    for folder in folders.values():
        state = blazepalm.load(folder).state_dict()
        assert state
        assert {value.data_ptr() % ALIGNMENT for value in state.values()} == {0}


def test_a_weight_that_is_no_number_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["palm"], tmp_path / "palm")
    weights = tmp_path / "palm" / "model.safetensors"
    state = load_file(weights)
    name = sorted(state)[0]
    state[name].flatten()[0] = torch.nan
    save_file(state, weights)
    record = record_of(tmp_path / "palm")
    record["artifacts"][weights.name] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (tmp_path / "palm" / "conversion.json").write_text(json.dumps(record))
    words = f"1 of {state[name].numel()} values of {name} are infinite or not a number"
    with pytest.raises(ArtifactError, match=re.escape(words)):
        blazepalm.load(tmp_path / "palm")
