"""The report on real files, against known facts and LiteRT's own listing."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import blazepalm
from blazepalm.converter.inspect import inspect
from blazepalm.converter.inspection import Inspection, ModelInspection
from blazepalm.errors import InvalidModel, UnknownRelease
from blazepalm.models.releases import resolve
from support.models import PALMS, SHARED, shared_model
from support.rewritten import with_another_weight
from support.tflite_builder import ModelBuilder

# release: input size, outputs, weights stored as
FACTS = {
    "palm-2020-11": (128, [18, 1], "float32"),
    "palm-lite-2021-11": (192, [18, 1], "float16"),
    "palm-full-2023-09": (192, [18, 1], "float16"),
    "hand-3d-2019-08": (256, [63, 1], "float32"),
    "hand-2020-05": (256, [63, 1, 1], "float16"),
    "hand-2020-11": (224, [63, 1, 1], "float32"),
    "hand-sparse-2021-02": (224, [63, 1, 1], "float32"),
    "hand-lite-2022": (224, [63, 1, 1, 63], "float16"),
    "hand-full-2022": (224, [63, 1, 1, 63], "float16"),
    "hand-recrop-2020-07": (256, [4], "float32"),
}


def only(inspection: Inspection) -> ModelInspection:
    (model,) = inspection.models
    return model


@pytest.mark.parametrize("name", sorted(SHARED.values()))
def test_real_files(name: str) -> None:
    path = shared_model(name)
    inspection = inspect(path)
    model = only(inspection)
    size, outputs, stored = FACTS[name]
    assert inspection.release == model.release == name
    assert not inspection.bundle
    assert inspection.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert inspection.bytes == path.stat().st_size
    assert model.family == ("recrop" if "recrop" in name else name.partition("-")[0])
    assert model.tensors[model.inputs[0]].shape == (1, size, size, 3)
    assert [model.tensors[t].shape[-1] for t in model.outputs] == outputs
    kinds = {w.stored_as for w in model.weights}
    assert stored in kinds
    assert ("float32 sparse" in kinds) == (name == "hand-sparse-2021-02")
    assert model.value_range == ((-1.0, 1.0) if name == "palm-2020-11" else (0.0, 1.0))
    assert (model.spec is None) == ("recrop" in name)
    assert bool(model.heads) == (name in PALMS)


@pytest.mark.parametrize("name", ["palm-full-2023-09", "hand-sparse-2021-02"])
def test_counts_are_those_of_the_schema(name: str) -> None:
    """LiteRT's generated schema reads the same file, without any of our code."""
    content = shared_model(name).read_bytes()
    model = only(inspect(shared_model(name)))
    stored = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = stored.subgraphs[0]
    opcodes = [max(code.deprecatedBuiltinCode, code.builtinCode) for code in stored.operatorCodes]
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}
    listed = [names[opcodes[op.opcodeIndex]] for op in graph.operators]
    kept = [n for n in listed if n not in ("DEQUANTIZE", "DENSIFY")]
    assert model.stored_operators == len(listed)
    assert model.histogram == {n: kept.count(n) for n in set(kept)}
    assert len(model.tensors) == len(graph.tensors)
    read = {t for op in graph.operators for t in op.inputs if t >= 0}
    stored_bytes = sum(
        len(data)
        for t in read
        if (data := stored.buffers[graph.tensors[t].buffer].data) is not None
    )
    assert sum(w.stored_bytes for w in model.weights) == stored_bytes
    parameters = sum(
        int(np.prod(graph.tensors[t].shape))
        for t in read
        if stored.buffers[graph.tensors[t].buffer].data is not None
        and graph.tensors[t].type in (schema.TensorType.FLOAT16, schema.TensorType.FLOAT32)
    )
    assert model.parameters == parameters


def test_another_file_of_a_known_network_says_so(tmp_path: Path) -> None:
    """A changed description changes the file's hash, but not the network's."""
    content = bytearray((resolve("palm-full")).read_bytes())
    at = content.index(b"MLIR Converted.")
    content[at : at + 4] = b"ours"
    (tmp_path / "renamed.bin").write_bytes(content)
    model = only(inspect(tmp_path / "renamed.bin"))
    assert (model.release, model.release_file) == ("palm-full-2023-09", False)
    known = only(inspect("palm-full"))
    assert known.release_file
    assert (model.network_sha256, model.sha256 == known.sha256) == (known.network_sha256, False)
    assert model.description == "ours Converted."
    assert model.family == "palm"
    assert model.anchors == 2016
    assert (model.value_range, model.value_range_from) == ((0.0, 1.0), "palm-2021-11")


def test_an_unknown_network_says_so(tmp_path: Path) -> None:
    content = with_another_weight(resolve("palm-full").read_bytes())
    (tmp_path / "mine.tflite").write_bytes(content)
    model = only(inspect(tmp_path / "mine.tflite"))
    assert (model.release, model.release_file, model.family) == (None, False, "palm")
    assert model.network_sha256 != only(inspect("palm-full")).network_sha256


def test_bundle(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.task", "w") as archive:
        archive.writestr("hand_detector.tflite", resolve("palm-full").read_bytes())
        archive.writestr("hand_landmarks_detector.tflite", resolve("hand-full").read_bytes())
    inspection = inspect(tmp_path / "two.task")
    assert inspection.bundle
    assert inspection.release is None
    assert inspection.bytes == (tmp_path / "two.task").stat().st_size
    assert [m.release for m in inspection.models] == ["palm-full-2023-09", "hand-full-2022"]
    assert (inspection.others, inspection.failures) == ((), ())
    member = inspect(f"{tmp_path}/two.task:hand_detector.tflite")
    assert [m.release for m in member.models] == ["palm-full-2023-09"]
    assert json.loads(json.dumps(inspection.to_dict()))["models"][1]["release"] == "hand-full-2022"


def test_what_cannot_be_read_keeps_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "two.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.tflite", b"no model")
        archive.writestr("notes.txt", b"text")
        archive.writestr("b.tflite", resolve("palm-lite").read_bytes())
    inspection = inspect(path)
    assert [m.release for m in inspection.models] == ["palm-lite-2021-11"]
    assert inspection.others == ("notes.txt",)
    (failure,) = inspection.failures
    assert failure.startswith(f"{path}:a.tflite: not a TFLite model")
    assert inspection.to_dict()["failures"] == [failure]


def unknown_graph(tmp_path: Path, **options: object) -> Path:
    model = ModelBuilder(description="unknown")
    image = model.tensor((1, 4, 4, 3), name="image")
    out = model.tensor((1, 4, 4, 3), name="out")
    model.operator("LEAKY_RELU", [image], [out], schema.LeakyReluOptionsT(**options))
    path = tmp_path / "unknown.tflite"
    path.write_bytes(model.build([image], [out]))
    return path


def test_unknown_structure_gives_its_reason(tmp_path: Path) -> None:
    model = only(inspect(unknown_graph(tmp_path, alpha=0.25)))
    assert (model.release, model.family, model.spec, model.heads) == (None, None, None, ())
    assert (model.value_range, model.value_range_from) == (None, None)
    assert model.unrecognised_because
    assert model.operators[0].options == {"alpha": 0.25}


def test_json_has_no_nan(tmp_path: Path) -> None:
    values = inspect(unknown_graph(tmp_path, alpha=float("nan"))).to_dict()
    json.dumps(values, allow_nan=False)
    assert values["models"][0]["operators"][0]["options"] == {"alpha": "NaN"}


def test_public_name() -> None:
    assert blazepalm.inspect is inspect


def test_bad_input() -> None:
    with pytest.raises(InvalidModel):
        inspect(__file__)
    with pytest.raises(UnknownRelease):
        inspect("palm-ful")
