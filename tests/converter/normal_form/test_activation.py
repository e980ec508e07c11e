"""Recognises RELU, RELU6, PRELU and LOGISTIC in the operators that exporters write instead."""

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from support.compare import EPS32, Case, build
from support.normal_forms import check_normal
from support.tflite_builder import ModelBuilder

SHAPE = (1, 4, 5, 3)
SLOPES = np.float32([[[0.25, 0.1, 0.7]]])


class Net:
    """Consecutive operators on one map."""

    def __init__(self, shape: tuple[int, ...] = SHAPE) -> None:
        self.model = ModelBuilder()
        self.image = self.model.tensor(shape)

    def scalar(self, value: float) -> int:
        return self.model.tensor((), data=np.float32(value))

    def constant(self, data: np.ndarray) -> int:
        return self.model.tensor(data.shape, data=data)

    def op(self, name: str, *inputs: int, options: object | None = None) -> int:
        shapes = [tuple(self.model.graph.tensors[i].shape) for i in inputs]
        y = self.model.tensor(np.broadcast_shapes(*shapes))
        self.model.operator(name, inputs, [y], options)
        return y

    def compare(self, name: str, *inputs: int) -> int:
        y = self.model.tensor(tuple(self.model.graph.tensors[self.image].shape), "bool")
        self.model.operator(name, inputs, [y])
        return y

    def case(self, y: int) -> Case:
        return build(self.model, [self.image], [y])


def _maximum(n: Net) -> int:
    return n.op("MAXIMUM", n.image, n.op("MUL", n.image, n.constant(SLOPES)))


def _relu_minus(n: Net) -> int:
    minus = n.op("RELU", n.op("NEG", n.image))
    return n.op("SUB", n.op("RELU", n.image), n.op("MUL", n.constant(SLOPES), minus))


def _relu_neg_mul_add(n: Net) -> int:
    minus = n.op("NEG", n.op("RELU", n.op("NEG", n.image)))
    return n.op("ADD", n.op("MUL", minus, n.constant(SLOPES)), n.op("RELU", n.image))


def _fused_relu(n: Net) -> int:
    """litert-torch writes it like this: x · −1 with a fused RELU."""
    relu = schema.MulOptionsT(fusedActivationFunction=schema.ActivationFunctionType.RELU)
    minus = n.op("MUL", n.image, n.scalar(-1), options=relu)
    return n.op("SUB", n.op("RELU", n.image), n.op("MUL", minus, n.constant(SLOPES)))


def _minimum(n: Net) -> int:
    low = n.op("MINIMUM", n.image, n.scalar(0))
    high = n.op("MAXIMUM", n.scalar(0), n.image)
    return n.op("ADD", high, n.op("MUL", low, n.constant(SLOPES)))


def _absolute_halved(n: Net) -> int:
    low = n.op("SUB", n.image, n.op("ABS", n.image))
    half = n.op("MUL", low, n.scalar(0.5))
    return n.op("ADD", n.op("RELU", n.image), n.op("MUL", half, n.constant(SLOPES)))


def _absolute(n: Net) -> int:
    """onnx2tf writes it like this: half of the slope times x − |x|."""
    low = n.op("SUB", n.image, n.op("ABS", n.image))
    return n.op("ADD", n.op("RELU", n.image), n.op("MUL", low, n.constant(SLOPES / 2)))


def _both_halves(n: Net) -> int:
    magnitude = n.op("ABS", n.image)
    high = n.op("MUL", n.op("ADD", n.image, magnitude), n.scalar(0.5))
    low = n.op("MUL", n.op("SUB", n.image, magnitude), n.constant(SLOPES))
    return n.op("ADD", high, n.op("MUL", low, n.scalar(0.5)))


def _minus_relu(n: Net) -> int:
    high = n.op("RELU", n.image)
    return n.op("ADD", high, n.op("MUL", n.op("SUB", n.image, high), n.constant(SLOPES)))


def _select(n: Net) -> int:
    positive = n.compare("GREATER", n.image, n.scalar(0))
    return n.op("SELECT_V2", positive, n.image, n.op("MUL", n.image, n.constant(-3 * SLOPES)))


def _select_less(n: Net) -> int:
    negative = n.compare("LESS", n.image, n.scalar(0))
    return n.op("SELECT", negative, n.op("MUL", n.image, n.constant(SLOPES)), n.image)


FORMS = (
    _maximum,
    _relu_minus,
    _relu_neg_mul_add,
    _fused_relu,
    _minimum,
    _absolute,
    _absolute_halved,
    _both_halves,
    _minus_relu,
    _select,
    _select_less,
)


@pytest.mark.parametrize("form", FORMS)
def test_prelu(form: Callable[[Net], int]) -> None:
    net = Net()
    normal = check_normal(net.case(form(net)), ["PRELU"])
    assert normal.rewrites[-1] == "PRELU fused"
    (op,) = normal.graph.operators
    slope = normal.graph.tensors[op.inputs[1]]
    assert slope.data is not None and slope.provenance is not None
    expected = -3 * SLOPES if form is _select else SLOPES
    assert np.array_equal(slope.data.reshape(-1), expected.reshape(-1))
    if form is _absolute:  # halved: 2 · 0.5 = 1
        assert slope.provenance.folded == ("× 2",)


def test_one_slope_for_all_channels() -> None:
    net = Net()
    y = net.op("MAXIMUM", net.image, net.op("MUL", net.image, net.scalar(0.25)))
    normal = check_normal(net.case(y), ["PRELU"])
    slope = normal.graph.tensors[normal.graph.operators[0].inputs[1]]
    assert slope.data is not None and slope.data.tolist() == [0.25] * 3


def test_a_maximum_that_is_no_prelu() -> None:
    """max(x, 1.5·x) is 1.5·x where x is positive."""
    net = Net()
    y = net.op("MAXIMUM", net.image, net.op("MUL", net.image, net.scalar(1.5)))
    check_normal(net.case(y), ["MUL", "MAXIMUM"])


def test_a_maximum_with_a_slope_below_zero_is_a_prelu() -> None:
    """max(x, −x / 4) is x where x is positive, −x / 4 where it is not."""
    net = Net()
    y = net.op("MAXIMUM", net.image, net.op("MUL", net.image, net.scalar(-0.25)))
    check_normal(net.case(y), ["PRELU"])


def test_of_two_different_values_there_is_no_prelu() -> None:
    net = Net()
    other = net.op("TANH", net.image)
    low = net.op("MUL", net.op("MINIMUM", other, net.scalar(0)), net.constant(SLOPES))
    y = net.op("ADD", net.op("RELU", net.image), low)
    check_normal(net.case(y), ["TANH", "MINIMUM", "MUL", "RELU", "ADD"], magnitude=3.0)


def test_what_others_read_stays() -> None:
    net = Net()
    product = net.op("MUL", net.image, net.constant(SLOPES))
    y = net.op("MAXIMUM", net.image, product)
    case = build(net.model, [net.image], [y, product])
    check_normal(case, ["MUL", "PRELU"])


def test_relu() -> None:
    net = Net()
    a = net.op("MAXIMUM", net.scalar(0), net.image)
    b = net.op("MUL", net.op("ADD", net.op("ABS", net.image), net.image), net.scalar(0.5))
    c = net.op("DIV", net.op("ADD", net.image, net.op("ABS", net.image)), net.scalar(2))
    case = build(net.model, [net.image], [a, b, c])
    check_normal(case, ["RELU", "RELU", "RELU"])


def test_relu6() -> None:
    net = Net()
    a = net.op("MINIMUM", net.op("MAXIMUM", net.image, net.scalar(0)), net.scalar(6))
    b = net.op("MAXIMUM", net.op("MINIMUM", net.scalar(6), net.image), net.scalar(0))
    check_normal(build(net.model, [net.image], [a, b], -9, 9), ["RELU6", "RELU6"])


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "DIV"])
@pytest.mark.parametrize("activation", ["RELU", "RELU6"])
def test_fused_activation(name: str, activation: str) -> None:
    kinds = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT}
    kinds |= {"MUL": schema.MulOptionsT, "DIV": schema.DivOptionsT}
    number = getattr(schema.ActivationFunctionType, activation)
    net = Net()
    y = net.op(name, net.image, net.image, options=kinds[name](fusedActivationFunction=number))
    check_normal(net.case(y), [name, activation])


@pytest.mark.parametrize("minus", ["NEG", "MUL", "SUB"])
def test_logistic(minus: str) -> None:
    """e^−x is off by at most a unit in the last place in torch's float32, sum and quotient by
    half a one, each of at most 1: together below 4 spacings at 1. In float64 likewise.
    """
    net = Net((1, 63))
    negative = {
        "NEG": lambda: net.op("NEG", net.image),
        "MUL": lambda: net.op("MUL", net.image, net.scalar(-1)),
        "SUB": lambda: net.op("SUB", net.scalar(0), net.image),
    }[minus]()
    y = net.op("DIV", net.scalar(1), net.op("ADD", net.op("EXP", negative), net.scalar(1)))
    case = build(net.model, [net.image], [y], -8, 8)
    check_normal(case, ["LOGISTIC"], magnitude=1.0, exact64=4 * 2.0**-52, apart=4 * EPS32)


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        ("RELU", "RELU", ["RELU"]),
        ("RELU6", "RELU6", ["RELU6"]),
        ("RELU6", "RELU", ["RELU6"]),
        ("RELU", "RELU6", ["RELU", "RELU6"]),
    ],
)
def test_repeated(first: str, second: str, left: list[str]) -> None:
    net = Net()
    check_normal(net.case(net.op("NEG", net.op(second, net.op(first, net.image)))), [*left, "NEG"])


@pytest.mark.parametrize("other", ["RELU6", "RELU"])
def test_carried_by_an_inverted_residual(other: str) -> None:
    """Convolution, RELU6, depthwise convolution, RELU6: both carry it, unless they differ."""
    net = Net()
    rng = np.random.default_rng(5)
    options = {"padding": schema.Padding.SAME, "strideH": 1, "strideW": 1}

    def layer(name: str, x: int, kernel: tuple[int, ...], options: object) -> int:
        y = net.model.tensor((1, 4, 5, 6))
        weight = net.constant(rng.normal(size=kernel).astype(np.float32))
        net.model.operator(name, [x, weight, net.constant(np.ones(6, np.float32))], [y], options)
        return y

    wide = layer("CONV_2D", net.image, (6, 1, 1, 3), schema.Conv2DOptionsT(**options))
    depthwise = schema.DepthwiseConv2DOptionsT(**options, depthMultiplier=1)
    y = layer("DEPTHWISE_CONV_2D", net.op("RELU6", wide), (1, 3, 3, 6), depthwise)
    layers = ["CONV_2D", "DEPTHWISE_CONV_2D"]
    left = layers if other == "RELU6" else ["CONV_2D", "RELU6", "DEPTHWISE_CONV_2D"]
    normal = check_normal(net.case(net.op(other, y)), left, magnitude=100.0)
    assert getattr(normal.graph.operators[-1].options, "activation", None) == other


def test_slopes_of_a_maximum_get_one_form() -> None:
    net = Net()
    y = net.op("MAXIMUM", net.op("MUL", net.constant(9 * SLOPES), net.image), net.image)
    normal = check_normal(net.case(y), ["MUL", "MAXIMUM"], magnitude=20.0)
    product, largest = normal.graph.operators
    assert normal.graph.tensors[product.inputs[1]].shape == (1, 1, 1, 3)
    assert largest.inputs == (product.inputs[0], product.outputs[0])
