"""CONCATENATION and PACK along any axis, constants among the operands."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel
from support.compare import Case, build, check, image, permutes, sampled, weights
from support.tflite_builder import ModelBuilder

SHAPE = (1, 4, 5, 3)


def concatenation(
    axis: int,
    lengths: tuple[int, ...],
    *,
    constant_at: int | None = None,
    plain: tuple[bool, ...] = (False, False, False),
    shape: tuple[int, ...] = SHAPE,
) -> tuple[Case, np.ndarray]:
    """Parts of `lengths` along `axis`, one of them a constant; and the expected result."""
    model = ModelBuilder()
    inputs, operands, parts = [], [], []
    for i, length in enumerate(lengths):
        part = list(shape)
        part[axis] = length
        parts.append(tuple(part))
        if i == constant_at:
            values = weights(np.random.default_rng(i), *part)
            operands.append(model.tensor(part, data=values))
        else:
            x, h = image(model, tuple(part), plain[i])
            inputs.append(x)
            operands.append(h)
    total = list(shape)
    total[axis] = sum(lengths)
    y = model.tensor(total)
    options = schema.ConcatenationOptionsT(axis=axis)
    model.operator("CONCATENATION", operands, [y], options)
    case = build(model, inputs, [y])
    given_values = iter(case.inputs())
    joined = [
        weights(np.random.default_rng(i), *p) if i == constant_at else next(given_values).reshape(p)
        for i, p in enumerate(parts)
    ]
    return case, np.concatenate(joined, axis).astype(np.float64)


@sampled(30)
@given(
    st.sampled_from((1, 2, 3, -1, -2)),
    st.sampled_from(((2, 5), (1, 2, 3), (4,))),
    st.sampled_from((None, 0, 1)),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_concatenation(
    axis: int, lengths: tuple[int, ...], constant_at: int | None, plain: tuple[bool, ...]
) -> None:
    constant_at = constant_at if len(lengths) > 1 else None
    case, truth = concatenation(axis, lengths, constant_at=constant_at, plain=plain)
    check(case, truth=[truth])


@pytest.mark.parametrize("shape", [(1, 6), (1, 7, 2), (1, 2, 3, 4, 5)])
def test_other_ranks(shape: tuple[int, ...]) -> None:
    case, truth = concatenation(-1, (2, 3), constant_at=1, shape=shape)
    check(case, truth=[truth])


def test_the_batch_axis() -> None:
    case, truth = concatenation(0, (1, 2), constant_at=1)
    check(case, truth=[truth], batch_fixed="joins along the batch axis")


def test_maps_join_without_a_permute_each() -> None:
    case, _ = concatenation(3, (2, 5, 3))
    assert permutes(case.module()) == 4  # three in, one out


def test_shapes_that_do_not_join() -> None:
    model = ModelBuilder()
    a, b, y = model.tensor((1, 3, 2)), model.tensor((1, 4, 2)), model.tensor((1, 3, 4))
    model.operator("CONCATENATION", [a, b], [y], schema.ConcatenationOptionsT(axis=2))
    with pytest.raises(InvalidModel, match="operator 0 CONCATENATION: joins shapes"):
        build(model, [a, b], [y]).module()


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("constant_at", [None, 1])
def test_pack(axis: int, constant_at: int | None) -> None:
    shape = (1, 5, 3)
    model = ModelBuilder()
    inputs = [model.tensor(shape)]
    values = weights(np.random.default_rng(0), *shape)
    if constant_at is None:
        inputs.append(model.tensor(shape))
        operands = inputs
    else:
        operands = [inputs[0], model.tensor(shape, data=values)]
    y = model.tensor(np.stack([values, values], axis).shape)
    model.operator("PACK", operands, [y], schema.PackOptionsT(valuesCount=2, axis=axis))
    case = build(model, inputs, [y])
    parts = case.inputs() if constant_at is None else [case.inputs()[0], values]
    check(case, truth=[np.stack(parts, axis).astype(np.float64)])


def test_pack_in_front_of_the_batch() -> None:
    model = ModelBuilder()
    a, b, y = model.tensor((1, 3)), model.tensor((1, 3)), model.tensor((2, 1, 3))
    model.operator("PACK", [a, b], [y], schema.PackOptionsT(valuesCount=2, axis=0))
    check(build(model, [a, b], [y]), batch_fixed="joins along the batch axis")
