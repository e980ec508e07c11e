"""A file's integer arithmetic, bit for bit. Reference: LiteRT's reference kernels on the same file,
every tensor of it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.integer.network import open_network
from support.litert import run_litert
from support.models import shared_file
from support.tflite_builder import ModelBuilder, schema

SHAPE = (1, 7, 6, 8)
IN, OTHER, OUT = (0.05, 3), (0.021, -7), (0.043, -11)  # scale, zero point
WIDE = (0.9, -11)  # for sums
RELU = 1
BINARY = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT}


class Net:
    """A graph of one operator on one quantised input; `run` compares it with LiteRT."""

    def __init__(self, dtype: str = "int8") -> None:
        self.model, self.dtype = ModelBuilder(), dtype
        self.random = np.random.default_rng(5)
        self.input = self.value(SHAPE, IN)

    def value(self, shape: Sequence[int], step: tuple[float, int], dtype: str = "") -> int:
        dtype = dtype or self.dtype
        zero = {"int8": step[1], "uint8": step[1] + 128, "int16": 0}[dtype]
        return self.model.tensor(shape, dtype, quantisation=([step[0]], [zero], 0))

    def weights(self, shape: Sequence[int], axis: int, *, channels: bool = True) -> int:
        count = shape[axis] if channels else 1
        scales = self.random.uniform(0.002, 0.02, count).tolist()
        low, high, zero = (0, 256, 121) if self.dtype == "uint8" else (-127, 128, 0)
        dtype = "uint8" if self.dtype == "uint8" else "int8"
        data = self.random.integers(low, high, shape)
        return self.model.tensor(shape, dtype, data, quantisation=(scales, [zero] * count, axis))

    def bias(self, count: int) -> int:
        dtype = "int64" if self.dtype == "int16" else "int32"
        data = self.random.integers(-5000, 5000, count)
        return self.model.tensor((count,), dtype, data, quantisation=([1e-4], [0], 0))

    def run(
        self, name: str, inputs: list[int], output: int, options: Any = None, version: int = 2
    ) -> tuple[np.ndarray, np.ndarray]:
        """(ours, LiteRT's) stored integers of the result."""
        self.model.operator(name, inputs, [output], options, version=version)
        content = self.model.build([self.input], [output])
        network = open_network(content, ("out",), "net")
        values = network.values(self.random.uniform(-8, 8, SHAPE).astype("f4"))
        interpreter = run_litert(content, values[self.input], plain=True)
        return values[output], interpreter.get_tensor(output)


def check(found: tuple[np.ndarray, np.ndarray], *, values: int = 9) -> None:
    """Equal bits, over at least so many different values."""
    ours, reference = found
    assert ours.dtype == reference.dtype
    assert len(np.unique(reference)) >= values
    np.testing.assert_array_equal(ours, reference)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_linear_operators(name: str, dtype: str, seed: int) -> None:
    net = Net(dtype)
    net.random = np.random.default_rng(seed)
    channels = dtype != "uint8"
    if name == "CONV_2D":
        kernel, shape = net.weights((5, 3, 3, 8), 0, channels=channels), (1, 4, 3, 5)
        options: Any = schema.Conv2DOptionsT(strideH=2, strideW=2, fusedActivationFunction=RELU)
    elif name == "DEPTHWISE_CONV_2D":
        kernel, shape = net.weights((1, 3, 3, 8), 3, channels=channels), SHAPE
        options = schema.DepthwiseConv2DOptionsT(strideH=1, strideW=1, depthMultiplier=1)
    else:
        kernel, shape = net.weights((5, 8), 0, channels=False), (42, 5)
        options = schema.FullyConnectedOptionsT(fusedActivationFunction=RELU)
    out = net.value(shape, WIDE)
    inputs = [net.input, kernel, net.bias(shape[-1])]
    version = {"int16": 7 if name == "FULLY_CONNECTED" else 4, "int8": 3, "uint8": 1}[dtype]
    check(net.run(name, inputs, out, options, version))


def test_a_transposed_convolution() -> None:
    net = Net()
    size = net.model.tensor((4,), "int32", np.array([1, 14, 12, 5]))
    kernel = net.weights((5, 3, 3, 8), 0)
    out = net.value((1, 14, 12, 5), (0.2, 4))
    options = schema.TransposeConvOptionsT(strideH=2, strideW=2)
    check(net.run("TRANSPOSE_CONV", [size, kernel, net.input, net.bias(5)], out, options, 3))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("name", sorted(BINARY))
def test_two_values(name: str, dtype: str) -> None:
    net = Net(dtype)
    other = net.model.tensor(
        (8,),
        dtype,
        net.random.integers(0, 120, 8),
        quantisation=([OTHER[0]], [0 if dtype == "int16" else 7], 0),
    )
    options = BINARY[name]()
    if dtype == "int16" and name != "MUL":
        options.potScaleInt16 = False
    check(net.run(name, [net.input, other], net.value(SHAPE, OUT), options))


@pytest.mark.parametrize("name", ["RELU", "RELU6", "RELU_N1_TO_1", "ABS", "LEAKY_RELU", "PRELU"])
def test_activations(name: str) -> None:
    net = Net()
    inputs, options = [net.input], None
    if name == "PRELU":
        slope = net.model.tensor(
            (1, 1, 8), "int8", net.random.integers(-128, 128, (1, 1, 8)),
            quantisation=([0.003], [9], 0),
        )  # fmt: skip
        inputs = [net.input, slope]
    if name == "LEAKY_RELU":
        options = schema.LeakyReluOptionsT(alpha=0.13)
    version = 1 if name in ("PRELU", "ABS", "RELU_N1_TO_1") else 2
    check(net.run(name, inputs, net.value(SHAPE, OUT), options, version))


@pytest.mark.parametrize("name", ["LOGISTIC", "TANH", "AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_values_that_move_or_are_looked_up(name: str) -> None:
    net = Net()
    shape, step, options = SHAPE, IN, None
    if name.endswith("POOL_2D"):
        shape = (1, 4, 3, 8)
        options = schema.Pool2DOptionsT(strideH=2, strideW=2, filterHeight=3, filterWidth=3)
    if name == "LOGISTIC":
        step = (1 / 256, -128)
    if name == "TANH":
        step = (1 / 128, 0)
    check(net.run(name, [net.input], net.value(shape, step), options))


@pytest.mark.parametrize(("align", "centres"), [(False, False), (True, False), (False, True)])
def test_resizing(align: bool, centres: bool) -> None:
    net = Net()
    size = net.model.tensor((2,), "int32", np.array([13, 15]))
    options = schema.ResizeBilinearOptionsT(alignCorners=align, halfPixelCenters=centres)
    out = net.value((1, 13, 15, 8), IN)
    check(net.run("RESIZE_BILINEAR", [net.input, size], out, options, 3))


@pytest.mark.parametrize("into", ["int8", "uint8"])
def test_other_steps(into: str) -> None:
    net = Net()
    out = net.value(SHAPE, OUT, into)
    check(net.run("QUANTIZE", [net.input], out, schema.QuantizeOptionsT()))


@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_int8_weights_between_floats(name: str) -> None:
    """Dynamic range. Sums are exact; LiteRT scales them back in float32, in its own order, so each
    value may differ by some roundings: 4 of 2^-24 of the largest.
    """
    net = Net()
    net.input = net.model.tensor(SHAPE)
    if name == "CONV_2D":
        kernel, shape = net.weights((5, 3, 3, 8), 0), (1, 7, 6, 5)
        options: Any = schema.Conv2DOptionsT(strideH=1, strideW=1)
    elif name == "DEPTHWISE_CONV_2D":
        kernel, shape = net.weights((1, 3, 3, 8), 3), SHAPE
        options = schema.DepthwiseConv2DOptionsT(strideH=1, strideW=1, depthMultiplier=1)
    else:
        kernel, shape = net.weights((5, 8), 0, channels=False), (42, 5)
        options = schema.FullyConnectedOptionsT()
    bias = net.model.tensor(shape[-1:], data=net.random.normal(size=shape[-1]).astype("f4"))
    out = net.model.tensor(shape)
    version = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 3}[name]
    ours, reference = net.run(name, [net.input, kernel, bias], out, options, version)
    np.testing.assert_allclose(ours, reference, rtol=0, atol=np.abs(reference).max() * 2.0**-22)


def test_a_whole_detector() -> None:
    """Other people's int8 file of a release: each of its 316 operators."""
    path = shared_file("palm-full_0_full_integer_quant.tflite")
    content = path.read_bytes()
    network = open_network(content, ("scores", "boxes"), path.name)
    image = np.random.default_rng(0).uniform(0, 1, (1, 192, 192, 3)).astype("f4")
    values = network.values(image)
    interpreter = run_litert(content, values[network.graph.inputs[0]], plain=True)
    compared = [t for op, _ in network.steps for t in op.outputs]
    assert len(compared) == 316
    for tensor in compared:
        np.testing.assert_array_equal(values[tensor], interpreter.get_tensor(tensor), str(tensor))


def weights_by_blocks(block: int = 32, scales: int = 4, zero_points: int = -1) -> ModelBuilder:
    """1×64 floats → FULLY_CONNECTED with int4 weights, a float16 scale for each 32 of them."""
    model, random = ModelBuilder(), np.random.default_rng(7)
    given = model.tensor((1, 64))
    stored = random.integers(-7, 8, (2, 64))
    nibbles = (stored.reshape(-1, 2) & 15).astype(np.uint8)
    raw = (nibbles[:, 0] | nibbles[:, 1] << 4).tobytes()
    weights = model.tensor((2, 64), "int4", raw=raw)
    sizes = np.array([[0.25, 0.5], [1.0, 0.125]])[:, : scales // 2]
    held = model.tensor(sizes.shape, "float16", sizes)
    model.graph.tensors[weights].quantization = schema.QuantizationParametersT(
        detailsType=schema.QuantizationDetails.BlockwiseQuantization,
        details=schema.BlockwiseQuantizationT(scales=held, zeroPoints=zero_points, blockSize=block),
    )
    bias = model.tensor((2,), data=np.array([3.0, -2.0]))
    out = model.tensor((1, 2))
    model.operator(
        "FULLY_CONNECTED", [given, weights, bias], [out], schema.FullyConnectedOptionsT(), version=9
    )
    model.expected = (stored, np.repeat(sizes, 32, axis=1))  # type: ignore[attr-defined]
    return model


def test_weights_by_blocks() -> None:
    """On paper: real weights are integers times their block's scale. Reference: LiteRT by XNNPACK,
    which rounds the 64 values to 255 steps, too; two roundings of a value are at most a step apart.
    """
    model = weights_by_blocks()
    stored, scales = model.expected  # type: ignore[attr-defined]
    content = model.build([0], [4])
    image = np.random.default_rng(8).normal(size=(1, 64)).astype(np.float32)
    (op,) = read_bytes(content, "blocks").operators
    real = read_bytes(content, "blocks").tensors[op.inputs[1]].data
    assert real is not None
    np.testing.assert_array_equal(real, (stored * scales).astype(np.float32))
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    reference = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    found = open_network(content, ("out",), "blocks").run(image)["out"]
    exact = image.astype(np.float64) @ real.T.astype(np.float64) + [[3.0, -2.0]]
    step = (max(0, image.max()) - min(0, image.min())) / 255
    bound = step * np.abs(real).sum(axis=1)
    assert (np.abs(found - reference) <= bound / 10).all()
    assert (np.abs(found - exact) <= bound / 2 + 1e-4).all() and not np.array_equal(found, exact)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"block": 48}, "blocks of 48 values"),
        ({"block": 0}, "blocks of 0 values"),
        ({"scales": 2}, "2 scales for 4 blocks of 32 values"),
        ({"zero_points": 3}, "zero points for each block"),
    ],
)
def test_damaged_blocks(spoilt: dict[str, int], words: str) -> None:
    content = weights_by_blocks(**spoilt).build([0], [4])
    with pytest.raises(InvalidModel, match=words) as failure:
        read_bytes(content, "spoilt.tflite")
    assert str(failure.value).startswith("spoilt.tflite: tensor 1 ")
