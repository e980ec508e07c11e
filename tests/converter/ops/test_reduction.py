"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN over any axes, in both layouts."""

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel
from support.compare import Case, build, check, constant, image, sampled
from support.tflite_builder import ModelBuilder

FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "MEAN": np.mean,
    "SUM": np.sum,
    "REDUCE_MAX": np.max,
    "REDUCE_MIN": np.min,
}
SHAPE = (1, 4, 5, 3)


def reduction(
    name: str,
    axes: tuple[int, ...],
    keep: bool,
    plain: bool = False,
    shape: tuple[int, ...] = SHAPE,
) -> tuple[Case, np.ndarray]:
    """The model, and the expected result for its inputs."""
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    wanted = tuple({axis % len(shape) for axis in axes})
    result = FUNCTIONS[name](np.zeros(shape), axis=wanted, keepdims=keep).shape
    y = model.tensor(result)
    options = schema.ReducerOptionsT(keepDims=keep)
    model.operator(name, [h, constant(model, axes)], [y], options)
    case = build(model, [x], [y])
    values = case.inputs()[0].astype(np.float64).reshape(shape)
    return case, FUNCTIONS[name](values, axis=wanted, keepdims=keep)


AXES = st.sets(st.sampled_from((1, 2, 3)), min_size=1).map(tuple)
SIGNS = st.tuples(st.booleans(), st.booleans(), st.booleans())


@sampled(40)
@given(st.sampled_from(sorted(FUNCTIONS)), AXES, SIGNS, st.booleans(), st.booleans())
def test_reduction(
    name: str, axes: tuple[int, ...], signs: tuple[bool, ...], keep: bool, plain: bool
) -> None:
    signed = tuple(a - 4 if s else a for a, s in zip(axes, signs, strict=False))
    case, truth = reduction(name, signed, keep, plain)
    magnitude = {"MEAN": 4.0, "SUM": 120.0}.get(name, 0.0)
    check(case, truth=[truth], magnitude=magnitude)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize(("axes", "keep"), [((0,), False), ((0, 1, 2), True), ((-4, -1), False)])
def test_the_batch_axis(name: str, axes: tuple[int, ...], keep: bool) -> None:
    case, truth = reduction(name, axes, keep)
    check(case, truth=[truth], magnitude=120.0, batch_fixed="reduces the batch axis")


@pytest.mark.parametrize("shape", [(1, 6), (1, 7, 2), (1, 2, 3, 4, 5)])
def test_other_ranks(shape: tuple[int, ...]) -> None:
    case, truth = reduction("SUM", (-1,), False, shape=shape)
    check(case, truth=[truth], magnitude=20.0)


def test_an_axis_named_twice() -> None:
    case, truth = reduction("MEAN", (1, 2, -2), False)
    check(case, truth=[truth], magnitude=4.0)


def test_an_axis_that_is_not_there() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1,))
    model.operator("MEAN", [x, constant(model, [2])], [y], schema.ReducerOptionsT())
    with pytest.raises(InvalidModel, match="operator 0 MEAN: axis 2 is out of range for 2 axes"):
        build(model, [x], [y]).module()
