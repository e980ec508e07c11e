"""RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE: bit for bit, with any batch size."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel, UnsupportedOperator
from support.compare import Case, build, check, constant, image, permutes, sampled
from support.tflite_builder import ModelBuilder

SHAPE = (1, 4, 5, 6)
TARGETS = st.sampled_from(
    [(1, 120), (1, 20, 6), (1, -1, 3), (1, 6, 5, 4), (-1, 120), (1, 4, 5, 6), (1, 2, 2, 5, 6),
     (1, 1, 1, 120), (-1, 4, 30)]
)  # fmt: skip


def reshape(
    shape: tuple[int, ...],
    target: tuple[int, ...],
    *,
    in_options: bool = False,
    plain: bool = False,
) -> tuple[Case, np.ndarray]:
    """The model, and the expected result for its inputs."""
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    y = model.tensor(np.zeros(shape).reshape(target).shape)
    if in_options:
        model.operator("RESHAPE", [h], [y], schema.ReshapeOptionsT(newShape=list(target)))
    else:
        model.operator("RESHAPE", [h, constant(model, target)], [y])
    case = build(model, [x], [y])
    return case, case.inputs()[0].astype(np.float64).reshape(target)


@sampled()
@given(TARGETS, st.booleans(), st.booleans())
def test_reshape(target: tuple[int, ...], in_options: bool, plain: bool) -> None:
    case, truth = reshape(SHAPE, target, in_options=in_options, plain=plain)
    check(case, truth=[truth])


@pytest.mark.parametrize("target", [(4, 30), (120,), (2, 60), (-1, 6)])
def test_reshape_that_merges_the_batch(target: tuple[int, ...]) -> None:
    case, truth = reshape(SHAPE, target)
    check(case, truth=[truth], batch_fixed=r"operator 0 RESHAPE turns shape [1, 4, 5, 6] into")


@pytest.mark.parametrize("shape", [(1, 1, 1, 63), (1, 5, 4, 1)])
def test_reshape_without_a_permute(shape: tuple[int, ...]) -> None:
    """With one pixel or one channel both layouts have the same order."""
    model = ModelBuilder()
    x = model.tensor(shape)
    h, y = model.tensor(shape), model.tensor((1, int(np.prod(shape))))
    model.operator("RELU", [x], [h])
    model.operator("RESHAPE", [h, constant(model, (1, -1))], [y])
    module = check(build(model, [x], [y]))
    assert permutes(module) == 1


def test_a_reshaped_input_is_not_permuted() -> None:
    assert permutes(check(reshape(SHAPE, (1, 120))[0])) == 0


def test_sizes_that_differ() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 6)), model.tensor((1, 5))
    model.operator("RESHAPE", [x, constant(model, (1, 5))], [y])
    with pytest.raises(InvalidModel, match=r"cannot give shape \[1, 6\] the shape \[1, 5\]"):
        build(model, [x], [y]).module()


def test_a_shape_computed_at_run_time() -> None:
    model = ModelBuilder()
    x, s, y = model.tensor((1, 6)), model.tensor((2,)), model.tensor((1, 6))
    model.operator("RESHAPE", [x, s], [y])
    with pytest.raises(UnsupportedOperator, match="operand 1 .* is computed at run time"):
        build(model, [x, s], [y]).module()


@pytest.mark.parametrize(
    ("shape", "dims", "fixed"),
    [
        ((1, 1, 1, 6), (1, 2), None),
        ((1, 1, 1, 6), (-3, -2), None),
        ((1, 5, 1, 6), (2,), None),
        ((1, 5, 4, 1), (3,), None),
        ((1, 7, 1), (-1,), None),
        ((1, 5, 1, 6), (), "squeezes the batch axis"),
        ((1, 1, 3), (0,), "squeezes the batch axis"),
    ],
)
def test_squeeze(shape: tuple[int, ...], dims: tuple[int, ...], fixed: str | None) -> None:
    model = ModelBuilder()
    x = model.tensor(shape)
    axes = tuple(d % len(shape) for d in dims) or tuple(i for i, d in enumerate(shape) if d == 1)
    y = model.tensor(tuple(d for i, d in enumerate(shape) if i not in axes))
    model.operator("SQUEEZE", [x], [y], schema.SqueezeOptionsT(squeezeDims=list(dims)))
    case = build(model, [x], [y])
    truth = case.inputs()[0].astype(np.float64).squeeze(axes)
    check(case, truth=[truth], batch_fixed=fixed)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2])
@pytest.mark.parametrize("shape", [(1, 5, 6), (1, 4)])
def test_expand_dims(shape: tuple[int, ...], axis: int) -> None:
    """Also in front of the batch: at batch 1, the axes of (1, 1, …) can be read either way."""
    if not -len(shape) - 1 <= axis <= len(shape):
        return
    model = ModelBuilder()
    x = model.tensor(shape)
    y = model.tensor(np.expand_dims(np.zeros(shape), axis).shape)
    model.operator("EXPAND_DIMS", [x, constant(model, [axis])], [y], schema.ExpandDimsOptionsT())
    case = build(model, [x], [y])
    check(case, truth=[np.expand_dims(case.inputs()[0].astype(np.float64), axis)])


@sampled(24)
@given(st.permutations((0, 1, 2, 3)), st.booleans())
def test_transpose(order: list[int], plain: bool) -> None:
    model = ModelBuilder()
    x, h = image(model, SHAPE, plain)
    y = model.tensor(tuple(SHAPE[i] for i in order))
    model.operator("TRANSPOSE", [h, constant(model, order)], [y], schema.TransposeOptionsT())
    case = build(model, [x], [y])
    truth = case.inputs()[0].astype(np.float64).reshape(SHAPE).transpose(order)
    check(case, truth=[truth], batch_fixed=None if order[0] == 0 else "moves the batch axis")


@pytest.mark.parametrize(
    ("shape", "order"), [((1, 5, 6), (0, 2, 1)), ((1, 2, 3, 4, 5), (0, 3, 1, 4, 2))]
)
def test_transpose_of_other_ranks(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    model = ModelBuilder()
    x, y = model.tensor(shape), model.tensor(tuple(shape[i] for i in order))
    model.operator("TRANSPOSE", [x, constant(model, order)], [y], schema.TransposeOptionsT())
    case = build(model, [x], [y])
    check(case, truth=[case.inputs()[0].astype(np.float64).transpose(order)])


def test_a_transpose_that_the_layout_already_is() -> None:
    model = ModelBuilder()
    x, h, y = model.tensor(SHAPE), model.tensor(SHAPE), model.tensor((1, 6, 4, 5))
    model.operator("RELU", [x], [h])
    model.operator("TRANSPOSE", [h, constant(model, (0, 3, 1, 2))], [y])
    assert permutes(check(build(model, [x], [y]))) == 1  # the one in
