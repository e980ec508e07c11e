"""Densify, against an encoder that packs element by element (it knows nothing of how levels
are expanded), and against LiteRT's DENSIFY where LiteRT handles the format.
"""

import itertools
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.graph import SparseDimension, Sparsity
from blazepalm.converter.tflite.sparsity import densify
from blazepalm.errors import InvalidModel
from support.litert import run_litert
from support.tflite_builder import Dimension, ModelBuilder, schema, sparsity_parameters


@dataclass(frozen=True)
class Packing:
    """A dense array and a way to pack it: `blocks` maps a blocked axis to its block size,
    `dense_levels` says for each level whether it is stored dense.
    """

    dense: np.ndarray
    order: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...]
    dense_levels: tuple[bool, ...]


def pack(packing: Packing) -> tuple[np.ndarray, list[Dimension]]:
    """(leaves, dimensions in traversal order), one element at a time, as the schema says:
    a blocked axis has a coordinate of the block and one inside it.
    """
    shape, rank = packing.dense.shape, packing.dense.ndim
    axes = [axis for axis, _ in packing.blocks]
    size_of_block = dict(packing.blocks)

    def coordinates(index: tuple[int, ...]) -> tuple[int, ...]:
        outer = [i // size_of_block.get(axis, 1) for axis, i in enumerate(index)]
        inner = [index[axis] % size_of_block[axis] for axis in axes]
        everything = outer + inner
        return tuple(everything[place] for place in packing.order)

    sizes = [shape[axis] // size_of_block.get(axis, 1) for axis in range(rank)]
    sizes += [size for _, size in packing.blocks]
    value_at = {coordinates(index): value for index, value in np.ndenumerate(packing.dense)}
    occupied = {
        path[: depth + 1]
        for path, value in value_at.items()
        if value != 0
        for depth in range(len(path))
    }
    nodes: list[tuple[int, ...]] = [()]
    dimensions: list[Dimension] = []
    for place, is_dense in zip(packing.order, packing.dense_levels, strict=True):
        children = [[(*node, i) for i in range(sizes[place])] for node in nodes]
        if is_dense:
            dimensions.append(sizes[place])
        else:
            children = [[child for child in family if child in occupied] for family in children]
            ends = [0, *itertools.accumulate(len(family) for family in children)]
            indices = [child[-1] for family in children for child in family]
            # Files leave the length of a CSR dimension unset, except where it is a block's.
            dimensions.append((sizes[place] if place >= rank else 0, ends, indices))
        nodes = [child for family in children for child in family]
    return np.array([value_at[node] for node in nodes], packing.dense.dtype), dimensions


def as_sparsity(packing: Packing, dimensions: list[Dimension]) -> Sparsity:
    return Sparsity(
        packing.order,
        tuple(axis for axis, _ in packing.blocks),
        tuple(
            SparseDimension(d)
            if isinstance(d, int)
            else SparseDimension(d[0], tuple(d[1]), tuple(d[2]))
            for d in dimensions
        ),
    )


@st.composite
def packings(draw: st.DrawFn, *, litert: bool = False, dtype: str | None = None) -> Packing:
    """Random packings; `litert` limits them to what its kernel reads correctly: block dimensions
    last in the traversal, blocked axes ascending, blocks dense.
    """
    rank = draw(st.integers(1, 4))
    blocked = draw(st.lists(st.integers(0, rank - 1), unique=True, max_size=rank))
    blocked = sorted(blocked) if litert else blocked
    blocks = tuple((axis, draw(st.integers(1, 4))) for axis in blocked)
    shape = [draw(st.integers(1, 4)) * dict(blocks).get(axis, 1) for axis in range(rank)]
    order = draw(st.permutations(range(rank)))
    inner = list(range(rank, rank + len(blocks)))
    order = [*order, *inner] if litert else draw(st.permutations([*order, *inner]))
    dense_levels = [draw(st.booleans()) or (litert and place >= rank) for place in order]
    kind = dtype or draw(st.sampled_from(["float32", "float16", "int8"]))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    values = rng.integers(1, 100, shape) * (rng.random(shape) < draw(st.floats(0, 1)))
    return Packing(values.astype(kind), tuple(order), blocks, tuple(dense_levels))


@settings(max_examples=300, deadline=None)
@given(packings())
def test_densify_undoes_the_packing(packing: Packing) -> None:
    leaves, dimensions = pack(packing)
    dense = densify(leaves, packing.dense.shape, as_sparsity(packing, dimensions), "tensor")
    assert dense.dtype == packing.dense.dtype
    np.testing.assert_array_equal(dense, packing.dense)


def densify_model(packing: Packing) -> tuple[bytes, int]:
    """A model that densifies a packed constant, and the tensor of the result."""
    leaves, dimensions = pack(packing)
    model = ModelBuilder()
    image = model.tensor((1,), packing.dense.dtype.name, name="image")
    packed = model.tensor(
        packing.dense.shape,
        packing.dense.dtype.name,
        raw=leaves.tobytes(),
        sparsity=sparsity_parameters(packing.order, [a for a, _ in packing.blocks], dimensions),
    )
    dense = model.tensor(packing.dense.shape, packing.dense.dtype.name, name="dense")
    model.operator("DENSIFY", [packed], [dense], schema.DensifyOptionsT())
    return model.build([image], [dense]), dense


def litert_densify(content: bytes, tensor: int) -> np.ndarray:
    dense: np.ndarray = run_litert(content).get_tensor(tensor)
    return dense


@settings(max_examples=60, deadline=None)
@given(packings(litert=True).filter(lambda p: bool(np.count_nonzero(p.dense))))
def test_densify_is_bit_equal_to_litert(packing: Packing) -> None:
    content, tensor = densify_model(packing)
    reference = litert_densify(content, tensor)
    np.testing.assert_array_equal(reference, packing.dense)  # the encoder means what LiteRT does
    graph = read_bytes(content, "m")
    assert graph.operators == ()
    folded = graph.tensors[tensor]
    assert folded.data is not None
    assert folded.data.dtype == reference.dtype
    assert folded.data.tobytes() == reference.tobytes()


def test_blocks_of_four_by_one_through_the_file() -> None:
    """A weight pruned in 4×1 blocks, OHWI, as XNNPACK's sparse kernels require."""
    rng = np.random.default_rng(3)
    dense = rng.normal(size=(16, 1, 1, 24)).astype(np.float32)
    dense *= np.repeat(rng.random((4, 1, 1, 24)) < 0.3, 4, axis=0)
    packing = Packing(dense, (0, 1, 2, 3, 4), ((0, 4),), (True, True, True, False, True))
    content, tensor = densify_model(packing)
    constant = read_bytes(content, "m").tensors[tensor]
    assert constant.data is not None
    np.testing.assert_array_equal(constant.data, dense)
    np.testing.assert_array_equal(litert_densify(content, tensor), dense)
    origin = constant.provenance
    assert origin is not None
    assert (origin.tensor, origin.folded, origin.dtype) == (1, ("DENSIFY",), "float32")
    assert origin.stored_bytes == 4 * np.count_nonzero(dense)
    assert origin.sparsity is not None
    assert origin.sparsity.traversal_order == (0, 1, 2, 3, 4)
    assert origin.sparsity.block_map == (0,)
    assert [d.is_dense for d in origin.sparsity.dimensions] == [True, True, True, False, True]
    assert origin.sparsity.dimensions[0].dense_size == 4


def test_a_worked_example_on_paper() -> None:
    """[[0, 5, 0], [7, 0, 9]] by rows: segments 0 1 3, indices 1, 0 2; by columns: 0 1 2 3."""
    expected = np.array([[0, 5, 0], [7, 0, 9]], np.int8)
    rows = Sparsity((0, 1), (), (SparseDimension(2), SparseDimension(0, (0, 1, 3), (1, 0, 2))))
    columns = Sparsity(
        (1, 0), (), (SparseDimension(3), SparseDimension(0, (0, 1, 2, 3), (1, 0, 1)))
    )
    by_rows, by_columns = np.array([5, 7, 9], np.int8), np.array([7, 5, 9], np.int8)
    np.testing.assert_array_equal(densify(by_rows, (2, 3), rows, "t"), expected)
    np.testing.assert_array_equal(densify(by_columns, (2, 3), columns, "t"), expected)


def test_wide_index_vectors() -> None:
    """More than 255 and more than 65535: the 16 and 32 bit vectors of the schema."""
    for length in (300, 70_000):
        dense = np.zeros((2, length), np.float32)
        dense[0, 3], dense[1, length - 1] = 1, 2
        packing = Packing(dense, (0, 1), (), (True, False))
        graph = read_bytes(densify_model(packing)[0], "m")
        np.testing.assert_array_equal(graph.tensors[2].data, dense)


def test_a_sparse_constant_read_without_densify_is_dense() -> None:
    dense = np.array([[0, 1.5, 0, 0], [0, 0, 0, 2.5]], np.float32)
    leaves, dimensions = pack(Packing(dense, (0, 1), (), (True, False)))
    model = ModelBuilder()
    image, out = model.tensor((1, 4)), model.tensor((1, 2))
    parameters = sparsity_parameters((0, 1), (), dimensions)
    weight = model.tensor((2, 4), raw=leaves.tobytes(), sparsity=parameters)
    model.operator("FULLY_CONNECTED", [image, weight, -1], [out], schema.FullyConnectedOptionsT())
    graph = read_bytes(model.build([image], [out]), "m")
    (constant,) = graph.constants()
    assert constant.data is not None
    np.testing.assert_array_equal(constant.data, dense)
    assert constant.provenance is not None
    assert constant.provenance.folded == ()


# Damaged sparsity ----------------------------------------------------------------------

GOOD = Sparsity((0, 1), (), (SparseDimension(2), SparseDimension(0, (0, 1, 3), (1, 0, 2))))


def csr(segments: tuple[int, ...], indices: tuple[int, ...]) -> Sparsity:
    return replace(GOOD, dimensions=(SparseDimension(2), SparseDimension(0, segments, indices)))


@pytest.mark.parametrize(
    ("sparsity", "values", "found"),
    [
        (GOOD, 2, "2 values are stored, the sparsity expects 3"),
        (GOOD, 4, "4 values are stored, the sparsity expects 3"),
        (replace(GOOD, traversal_order=(0, 0)), 3, "traversal order [0, 0]"),
        (replace(GOOD, traversal_order=(0, 2)), 3, "traversal order [0, 2]"),
        (replace(GOOD, traversal_order=(0,)), 3, "traversal order [0]"),
        (replace(GOOD, dimensions=GOOD.dimensions[:1]), 3, "1 stored dimensions"),
        (replace(GOOD, block_map=(0,)), 3, "1 blocked"),
        (csr((0, 1), (1, 0, 2)), 3, "2 segment ends, expected 3"),
        (csr((0, 1, 2, 3), (1, 0, 2)), 3, "4 segment ends, expected 3"),
        (csr((0, 1, 2), (1, 0, 2)), 3, "do not partition the 3 indices"),
        (csr((1, 1, 3), (1, 0, 2)), 3, "do not partition"),
        (csr((0, 4, 3), (1, 0, 2)), 3, "do not partition"),
        (csr((0, -1, 3), (1, 0, 2)), 3, "do not partition"),
        (csr((0, 1, 3), (1, 0, 3)), 3, "outside the length 3"),
        (csr((0, 1, 3), (-1, 0, 2)), 3, "outside the length 3"),
        (csr((0, 1, 3), (1, 2, 0)), 3, "do not increase"),
        (csr((0, 1, 3), (1, 2, 2)), 3, "do not increase"),
        (replace(GOOD, dimensions=(SparseDimension(3), GOOD.dimensions[1])), 3, "has length 3,"),
        (replace(GOOD, dimensions=(SparseDimension(-2), GOOD.dimensions[1])), 3, "has length -2,"),
    ],
)
def test_nonsense_is_refused(sparsity: Sparsity, values: int, found: str) -> None:
    with pytest.raises(InvalidModel, match="^tensor 7: .*" + re.escape(found)):
        densify(np.ones(values, np.float32), (2, 3), sparsity, "tensor 7")


@pytest.mark.parametrize(
    ("block_map", "inner", "found"),
    [
        ((0,), (SparseDimension(0),), "blocks of 0"),
        ((0,), (SparseDimension(-2),), "blocks of -2"),
        ((0,), (SparseDimension(3),), "blocks of 3 do not divide axis 0 of 4"),
        ((2,), (SparseDimension(2),), "block map [2]"),
        ((-1,), (SparseDimension(2),), "block map [-1]"),
        ((0, 0), (SparseDimension(2), SparseDimension(2)), "block map [0, 0]"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(
    block_map: tuple[int, ...], inner: tuple[SparseDimension, ...], found: str
) -> None:
    order = tuple(range(2 + len(inner)))
    sparsity = Sparsity(order, block_map, (SparseDimension(2), SparseDimension(4), *inner))
    with pytest.raises(InvalidModel, match="^tensor 7: .*" + re.escape(found)):
        densify(np.ones(16, np.float32), (4, 4), sparsity, "tensor 7")


@pytest.mark.parametrize(
    ("shape", "dimensions"),
    [
        ((1 << 15, 1 << 15), [1 << 15, 1 << 15]),  # a gigabyte of dense levels, one value
        ((1 << 15, 1 << 14), [1 << 15, (0, [0, 1], [0])]),
        ((1, 1 << 29), [1, (0, [0, 1], [0])]),  # honest, but two gigabytes for five bytes
    ],
)
def test_a_small_file_cannot_ask_for_a_large_array(shape: Any, dimensions: Any) -> None:
    model = ModelBuilder()
    image, dense = model.tensor((1,)), model.tensor(shape)
    parameters = sparsity_parameters((0, 1), (), dimensions)
    packed = model.tensor(shape, raw=bytes(4), sparsity=parameters)
    model.operator("DENSIFY", [packed], [dense], schema.DensifyOptionsT())
    with pytest.raises(InvalidModel, match="m: tensor %2 'tensor2'"):
        read_bytes(model.build([image], [dense]), "m")


def test_densify_of_what_is_not_sparse_is_refused() -> None:
    for constant in (True, False):
        model = ModelBuilder()
        image, dense = model.tensor((2,)), model.tensor((2,))
        data = np.ones(2) if constant else None
        source = model.tensor((2,), data=data) if constant else image
        model.operator("DENSIFY", [source], [dense], schema.DensifyOptionsT())
        with pytest.raises(InvalidModel, match=r"operator 0 DENSIFY reads .* which is not"):
            read_bytes(model.build([image], [dense]), "m")
