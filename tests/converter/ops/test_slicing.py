"""SLICE, STRIDED_SLICE, SPLIT, UNPACK, GATHER: bit for bit, and whole batches."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel, UnsupportedOperator
from support.compare import Case, build, check, constant, image, sampled
from support.tflite_builder import ModelBuilder

SHAPE = (1, 6, 5, 7)
AXIS = st.tuples(st.integers(-8, 8), st.integers(-9, 9), st.sampled_from((-3, -2, -1, 1, 2, 3)))


def slices(
    begin: tuple[int, ...], size: tuple[int, ...], plain: bool = False
) -> tuple[Case, np.ndarray]:
    model = ModelBuilder()
    x, h = image(model, SHAPE, plain)
    end = [d if s == -1 else b + s for b, s, d in zip(begin, size, SHAPE, strict=True)]
    index = tuple(slice(b, e) for b, e in zip(begin, end, strict=True))
    y = model.tensor(np.zeros(SHAPE)[index].shape)
    operands = [h, constant(model, begin), constant(model, size)]
    model.operator("SLICE", operands, [y], schema.SliceOptionsT())
    case = build(model, [x], [y])
    return case, case.inputs()[0].astype(np.float64).reshape(SHAPE)[index]


@pytest.mark.parametrize(
    ("begin", "size"),
    [
        ((0, 1, 2, 3), (1, 4, 2, 1)),
        ((0, 0, 0, 2), (-1, -1, -1, -1)),
        ((0, 0, 0, 0), (1, 6, 5, 7)),
        ((0, 5, 0, 0), (1, 1, 5, 7)),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_slice(begin: tuple[int, ...], size: tuple[int, ...], plain: bool) -> None:
    case, truth = slices(begin, size, plain)
    check(case, truth=[truth])


def test_slice_out_of_bounds() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 3))
    operands = [x, constant(model, [0, 2]), constant(model, [1, 3])]
    model.operator("SLICE", operands, [y], schema.SliceOptionsT())
    with pytest.raises(InvalidModel, match="operator 0 SLICE: slice .* is invalid for"):
        build(model, [x], [y]).module()


def strided(
    index: tuple[object, ...],
    begin: tuple[int, ...],
    end: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    plain: bool = False,
    shape: tuple[int, ...] = SHAPE,
    **masks: int,
) -> tuple[Case, np.ndarray]:
    """The model, and what numpy takes with `index`."""
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    y = model.tensor(np.zeros(shape)[index].shape)  # type: ignore[index]
    operands = [h, *(constant(model, v) for v in (begin, end, strides))]
    model.operator("STRIDED_SLICE", operands, [y], schema.StridedSliceOptionsT(**masks))
    case = build(model, [x], [y])
    values = case.inputs()[0].astype(np.float64).reshape(shape)
    return case, values[index]  # type: ignore[index]


@sampled(40)
@given(AXIS, AXIS, AXIS, st.integers(0, 7), st.integers(0, 7), st.booleans())
def test_strided_slice(
    rows: tuple[int, int, int],
    columns: tuple[int, int, int],
    channels: tuple[int, int, int],
    begin_bits: int,
    end_bits: int,
    plain: bool,
) -> None:
    begin, end, strides = (
        [v, *rest] for v, *rest in zip((0, 1, 1), rows, columns, channels, strict=True)
    )
    begin_mask, end_mask = begin_bits << 1, end_bits << 1
    index = tuple(
        slice(None if begin_mask >> i & 1 else b, None if end_mask >> i & 1 else e, s)
        for i, (b, e, s) in enumerate(zip(begin, end, strides, strict=True))
    )
    if 0 in np.zeros(SHAPE)[index].shape:
        return  # nothing is left, and nothing could be compared
    case, truth = strided(
        index, tuple(begin), tuple(end), tuple(strides), plain=plain,
        beginMask=begin_mask, endMask=end_mask,
    )  # fmt: skip
    check(case, truth=[truth])


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("bits", range(2, 16, 2))
def test_shrunk_axes(bits: int, plain: bool) -> None:
    begin = (0, 2, -1, 3)
    index = tuple(b if bits >> i & 1 else slice(b, None) for i, b in enumerate(begin))
    case, truth = strided(
        index, begin, SHAPE, (1, 1, 1, 1), plain=plain, shrinkAxisMask=bits, endMask=15
    )
    check(case, truth=[truth])


def test_fewer_entries_than_axes() -> None:
    case, truth = strided(np.s_[:, 1:4], (0, 1), (1, 4), (1, 1))
    check(case, truth=[truth])


def test_ellipsis() -> None:
    case, truth = strided(np.s_[:, ..., 2:6:2], (0, 0, 2), (1, 0, 6), (1, 1, 2), ellipsisMask=2)
    check(case, truth=[truth])


def test_new_axis() -> None:
    shape = (1, 6, 5)
    case, truth = strided(
        np.s_[:, None, 1:4, ::-1], (0, 0, 1, 4), (1, 0, 4, -6), (1, 1, 1, -1),
        shape=shape, newAxisMask=2,
    )  # fmt: skip
    check(case, truth=[truth])


def test_new_axis_beside_a_shrunk_one() -> None:
    case, truth = strided(
        np.s_[:, 2, None, 1:3], (0, 2, 0, 1), (1, 3, 0, 3), (1, 1, 1, 1),
        shape=(1, 6, 5), newAxisMask=4, shrinkAxisMask=2,
    )  # fmt: skip
    check(case, truth=[truth])


def test_offset() -> None:
    """`end` counts from `begin`."""
    case, truth = strided(
        np.s_[:, 2:5, 1:3, 3:7], (0, 2, 1, 3), (1, 3, 2, 4), (1, 1, 1, 1), offset=True
    )
    check(case, truth=[truth])


@pytest.mark.parametrize("step", [1, -1])
def test_the_whole_batch_stays(step: int) -> None:
    """A literal 0:1, or its reverse, means every image of a batch, in order."""
    case, truth = strided(np.s_[::step, 1:3], (0, 1), (1, 3), (step, 1), beginMask=1, endMask=1)
    check(case, truth=[truth])


def test_one_image_of_a_batch() -> None:
    case, truth = strided(np.s_[0, 1:3], (0, 1), (1, 3), (1, 1), shrinkAxisMask=1)
    check(case, truth=[truth], batch_fixed="takes a part of the batch axis")


@pytest.mark.parametrize(("axis", "count"), [(1, 2), (1, 3), (3, 7), (-1, 1), (2, 5)])
@pytest.mark.parametrize("plain", [False, True])
def test_split(axis: int, count: int, plain: bool) -> None:
    model = ModelBuilder()
    x, h = image(model, SHAPE, plain)
    part = list(SHAPE)
    part[axis] //= count
    ys = [model.tensor(part) for _ in range(count)]
    axis_tensor = constant(model, [axis])
    model.operator("SPLIT", [axis_tensor, h], ys, schema.SplitOptionsT(numSplits=count))
    case = build(model, [x], ys)
    values = case.inputs()[0].astype(np.float64).reshape(SHAPE)
    check(case, truth=np.split(values, count, axis))


def test_split_of_the_batch() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 4))
    operands = [constant(model, [0]), x]
    model.operator("SPLIT", operands, [y], schema.SplitOptionsT(numSplits=1))
    check(build(model, [x], [y]), batch_fixed="splits the batch axis")


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_unpack(axis: int) -> None:
    model = ModelBuilder()
    shape = (1, 3, 4, 2)
    x, h = image(model, shape)
    rest = [d for i, d in enumerate(shape) if i != axis % 4]
    ys = [model.tensor(rest) for _ in range(shape[axis])]
    options = schema.UnpackOptionsT(num=shape[axis], axis=axis)
    model.operator("UNPACK", [h], ys, options)
    case = build(model, [x], ys)
    values = case.inputs()[0].astype(np.float64)
    check(case, truth=[np.take(values, i, axis) for i in range(shape[axis])])


def test_unpack_of_the_batch() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((4,))
    model.operator("UNPACK", [x], [y], schema.UnpackOptionsT(num=1, axis=0))
    check(build(model, [x], [y]), batch_fixed="unpacks the batch axis")


def gather(
    axis: int, indices: object, plain: bool = False, **options: int
) -> tuple[Case, np.ndarray]:
    places = np.asarray(indices, np.int32)
    model = ModelBuilder()
    x, h = image(model, SHAPE, plain)
    y = model.tensor(np.take(np.zeros(SHAPE), places, axis).shape)
    operands = [h, constant(model, places)]
    model.operator("GATHER", operands, [y], schema.GatherOptionsT(axis=axis, **options))
    case = build(model, [x], [y])
    values = case.inputs()[0].astype(np.float64).reshape(SHAPE)
    return case, np.take(values, places, axis)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("indices", [[3, 0, 3, 1], [2], 4, [[1, 2, 0], [4, 0, 3]]])
@pytest.mark.parametrize("plain", [False, True])
def test_gather(axis: int, indices: object, plain: bool) -> None:
    case, truth = gather(axis, indices, plain)
    check(case, truth=[truth])


def test_gather_from_the_batch() -> None:
    case, truth = gather(0, [0, 0])
    check(case, truth=[truth], batch_fixed="gathers along the batch axis")


def test_gather_from_a_constant_is_an_embedding() -> None:
    """No image owns any of the rows, so every image of a batch gets the same."""
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    model = ModelBuilder()
    x, g, y = model.tensor((1, 2, 3)), model.tensor((2, 3)), model.tensor((1, 2, 3))
    operands = [model.tensor(table.shape, data=table), constant(model, [3, 1])]
    model.operator("GATHER", operands, [g], schema.GatherOptionsT(axis=0))
    model.operator("ADD", [x, g], [y], schema.AddOptionsT())
    case = build(model, [x], [y])
    truth = case.inputs()[0].astype(np.float64) + table[[3, 1]]
    check(case, truth=[truth], magnitude=12.0)


def test_gather_what_is_not_there() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 1))
    model.operator("GATHER", [x, constant(model, [4])], [y], schema.GatherOptionsT(axis=1))
    with pytest.raises(InvalidModel, match=r"gathers \[4\] from 4 places"):
        build(model, [x], [y]).module()


def test_gather_with_batch_dims() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 1))
    options = schema.GatherOptionsT(axis=1, batchDims=1)
    model.operator("GATHER", [x, constant(model, [[2]])], [y], options)
    with pytest.raises(UnsupportedOperator, match="batch_dims 1 is not supported"):
        build(model, [x], [y]).module()
