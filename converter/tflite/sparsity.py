"""A packed sparse buffer → the dense array that it stands for (TFLite's DENSIFY).

The storage is a tree with one level per dimension, in `traversal_order`. A block of size b on
dimension d splits it into two levels: d itself, of length shape[d] / b, and the position inside the
block. A dense level has all positions under every node, a CSR level the positions
`indices[segments[i] : segments[i + 1]]` under node i. The leaves, in order, are the values.
Schema: table SparsityParameters, and "tensor storage in TACO", https://arxiv.org/abs/1804.10112

Each level is expanded for all nodes at once. Counts are compared before anything is allocated, so a
file cannot ask for more than it holds.
"""

import math
from dataclasses import dataclass

import numpy as np

from blazepalm.converter.tflite.graph import SparseDimension, Sparsity
from blazepalm.errors import InvalidModel


@dataclass(frozen=True)
class Level:
    """One level of the tree: its length, and its stride in the flat array."""

    size: int
    step: int
    dimension: SparseDimension


def densify(
    values: np.ndarray, shape: tuple[int, ...], sparsity: Sparsity, what: str
) -> np.ndarray:
    """The dense array, with `shape` and the dtype of `values`, zero where nothing is stored.
    `values` are the leaves, one-dimensional. InvalidModel messages begin with `what`.
    """
    levels = _levels(shape, sparsity, what)
    _check_counts(levels, len(values), what)
    places = np.zeros(1, dtype=np.int64)  # position of each node of the level in the flat array
    for number, level in enumerate(levels):
        dimension = level.dimension
        if dimension.segments is None or dimension.indices is None:
            inside = np.arange(level.size, dtype=np.int64)
            places = (places[:, None] + inside * level.step).reshape(-1)
            continue
        segments = np.asarray(dimension.segments, dtype=np.int64)
        indices = np.asarray(dimension.indices, dtype=np.int64)
        _check_csr(segments, indices, level.size, f"{what}: sparse dimension {number}")
        places = np.repeat(places, np.diff(segments)) + indices * level.step
    dense = np.zeros(math.prod(shape), dtype=values.dtype)
    dense[places] = values
    return dense.reshape(shape)


def _levels(shape: tuple[int, ...], sparsity: Sparsity, what: str) -> list[Level]:
    """The levels in storage order; their sizes multiply to the number of elements."""
    rank, blocks = len(shape), sparsity.block_map
    order, dimensions = sparsity.traversal_order, sparsity.dimensions
    if sorted(order) != list(range(rank + len(blocks))) or len(order) != len(dimensions):
        raise InvalidModel(
            f"{what}: traversal order {list(order)} and {len(dimensions)} stored dimensions do not "
            f"fit a shape of rank {rank} with {len(blocks)} blocked dimensions"
        )
    if len(set(blocks)) != len(blocks) or not set(blocks) <= set(range(rank)):
        raise InvalidModel(f"{what}: block map {list(blocks)} does not fit a shape of rank {rank}")
    stored = dict(zip(order, dimensions, strict=True))
    block_size = [1] * rank
    for block, axis in enumerate(blocks):
        block_size[axis] = stored[rank + block].dense_size
        if block_size[axis] < 1 or shape[axis] % block_size[axis]:
            raise InvalidModel(
                f"{what}: blocks of {block_size[axis]} do not divide axis {axis} of {shape[axis]}"
            )
    step = [math.prod(shape[axis + 1 :]) for axis in range(rank)]
    levels = []
    for place, dimension in zip(order, dimensions, strict=True):
        if place < rank:
            size = shape[place] // block_size[place]
            levels.append(Level(size, step[place] * block_size[place], dimension))
        else:
            axis = blocks[place - rank]
            levels.append(Level(block_size[axis], step[axis], dimension))
    for number, level in enumerate(levels):
        if level.dimension.is_dense and level.dimension.dense_size != level.size:
            raise InvalidModel(
                f"{what}: sparse dimension {number} has length {level.dimension.dense_size}, the "
                f"shape {list(shape)} needs {level.size}"
            )
    return levels


def _check_counts(levels: list[Level], values: int, what: str) -> None:
    """Checks the number of nodes of each level against the vectors that the file holds for it."""
    nodes = 1
    for number, level in enumerate(levels):
        segments, indices = level.dimension.segments, level.dimension.indices
        if segments is None or indices is None:
            nodes *= level.size
            continue
        if len(segments) != nodes + 1:
            raise InvalidModel(
                f"{what}: sparse dimension {number} has {len(segments)} segment ends, expected "
                f"{nodes + 1}"
            )
        nodes = len(indices)
    if nodes != values:
        raise InvalidModel(f"{what}: {values} values are stored, the sparsity expects {nodes}")


def _check_csr(segments: np.ndarray, indices: np.ndarray, size: int, what: str) -> None:
    if segments[0] != 0 or segments[-1] != len(indices) or np.any(np.diff(segments) < 0):
        raise InvalidModel(f"{what}: the segments do not partition the {len(indices)} indices")
    if not len(indices):
        return
    if indices.min() < 0 or indices.max() >= size:
        raise InvalidModel(f"{what}: an index is outside the length {size}")
    rises = np.diff(indices) > 0
    inner = segments[(segments > 0) & (segments < len(indices))]
    rises[inner - 1] = True  # a new segment may start anywhere
    if not rises.all():
        raise InvalidModel(f"{what}: the indices of a segment do not increase")
