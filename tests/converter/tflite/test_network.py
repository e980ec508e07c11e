"""A network's digest: the same in every file that holds it, another for any that differs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter.known import network_of, release_of
from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.network import network_sha256
from blazepalm.models.releases import by_name
from support.models import SHARED, shared_model
from support.rewritten import packed, unpacked, with_another_weight, written_anew
from support.tflite_builder import ModelBuilder


def digest(content: bytes) -> str:
    stored = read_bytes(content, "model.tflite").stored
    assert stored is not None
    return network_sha256(stored)


def outputs(content: bytes) -> list[np.ndarray]:
    """LiteRT's outputs for a fixed input."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for entry in interpreter.get_input_details():
        noise = np.random.default_rng(7).random(entry["shape"], np.float32)
        interpreter.set_tensor(entry["index"], noise)
    interpreter.invoke()
    return [interpreter.get_tensor(entry["index"]) for entry in interpreter.get_output_details()]


@pytest.mark.parametrize("name", sorted(SHARED.values()))
def test_the_registry_knows_every_release_by_its_network(name: str) -> None:
    release = by_name(name)
    graph = read_bytes(shared_model(name).read_bytes(), "model.tflite")
    assert graph.stored is not None
    assert network_sha256(graph.stored) == release.network_sha256  # type: ignore[union-attr]
    assert network_of(graph) == release.network_sha256  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["palm-full-2023-09", "hand-full-2022", "hand-sparse-2021-02"])
def test_a_release_written_anew_is_known(name: str) -> None:
    content = shared_model(name).read_bytes()
    anew = written_anew(content)
    graph = read_bytes(anew, "mine.tflite")
    assert graph.sha256 != by_name(name).sha256
    assert graph.description == "written anew"
    for before, after in zip(outputs(content), outputs(anew), strict=True):
        np.testing.assert_array_equal(before, after)  # it was the same network indeed
    assert release_of(graph) is by_name(name)


def test_one_bit_of_one_weight_makes_another() -> None:
    content = shared_model("hand-recrop-2020-07").read_bytes()
    graph = read_bytes(with_another_weight(content), "mine.tflite")
    assert network_of(graph) != digest(content)
    assert release_of(graph) is None


def test_a_known_file_needs_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """`inspect` does not compute the digest of an embedded release."""

    def never(model: object) -> str:
        raise AssertionError("the file is known by its SHA-256")

    monkeypatch.setattr("blazepalm.converter.known.network_sha256", never)
    graph = read_bytes(shared_model("hand-full-2022").read_bytes(), "model.tflite")
    assert release_of(graph) is by_name("hand-full-2022")
    assert network_of(graph) == by_name("hand-full-2022").network_sha256  # type: ignore[union-attr]


# What counts and what does not, on a graph of one convolution and one sum ---------------------

Change = Callable[[Any], None]


def small() -> bytes:
    model = ModelBuilder(description="small")
    image = model.tensor((1, 4, 5, 3))
    kernel = model.tensor((3, 1, 2, 3), data=np.arange(18).reshape(3, 1, 2, 3))
    features, out = model.tensor((1, 4, 5, 3)), model.tensor((1, 4, 5, 3))
    options = schema.Conv2DOptionsT(strideH=1, strideW=1)
    model.operator("CONV_2D", [image, kernel, -1], [features], options)
    model.operator("SUB", [features, image], [out], schema.SubOptionsT())
    return model.build([image], [out, features])


def _options(model: Any) -> None:
    options = model.subgraphs[0].operators[1].builtinOptions
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU


def _kind(model: Any) -> None:
    sub = model.subgraphs[0].operators[1]
    code = model.operatorCodes[sub.opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    sub.builtinOptionsType, sub.builtinOptions = (
        schema.BuiltinOptions.AddOptions,
        schema.AddOptionsT(),
    )


def _wiring(model: Any) -> None:
    sub = model.subgraphs[0].operators[1]
    sub.inputs = [sub.inputs[1], sub.inputs[0]]


def _outputs(model: Any) -> None:
    graph = model.subgraphs[0]
    graph.outputs = [graph.outputs[1], graph.outputs[0]]


def _shape(model: Any) -> None:
    kernel = model.subgraphs[0].tensors[1]
    kernel.shape = [3, 2, 1, 3]


def _quantisation(model: Any) -> None:
    quantised = schema.QuantizationParametersT()
    quantised.scale, quantised.zeroPoint = [0.5], [0]
    model.subgraphs[0].tensors[2].quantization = quantised


@pytest.mark.parametrize("change", [_options, _kind, _wiring, _outputs, _shape, _quantisation])
def test_what_counts(change: Change) -> None:
    model = unpacked(small())
    assert digest(packed(model)) == digest(small())
    change(model)
    assert digest(packed(model)) != digest(small())


def _unread(model: Any) -> None:
    """An operator that no output depends on."""
    graph = model.subgraphs[0]
    spare = schema.TensorT()
    spare.shape, spare.type, spare.buffer, spare.name = [1, 4, 5, 3], 0, 0, "spare"
    graph.tensors.append(spare)
    copied = schema.OperatorT()
    copied.opcodeIndex = graph.operators[1].opcodeIndex
    copied.inputs, copied.outputs = graph.operators[1].inputs, [len(graph.tensors) - 1]
    copied.builtinOptionsType = graph.operators[1].builtinOptionsType
    copied.builtinOptions = graph.operators[1].builtinOptions
    graph.operators.append(copied)


def _copied_constant(model: Any) -> None:
    """The same bytes a second time, in another buffer."""
    kernel = model.subgraphs[0].tensors[1]
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = model.buffers[kernel.buffer].data
    kernel.buffer = len(model.buffers) - 1


def _versions(model: Any) -> None:
    for code in model.operatorCodes:
        code.version += 1


@pytest.mark.parametrize("change", [_unread, _copied_constant, _versions])
def test_what_does_not_count(change: Change) -> None:
    model = unpacked(small())
    change(model)
    assert packed(model) != small()
    assert digest(packed(model)) == digest(small())


@pytest.mark.parametrize("seed", range(5))
def test_no_order_counts(seed: int) -> None:
    assert digest(written_anew(small(), seed)) == digest(small())
