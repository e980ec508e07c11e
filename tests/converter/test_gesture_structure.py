"""Gesture networks: recognised by structure however an exporter writes them, converted with every
bit kept, saved with their labels; anything else stays a graph of no known family.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from blazepalm.converter.convert import convert, convert_graph
from blazepalm.converter.gesture_structure import recognise_gestures
from blazepalm.converter.loading import load
from blazepalm.converter.saving import save
from blazepalm.converter.tflite.labels import read_labels, with_labels
from blazepalm.converter.tflite.read import read, read_bytes
from blazepalm.converter.verify import verify
from blazepalm.models.gestures import GestureClassifier, GestureEmbedder
from support.models import shared_file
from support.tflite_builder import ModelBuilder

F = np.float32
RELU = schema.ActivationFunctionType.RELU
POINTS, HIDDEN, WIDTH, VECTOR = 5, 7, 6, 4


class Dense:
    """Writes the layers of a gesture network, by an exporter's habits: whether activations are
    operators of their own (`split`), and constants and shortcuts come first (`turned`).
    """

    def __init__(self, *, split: bool = False, turned: bool = False) -> None:
        self.model = ModelBuilder()
        self.random = np.random.default_rng(7)
        self.split, self.turned = split, turned

    def constant(self, *shape: int) -> int:
        return self.model.tensor(shape, data=self.random.normal(size=shape).astype(F))

    def op(self, name: str, inputs: list[int], shape: tuple[int, ...], options: Any = None) -> int:
        out = self.model.tensor(shape)
        self.model.operator(name, inputs, [out], options)
        return out

    def active(self, name: str, inputs: list[int], size: int, options: Any, relu: bool) -> int:
        if relu and not self.split:
            options.fusedActivationFunction = RELU
        out = self.op(name, inputs, (1, size), options)
        return self.op("RELU", [out], (1, size)) if relu and self.split else out

    def linear(self, x: int, values: int, size: int, relu: bool = False) -> int:
        inputs = [x, self.constant(size, values), self.constant(size)]
        return self.active("FULLY_CONNECTED", inputs, size, schema.FullyConnectedOptionsT(), relu)

    def pair(self, a: int, b: int) -> list[int]:
        return [b, a] if self.turned else [a, b]

    def scale(self, x: int, size: int) -> int:
        product = self.op("MUL", self.pair(x, self.constant(size)), (1, size), schema.MulOptionsT())
        inputs = self.pair(product, self.constant(size))
        return self.active("ADD", inputs, size, schema.AddOptionsT(), True)

    def residual(self, shortcut: int, branch: int) -> int:
        return self.op("ADD", self.pair(shortcut, branch), (1, WIDTH), schema.AddOptionsT())


def in_litert(content: bytes, *given: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), given, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    found: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found


def integers(model: ModelBuilder, *values: int) -> int:
    return model.tensor((len(values),), dtype="int32", data=np.array(values, np.int32))


def embedder(**habits: bool) -> bytes:
    """Landmarks and, unread, a handedness → a vector; two residual blocks."""
    dense = Dense(**habits)
    model = dense.model
    hand = model.tensor((1, POINTS, 3), name="hand")
    side = model.tensor((1, 1), name="handedness")
    gathered = dense.op(
        "GATHER", [hand, integers(model, 0, 2)], (1, 2, 3), schema.GatherOptionsT(axis=1)
    )
    keep = schema.ReducerOptionsT(keepDims=True)
    mean = dense.op("MEAN", [gathered, integers(model, 1)], (1, 1, 3), keep)
    centred = dense.op("SUB", [hand, mean], (1, POINTS, 3), schema.SubOptionsT())
    parts = [model.tensor((1, POINTS)) for _ in range(3)]
    model.operator("UNPACK", [centred], parts, schema.UnpackOptionsT(num=3, axis=2))
    sides = []
    for part in parts[:2]:
        high, low = (
            dense.op(name, [part, integers(model, 1)], (1,), schema.ReducerOptionsT())
            for name in ("REDUCE_MAX", "REDUCE_MIN")
        )
        sides.append(dense.op("SUB", [high, low], (1,), schema.SubOptionsT()))
    extent = dense.op("MAXIMUM", sides, (1,), schema.MaximumMinimumOptionsT())
    extent = dense.op("RESHAPE", [extent, integers(model, 1, 1, 1)], (1, 1, 1))
    small = model.tensor((), data=np.array(1e-5, F))
    extent = dense.op("ADD", [extent, small], (1, 1, 1), schema.AddOptionsT())
    x = dense.op("DIV", [centred, extent], (1, POINTS, 3), schema.DivOptionsT())
    x = dense.op("RESHAPE", [x, integers(model, 1, 3 * POINTS)], (1, 3 * POINTS))
    inner = dense.linear(x, 3 * POINTS, HIDDEN, relu=True)
    x = dense.residual(dense.linear(x, 3 * POINTS, WIDTH), dense.linear(inner, HIDDEN, WIDTH))
    for _ in range(2):
        x = dense.residual(x, dense.linear(dense.scale(x, WIDTH), WIDTH, WIDTH))
    out = dense.linear(dense.scale(x, WIDTH), WIDTH, VECTOR, relu=True)
    return model.build([hand, side], [out])


def classifier(beta: float = 1.0, **habits: bool) -> bytes:
    """As Model Maker writes one with a hidden layer: scale, linear, linear, softmax."""
    dense = Dense(**habits)
    vector = dense.model.tensor((1, VECTOR), name="hand_embedding")
    x = dense.linear(dense.scale(vector, VECTOR), VECTOR, HIDDEN, relu=True)
    x = dense.linear(x, HIDDEN, 3)
    out = dense.op("SOFTMAX", [x], (1, 3), schema.SoftmaxOptionsT(beta=beta))
    return with_labels(dense.model.build([vector], [out]), ("None", "wave", "salute"))


HABITS = [{}, {"split": True}, {"turned": True}, {"split": True, "turned": True}]


@pytest.mark.parametrize("habits", HABITS)
def test_an_embedder(habits: dict[str, bool]) -> None:
    content = embedder(**habits)
    converted = convert_graph(read_bytes(content, "e.tflite"))
    module = converted.module
    assert isinstance(module, GestureEmbedder) and converted.gesture is not None
    spec = module.spec
    assert (spec.landmarks, spec.origin, spec.hidden) == (POINTS, (0, 2), HIDDEN)
    assert (spec.width, spec.blocks, spec.embedding) == (WIDTH, 2, VECTOR)
    assert converted.gesture.input == 0 and converted.outputs == ("embedding",)
    points = np.random.default_rng(1).random((1, POINTS, 3), F)
    expected = in_litert(content, points, np.zeros((1, 1), F))
    with torch.no_grad():
        found = module(torch.from_numpy(points)).numpy()
    # sums of at most 15 products of numbers of some units, in float32, in another order
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("habits", HABITS)
def test_a_classifier_with_a_hidden_layer(habits: dict[str, bool]) -> None:
    content = classifier(**habits)
    module = convert_graph(read_bytes(content, "c.tflite")).module
    assert isinstance(module, GestureClassifier)
    assert [layer.kind for layer in module.spec.layers] == ["scale", "linear", "linear"]
    assert module.spec.labels == ("None", "wave", "salute")
    vector = np.random.default_rng(2).normal(size=(1, VECTOR)).astype(F)
    expected = in_litert(content, vector)
    with torch.no_grad():
        found = module(torch.from_numpy(vector)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_another_softmax_is_no_gesture_classifier() -> None:
    found, reason = recognise_gestures(read_bytes(classifier(beta=2.0), "c.tflite"))
    assert found is None and "SOFTMAX has a beta of its own" in reason


@pytest.mark.parametrize(
    ("file", "kind", "weights"),
    [
        ("gr_gesture_embedder.tflite", GestureEmbedder, 31),
        ("gr_canned_gesture_classifier.tflite", GestureClassifier, 4),
    ],
)
def test_mediapipes_own(file: str, kind: type, weights: int) -> None:
    """Every weight has one place, in the readable module; conversion proved its bits."""
    converted = convert_graph(read(shared_file(file)))
    assert isinstance(converted.module, kind) and len(converted.tensor_map) == weights
    assert not any(row.key.startswith("op0") for row in converted.tensor_map)


def test_it_is_saved_with_its_labels(tmp_path: Path) -> None:
    """Convert, load, tune, save, load, verify: the labels stay, the weight that moved is listed."""
    file = tmp_path / "wave.tflite"
    file.write_bytes(classifier())
    (folder,) = convert(file, tmp_path / "out", coreml=None)
    module = load(folder, GestureClassifier)
    with torch.no_grad():
        module.layers.get_submodule("layer2.layer").bias += 1
    tuned = save(module, tmp_path / "tuned", source=file)
    again = load(tuned, GestureClassifier)
    assert again.spec.labels == ("None", "wave", "salute")
    assert all(a.equal(b) for a, b in zip(again.parameters(), module.parameters(), strict=True))
    assert read(tuned / "model.tflite").labels == again.spec.labels
    assert verify(folder).passed and verify(tuned).passed
    assert GestureClassifier.from_pretrained(tuned).spec == module.spec


def test_labels_that_cannot_be_read_are_none() -> None:
    model = classifier()
    assert read_labels(model, "c.tflite") == ("None", "wave", "salute")
    assert read_labels(model[:-30] + bytes(30), "c.tflite") == ()
