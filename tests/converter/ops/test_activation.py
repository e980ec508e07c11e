"""Activations against LiteRT and against their definitions in float64."""

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from support.compare import Case, build, check, image, permutes, sampled
from support.tflite_builder import ModelBuilder

Function = Callable[[np.ndarray], np.ndarray]

DEFINITIONS: dict[str, Function] = {
    "RELU": lambda x: np.maximum(x, 0.0),
    "RELU6": lambda x: np.clip(x, 0.0, 6.0),
    "RELU_N1_TO_1": lambda x: np.clip(x, -1.0, 1.0),
    "TANH": np.tanh,
    "LOGISTIC": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "HARD_SWISH": lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "ELU": lambda x: np.where(x < 0.0, np.expm1(x), x),
}
SHAPES = st.sampled_from([(1, 4, 5, 3), (1, 7, 2), (1, 6), (1, 2, 3, 4, 5)])


def unary(
    name: str,
    shape: tuple[int, ...],
    plain: bool = False,
    options: object | None = None,
    reach: float = 2.0,
) -> Case:
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    y = model.tensor(shape)
    model.operator(name, [h], [y], options)
    return build(model, [x], [y], -reach, reach)


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("shape", [(1, 4, 5, 3), (1, 7, 2), (1, 6)])
def test_pointwise(name: str, shape: tuple[int, ...]) -> None:
    case = unary(name, shape, reach=8.0)
    truth = DEFINITIONS[name](case.inputs()[0].astype(np.float64))
    kernels = ["default"] if name == "ELU" else ["default", "reference"]
    check(case, truth=[truth], magnitude=8.0, litert=kernels)


def test_pointwise_keeps_the_layout() -> None:
    assert permutes(unary("RELU", (1, 4, 5, 3)).module()) == 2  # in and out
    assert permutes(unary("RELU", (1, 4, 5, 3), plain=True).module()) == 0


@sampled(10)
@given(SHAPES, st.sampled_from((0.0, 0.125, 0.3, 1.5)))
def test_leaky_relu(shape: tuple[int, ...], alpha: float) -> None:
    case = unary("LEAKY_RELU", shape, options=schema.LeakyReluOptionsT(alpha=alpha))
    x = case.inputs()[0].astype(np.float64)
    truth = np.where(x < 0.0, x * np.float64(np.float32(alpha)), x)
    check(case, truth=[truth], magnitude=4.0)


@sampled(12)
@given(SHAPES, st.sampled_from((1.0, 0.5, 3.0)), st.booleans())
def test_softmax(shape: tuple[int, ...], beta: float, plain: bool) -> None:
    case = unary("SOFTMAX", shape, plain, schema.SoftmaxOptionsT(beta=beta))
    x = case.inputs()[0].astype(np.float64).reshape(shape) * beta
    e = np.exp(x - x.max(-1, keepdims=True))
    check(case, truth=[e / e.sum(-1, keepdims=True)], magnitude=10.0)


SLOPES = [
    ((1, 4, 5, 3), (1, 1, 3)),
    ((1, 4, 5, 3), (1, 1, 1, 3)),
    ((1, 4, 5, 3), (3,)),
    ((1, 4, 5, 3), (1, 1, 1)),
    ((1, 4, 5, 3), (4, 5, 3)),
    ((1, 4, 5, 3), (4, 1, 3)),
    ((1, 4, 5, 3), (5, 1)),
    ((1, 4, 5, 3), (1, 4, 1, 1)),
    ((1, 7, 2), (1, 2)),
    ((1, 7, 2), (7, 1)),
    ((1, 6), (6,)),
]


def prelu(
    shape: tuple[int, ...], slopes: tuple[int, ...], plain: bool = False
) -> tuple[Case, np.ndarray]:
    values = np.random.default_rng(0).uniform(-0.5, 1.5, slopes).astype(np.float32)
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    y = model.tensor(shape)
    model.operator("PRELU", [h, model.tensor(slopes, data=values)], [y])
    return build(model, [x], [y]), values


@pytest.mark.parametrize(("shape", "slopes"), SLOPES)
@pytest.mark.parametrize("plain", [False, True])
def test_prelu(shape: tuple[int, ...], slopes: tuple[int, ...], plain: bool) -> None:
    case, values = prelu(shape, slopes, plain)
    x = case.inputs()[0].astype(np.float64).reshape(shape)
    check(case, truth=[np.where(x < 0.0, x * values.astype(np.float64), x)], magnitude=3.0)


def test_a_slope_a_channel_is_one_prelu() -> None:
    """A masked assignment takes four times as long."""
    module = prelu((1, 4, 5, 3), (1, 1, 3))[0].module()
    calls = [n.name for n in module.graph.nodes if n.op == "call_function"]
    assert calls == ["prelu"]
    assert module.bindings[0].key == "op000_prelu.slope"
    assert module.bindings[0].transform == "11C→C"
    assert module.get_parameter("op000_prelu.slope").shape == (3,)
