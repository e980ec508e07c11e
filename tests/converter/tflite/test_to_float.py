"""Integer models read as float ones. References: LiteRT running the int8 file itself (within about
a step of the output's quantisation), and LiteRT running the float network that the int8 file was
made from.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import InvalidModel
from support.litert import run_litert
from support.tflite_builder import ModelBuilder, schema

SHAPES = {
    "image": (1, 8, 6, 3),
    "conv": (1, 4, 3, 8),
    "depthwise": (1, 4, 3, 8),
    "sum": (1, 4, 3, 8),
    "mean": (1, 8),
    "logits": (1, 5),
}
OPTIONS: dict[str, Any] = {
    "CONV_2D": schema.Conv2DOptionsT(strideH=2, strideW=2, fusedActivationFunction=3),
    "DEPTHWISE_CONV_2D": schema.DepthwiseConv2DOptionsT(strideH=1, strideW=1, depthMultiplier=1),
    "ADD": schema.AddOptionsT(fusedActivationFunction=1),
    "MEAN": schema.ReducerOptionsT(),
    "FULLY_CONNECTED": schema.FullyConnectedOptionsT(),
}
# name: (shape, axis of the channels); SPREAD keeps each layer's values near its input's
WEIGHTS = {
    "conv": ((8, 3, 3, 3), 0),
    "depthwise": ((1, 3, 3, 8), 3),
    "logits": ((5, 8), 0),
}
SPREAD = {"conv": 0.5, "depthwise": 0.2, "logits": 0.5}


def float_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    weights = {
        name: rng.normal(scale=SPREAD[name], size=shape).astype("f4")
        for name, (shape, _) in WEIGHTS.items()
    }
    for name, (shape, axis) in WEIGHTS.items():
        weights[f"{name}_bias"] = rng.normal(size=shape[axis]).astype("f4")
    return weights


def litert(content: bytes, image: np.ndarray, *names: str) -> list[np.ndarray]:
    """The tensors with these names, after a run with reference kernels."""
    interpreter = run_litert(content, image, plain=True)
    index = {t["name"]: t["index"] for t in interpreter.get_tensor_details()}
    return [interpreter.get_tensor(index[name]) for name in names]


Add = Callable[[ModelBuilder, str], int]


def net(run_time: Add, weight: Add, *, edges: bool = False, version: int = 1) -> bytes:
    """image → conv (RELU6) → depthwise → + conv (RELU) → mean → fully connected. `run_time` and
    `weight` add a tensor with that name; with `edges`, QUANTIZE and DEQUANTIZE are at both ends.
    """
    model = ModelBuilder()
    t = {name: run_time(model, name) for name in SHAPES}
    w = {name: weight(model, name) for name in float_weights()}
    axes = model.tensor((2,), "int32", np.array([1, 2]), "axes")
    real_image, real_logits = t["image"], t["logits"]
    if edges:
        real_image = model.tensor(SHAPES["image"], name="real_image")
        real_logits = model.tensor(SHAPES["logits"], name="real_logits")
        model.operator("QUANTIZE", [real_image], [t["image"]], schema.QuantizeOptionsT())

    def operator(name: str, inputs: list[int], output: int) -> None:
        versions = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4}
        number = versions.get(name, 2) if version > 1 else 1
        model.operator(name, inputs, [output], OPTIONS[name], version=number)

    operator("CONV_2D", [t["image"], w["conv"], w["conv_bias"]], t["conv"])
    operator("DEPTHWISE_CONV_2D", [t["conv"], w["depthwise"], w["depthwise_bias"]], t["depthwise"])
    operator("ADD", [t["depthwise"], t["conv"]], t["sum"])
    operator("MEAN", [t["sum"], axes], t["mean"])
    operator("FULLY_CONNECTED", [t["mean"], w["logits"], w["logits_bias"]], t["logits"])
    if edges:
        model.operator("DEQUANTIZE", [t["logits"]], [real_logits], schema.DequantizeOptionsT())
    return model.build([real_image], [real_logits])


def float_net() -> bytes:
    weights = float_weights()
    return net(
        lambda model, name: model.tensor(SHAPES[name], name=name),
        lambda model, name: model.tensor(
            weights[name].shape, data=weights[name], name=f"{name}_weight"
        ),
    )


def image_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, SHAPES["image"]).astype("f4")


@cache
def activation_scales() -> dict[str, tuple[float, int]]:
    """Scale and zero point of each run-time tensor, from a run of the float network."""
    runs = [litert(float_net(), image_of(seed), *SHAPES) for seed in range(20)]
    scales = {}
    for i, name in enumerate(SHAPES):
        values = np.concatenate([run[i].ravel() for run in runs])
        low, high = min(0.0, values.min()), max(0.0, values.max())
        scale = float(np.float32((high - low) / 255))
        scales[name] = (scale, round(-128 - low / scale))
    return scales


READS = {"conv": "image", "depthwise": "conv", "logits": "mean"}


def weight_scale(name: str) -> np.ndarray:
    shape, axis = WEIGHTS[name]
    others = tuple(i for i in range(len(shape)) if i != axis)
    largest = np.abs(float_weights()[name]).max(axis=others)
    scale: np.ndarray = (largest / 127).astype("f4")
    return scale


def quantised_weight(model: ModelBuilder, name: str) -> int:
    """int8 along the channels; the bias int32 in steps of input scale · weight scale."""
    values = float_weights()[name]
    kernel = name.removesuffix("_bias")
    shape, axis = WEIGHTS[kernel]
    scale = weight_scale(kernel)
    if name == kernel:
        along = [-1 if i == axis else 1 for i in range(len(shape))]
        stored = np.round(values / scale.reshape(along))
        return model.tensor(
            values.shape,
            "int8",
            stored,
            f"{name}_weight",
            quantisation=(scale.tolist(), [0] * len(scale), axis),
        )
    scale = (scale * np.float32(activation_scales()[READS[kernel]][0])).astype("f4")
    stored = np.round(values / scale)
    return model.tensor(
        values.shape,
        "int32",
        stored,
        f"{name}_weight",
        quantisation=(scale.tolist(), [0] * len(scale), 0),
    )


def quantised_value(model: ModelBuilder, name: str) -> int:
    scale, zero_point = activation_scales()[name]
    return model.tensor(SHAPES[name], "int8", name=name, quantisation=([scale], [zero_point], 0))


def int8_net(*, edges: bool) -> bytes:
    return net(quantised_value, quantised_weight, edges=edges, version=3)


def run_as_float(graph: Graph, image: np.ndarray) -> np.ndarray:
    """The graph as read, written as a float file and run by LiteRT. Only constants and wiring come
    from the reader; the options are written here.
    """
    model = ModelBuilder()
    for tensor in graph.tensors:
        model.tensor(tensor.shape, tensor.dtype, tensor.data, f"t{tensor.index}")
    for op in graph.operators:
        model.operator(op.name, op.inputs, op.outputs, OPTIONS[op.name])
    content = model.build(graph.inputs, graph.outputs)
    (result,) = litert(content, image, f"t{graph.outputs[0]}")
    return result


@pytest.mark.parametrize("edges", [False, True], ids=["int8 edges", "float edges"])
def test_an_int8_net_reads_as_float(edges: bool) -> None:
    content = int8_net(edges=edges)
    graph = read_bytes(content, "int8.tflite")
    assert graph.dequantised
    assert [op.name for op in graph.operators] == list(OPTIONS)
    assert [op.index for op in graph.operators] == [i + edges for i in range(5)]
    assert graph.stored_operators == 5 + 2 * edges
    used = {t for op in graph.operators for t in (*op.inputs, *op.outputs)}
    assert {graph.tensors[t].dtype for t in used} == {"float32", "int32"}  # the axes
    assert graph.tensors[graph.outputs[0]].name == ("real_logits" if edges else "logits")
    assert graph.tensors[graph.inputs[0]].name == ("real_image" if edges else "image")
    assert {graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)} == {"float32"}

    image_scale, image_zero = activation_scales()["image"]
    step, zero = activation_scales()["logits"]
    errors = []
    for seed in range(20):
        image = image_of(seed)
        stored = np.clip(np.round(image / image_scale) + image_zero, -128, 127).astype(np.int8)
        if edges:
            (reference,) = litert(content, image, "real_logits")
        else:
            (integers,) = litert(content, stored, "logits")
            reference = (integers.astype("f4") - zero) * step
        same_image = (stored.astype("f4") - image_zero) * np.float32(image_scale)
        errors.append(np.abs(run_as_float(graph, same_image) - reference) / step)
    # What is left is the rounding of five int8 kernels: 1.4 steps at worst, 0.5 as a rule.
    assert 0 < np.max(errors) <= 1.6
    assert np.sqrt(np.mean(np.square(errors))) <= 0.6


def test_the_float_reading_is_the_float_net() -> None:
    """Against the network before quantisation: only the rounding of the weights remains."""
    graph = read_bytes(int8_net(edges=False), "m")
    for seed in range(5):
        (reference,) = litert(float_net(), image_of(seed), "logits")
        error = np.abs(run_as_float(graph, image_of(seed)) - reference).max()
        assert 0 < error < 0.05 < np.abs(reference).max()


def test_constants_are_scale_times_difference() -> None:
    graph = read_bytes(int8_net(edges=True), "m")
    constants = {t.name: t for t in graph.constants()}
    for name, values in float_weights().items():
        constant = constants[f"{name}_weight"]
        assert constant.data is not None
        assert constant.dtype == "float32"
        assert constant.quantisation is None
        scale = weight_scale(name.removesuffix("_bias")).max()
        assert np.abs(constant.data - values).max() <= scale / 2 * 1.001
        origin = constant.provenance
        assert origin is not None
        assert origin.dtype == ("int32" if name.endswith("bias") else "int8")
        assert origin.quantisation is not None
        assert origin.folded == ()
    assert constants["axes"].dtype == "int32"


def test_int8_kernels_on_float_values_are_dequantised() -> None:
    """Dynamic range: LiteRT also quantises run-time values; our float reading quantises only the
    kernels.
    """
    weights = float_weights()

    def weight(model: ModelBuilder, name: str) -> int:
        if name.endswith("_bias"):
            return model.tensor(weights[name].shape, data=weights[name], name=f"{name}_weight")
        return quantised_weight(model, name)

    content = net(lambda model, name: model.tensor(SHAPES[name], name=name), weight)
    graph = read_bytes(content, "m")
    assert graph.dequantised
    assert graph.stored_operators == len(graph.operators) == 5
    constants = {t.name: t for t in graph.constants()}
    for name, (shape, axis) in WEIGHTS.items():
        along = [-1 if i == axis else 1 for i in range(len(shape))]
        scale = weight_scale(name).reshape(along)
        stored = np.round(weights[name] / scale).astype("f4")
        np.testing.assert_array_equal(constants[f"{name}_weight"].data, stored * scale)


def test_a_float_graph_keeps_its_integers() -> None:
    """Without quantisation nothing changes: a GATHER of int32, a PAD with a scaled operand."""
    model = ModelBuilder()
    image, out = model.tensor((1, 2, 2, 1)), model.tensor((1, 4, 4, 1))
    pads = model.tensor(
        (4, 2), "int32", np.array([[0, 0], [1, 1], [1, 1], [0, 0]]), quantisation=([0.5], [0], 0)
    )
    model.operator("PAD", [image, pads], [out], schema.PadOptionsT())
    graph = read_bytes(model.build([image], [out]), "m")
    assert not graph.dequantised
    assert graph.tensors[pads].dtype == "int32"
    np.testing.assert_array_equal(graph.tensors[pads].data, [[0, 0], [1, 1], [1, 1], [0, 0]])


# Wiring of QUANTIZE and DEQUANTIZE ------------------------------------------------------

Q = ([0.5], [3], 0)


def test_requantise_and_a_shared_value() -> None:
    """in → QUANTIZE a → RELU b → QUANTIZE c → RELU d; both b and d become float."""
    model = ModelBuilder()
    shape = (1, 4)
    image = model.tensor(shape, name="image")
    a, b, c, d = (model.tensor(shape, "int8", name=n, quantisation=Q) for n in "abcd")
    out_b, out_d = model.tensor(shape, name="out_b"), model.tensor(shape, name="out_d")
    model.operator("QUANTIZE", [image], [a])
    model.operator("RELU", [a], [b])
    model.operator("QUANTIZE", [b], [c])
    model.operator("DEQUANTIZE", [b], [out_b])
    model.operator("RELU", [c], [d])
    model.operator("DEQUANTIZE", [d], [out_d])
    graph = read_bytes(model.build([image], [out_b, out_d]), "m")
    assert [(op.name, op.index, op.inputs, op.outputs) for op in graph.operators] == [
        ("RELU", 1, (image,), (out_b,)),
        ("RELU", 4, (out_b,), (out_d,)),
    ]
    assert graph.outputs == (out_b, out_d)


def test_a_graph_of_casts_alone_is_the_identity() -> None:
    model = ModelBuilder()
    image, out = model.tensor((1, 4)), model.tensor((1, 4))
    middle = model.tensor((1, 4), "int8", quantisation=Q)
    model.operator("QUANTIZE", [image], [middle])
    model.operator("DEQUANTIZE", [middle], [out])
    graph = read_bytes(model.build([image], [middle, out]), "m")
    assert graph.operators == ()
    assert graph.outputs == (image, image)


def refused(model: ModelBuilder, image: int, out: int) -> str:
    with pytest.raises(InvalidModel) as caught:
        read_bytes(model.build([image], [out]), "int8.tflite")
    message = str(caught.value)
    assert message.startswith("int8.tflite: ")
    assert "\n" not in message
    return message


def test_operators_without_a_float_meaning_are_all_listed() -> None:
    model = ModelBuilder()
    image, a, b, c = (model.tensor((1, 4), "int8", quantisation=Q) for _ in range(4))
    model.operator("RELU", [image], [a])
    model.operator("CAST", [a], [b], schema.CastOptionsT())
    model.operator("my_op", [b], [c])
    message = refused(model, image, c)
    assert "CAST (first: operator 1), my_op (first: operator 2)" in message
    assert "float version" in message


def test_an_integer_bias_without_a_scale_is_refused() -> None:
    model = ModelBuilder()
    image, out = (model.tensor((1, 4), "int8", quantisation=Q) for _ in range(2))
    weight = model.tensor((4, 4), "int8", np.ones((4, 4)), quantisation=Q)
    bias = model.tensor((4,), "int32", np.ones(4), name="bias")
    model.operator("FULLY_CONNECTED", [image, weight, bias], [out])
    assert "operand %3 'bias' is int32 without a scale" in refused(model, image, out)


def test_a_constant_that_is_both_value_and_size_is_refused() -> None:
    model = ModelBuilder()
    image, a, out = (model.tensor((1, 2), "int8", quantisation=Q) for _ in range(3))
    both = model.tensor((2,), "int32", np.array([1, 2]), quantisation=Q)
    model.operator("ADD", [image, both], [a])
    model.operator("RESHAPE", [a, both], [out])
    assert "as values, but another operator reads it as sizes" in refused(model, image, out)


def test_shuffled_weights_are_refused() -> None:
    model = ModelBuilder()
    image, out = (model.tensor((1, 16), "uint8", quantisation=Q) for _ in range(2))
    weight = model.tensor((16, 16), "uint8", np.ones((16, 16)), quantisation=Q)
    options = schema.FullyConnectedOptionsT(weightsFormat=1)
    model.operator("FULLY_CONNECTED", [image, weight, -1], [out], options)
    assert "FULLY_CONNECTED" in refused(model, image, out)


@pytest.mark.parametrize("wrong", ["shape", "arity", "type"])
def test_casts_that_do_not_fit_are_refused(wrong: str) -> None:
    model = ModelBuilder()
    image = model.tensor((1, 4), "float16" if wrong == "type" else "float32")
    out = model.tensor((4, 1) if wrong == "shape" else (1, 4), "int8", quantisation=Q)
    model.operator("QUANTIZE", [image, image] if wrong == "arity" else [image], [out])
    assert "operator 0 QUANTIZE" in refused(model, image, out)
