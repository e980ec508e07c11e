"""Unary and binary arithmetic, broadcast as in numpy, in every layout."""

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel
from support.compare import Case, build, check, image, permutes, sampled
from support.tflite_builder import ModelBuilder

ARITHMETIC: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "ADD": lambda a, b: a + b,
    "SUB": lambda a, b: a - b,
    "MUL": lambda a, b: a * b,
    "DIV": lambda a, b: a / b,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "SQUARED_DIFFERENCE": lambda a, b: (a - b) ** 2,
}
OPTIONS = {
    "ADD": schema.AddOptionsT,
    "SUB": schema.SubOptionsT,
    "MUL": schema.MulOptionsT,
    "DIV": schema.DivOptionsT,
}
UNARY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ABS": np.abs,
    "NEG": np.negative,
    "EXP": np.exp,
    "LOG": np.log,
    "SQRT": np.sqrt,
    "RSQRT": lambda x: 1.0 / np.sqrt(x),
    "SQUARE": np.square,
    "SIN": np.sin,
    "COS": np.cos,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND": np.round,
}
# shapes that broadcast against (1, 4, 5, 3), each dimension telling itself apart
PARTNERS = [(1, 4, 5, 3), (1, 1, 1, 3), (1, 4, 1, 1), (1, 1, 5, 1), (4, 5, 3), (4, 1, 3), (5, 3),
            (5, 1), (1, 3), (3,), (1,), ()]  # fmt: skip


def with_constant(
    name: str,
    shape: tuple[int, ...],
    values: np.ndarray,
    *,
    constant_first: bool = False,
    plain: bool = False,
    activation: str = "NONE",
) -> Case:
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    c = model.tensor(values.shape, data=values)
    y = model.tensor(np.broadcast_shapes(shape, values.shape))
    options = None
    if name in OPTIONS:
        options = OPTIONS[name]()
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    model.operator(name, [c, h] if constant_first else [h, c], [y], options)
    return build(model, [x], [y], low=0.5, high=3.0)


@sampled(40)
@given(st.sampled_from(sorted(ARITHMETIC)), st.sampled_from(PARTNERS), st.booleans(), st.booleans())
def test_with_a_constant(
    name: str, partner: tuple[int, ...], constant_first: bool, plain: bool
) -> None:
    values = np.random.default_rng(0).uniform(0.5, 2.0, partner).astype(np.float32)
    shape = (1, 4, 5, 3)
    case = with_constant(name, shape, values, constant_first=constant_first, plain=plain)
    inputs = case.inputs()
    pair = [inputs[0].reshape(shape).astype(np.float64), values.astype(np.float64)]
    truth = ARITHMETIC[name](*(pair[::-1] if constant_first else pair))
    check(case, truth=[truth], magnitude=9.0)


@sampled(20)
@given(
    st.sampled_from(sorted(ARITHMETIC)), st.sampled_from(PARTNERS[:4]), st.booleans(), st.booleans()
)
def test_two_values(name: str, partner: tuple[int, ...], plain: bool, other_plain: bool) -> None:
    model = ModelBuilder()
    a, g = image(model, (1, 4, 5, 3), plain)
    b, h = image(model, partner, other_plain)
    y = model.tensor((1, 4, 5, 3))
    model.operator(name, [g, h], [y], OPTIONS[name]() if name in OPTIONS else None)
    case = build(model, [a, b], [y], low=0.5, high=3.0)
    inputs = case.inputs()
    shapes = ((1, 4, 5, 3), partner)
    pair = [x.astype(np.float64).reshape(s) for x, s in zip(inputs, shapes, strict=True)]
    check(case, truth=[ARITHMETIC[name](*pair)], magnitude=9.0)


@pytest.mark.parametrize("name", sorted(OPTIONS))
@pytest.mark.parametrize("activation", ["RELU", "RELU_N1_TO_1", "RELU6"])
def test_fused(name: str, activation: str) -> None:
    values = np.random.default_rng(1).uniform(0.1, 3.0, (1, 1, 1, 3)).astype(np.float32)
    check(with_constant(name, (1, 4, 5, 3), values, activation=activation), magnitude=20.0)


@pytest.mark.parametrize("name", sorted(UNARY))
def test_unary(name: str) -> None:
    model = ModelBuilder()
    x = model.tensor((1, 4, 5, 3))
    y = model.tensor((1, 4, 5, 3))
    model.operator(name, [x], [y])
    case = build(model, [x], [y], low=0.25, high=4.0)
    inputs = case.inputs()
    inputs[0].flat[:4] = [0.5, 1.5, 2.5, 3.5]  # halves go to the even neighbour
    truth = UNARY[name](inputs[0].astype(np.float64))
    kernels = ["default"] if name in ("CEIL", "ROUND") else ["default", "reference"]
    check(case, inputs=inputs, truth=[truth], magnitude=[1.0 + np.abs(truth)], litert=kernels)


def test_pow() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4, 5, 3)), model.tensor((1, 4, 5, 3))
    exponent = np.array([2.0, 0.5, -1.0], np.float32)
    model.operator("POW", [x, model.tensor((3,), data=exponent)], [y], schema.PowOptionsT())
    case = build(model, [x], [y], low=0.5, high=2.0)
    check(case, truth=[case.inputs()[0].astype(np.float64) ** exponent], magnitude=8.0)


def test_cast_to_the_same_type() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4, 5, 3)), model.tensor((1, 4, 5, 3))
    model.operator("CAST", [x], [y], schema.CastOptionsT())
    check(build(model, [x], [y]))


def test_a_constant_of_more_rows_than_images() -> None:
    """(1, 3) plus (4, 3): the result's rows are not images."""
    values = np.random.default_rng(2).uniform(-1.0, 1.0, (4, 3)).astype(np.float32)
    check(with_constant("ADD", (1, 3), values), magnitude=4.0, batch_fixed="along the batch axis")


def test_values_of_different_rank() -> None:
    """(1, 5, 3) against (1, 4, 5, 3): its images would meet the other's rows."""
    model = ModelBuilder()
    a, b = model.tensor((1, 4, 5, 3)), model.tensor((1, 5, 3))
    y = model.tensor((1, 4, 5, 3))
    model.operator("MUL", [a, b], [y], schema.MulOptionsT())
    check(build(model, [a, b], [y]), magnitude=4.0, batch_fixed="along the batch axis")


def test_constants_are_turned_at_conversion() -> None:
    """Only one permute at the start and one at the end, whatever the constant's rank."""
    for partner in PARTNERS:
        module = with_constant("ADD", (1, 4, 5, 3), np.ones(partner, np.float32)).module()
        assert permutes(module) == 2, partner


def test_shapes_that_do_not_broadcast() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 4))
    model.operator("ADD", [x, model.tensor((3,), data=np.ones(3))], [y], schema.AddOptionsT())
    with pytest.raises(InvalidModel, match=r"shapes \[1, 4\] and \[3\] do not broadcast"):
        build(model, [x], [y]).module()
