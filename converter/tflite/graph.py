"""A TFLite subgraph as frozen dataclasses: as the file stores it (`StoredModel`), and with its
constants evaluated (`Graph`), which the rest of the converter uses. This module knows neither
flatbuffers nor torch.

Schema:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from blazepalm.converter.tflite.options import Options


@dataclass(frozen=True)
class Quantisation:
    """Affine quantisation: real = scale · (stored − zero_point), per tensor or along `axis`; with a
    `block`, each run of so many values along the last axis has a scale, in the order of the values.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    block: int = 0


@dataclass(frozen=True)
class SparseDimension:
    """One level of the storage tree: dense (`dense_size`) or CSR (`segments`, `indices`)."""

    dense_size: int
    segments: tuple[int, ...] | None = None
    indices: tuple[int, ...] | None = None

    @property
    def is_dense(self) -> bool:
        return self.segments is None


@dataclass(frozen=True)
class Sparsity:
    """Schema table SparsityParameters: how a tensor's packed buffer spreads over its shape."""

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    dimensions: tuple[SparseDimension, ...]


@dataclass(frozen=True)
class Provenance:
    """What the file stores for a constant: the start of each weight's path.

    `tensor` and `name` are those of the tensor whose buffer holds the bytes; `dtype` is the stored
    one; `folded` names the operators that were evaluated (`("DENSIFY", "DEQUANTIZE")`); `sha256`
    hashes the bytes as stored in the file.
    """

    tensor: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    buffer: int
    stored_bytes: int
    sha256: str
    quantisation: Quantisation | None = None
    sparsity: Sparsity | None = None
    folded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tensor:
    """One tensor of the subgraph. `dtype` is numpy's name (`"float32"`).

    `data` holds a constant's value, of `shape` and `dtype`, read-only, dense and dequantised; None
    for a value computed at run time. `provenance` is set whenever `data` is.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None = None
    data: np.ndarray | None = field(default=None, repr=False, compare=False)
    provenance: Provenance | None = None

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    def __str__(self) -> str:
        return f"%{self.index} {self.name!r}"  # escaped: a name may hold any bytes


@dataclass(frozen=True)
class Operator:
    """One operator. `index` is its position in the file; `name` is the builtin's name in the
    schema (`"CONV_2D"`) or the custom code; an absent optional input is −1.
    """

    index: int
    name: str
    opcode: int
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options | None = None
    custom_options: bytes = b""

    @property
    def is_custom(self) -> bool:
        return self.opcode == 32  # BuiltinOperator.CUSTOM


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as stored in the file. `content` is the buffer's bytes (uint8, a read-only view of
    the file), None if the buffer is empty.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    buffer: int
    quantisation: Quantisation | None = None
    sparsity: Sparsity | None = None
    content: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"%{self.index} {self.name!r}"


@dataclass(frozen=True)
class StoredModel:
    """A model as stored in the file; all its indices are in range. `output_keys`: each output's
    name in the signature, "" without one.
    """

    source: str
    size: int
    description: str
    tensors: tuple[StoredTensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: dict[str, bytes]
    output_keys: tuple[str, ...] = ()

    def where(self, operator: Operator) -> str:
        """An operator's name in messages: file, position, name."""
        return f"{self.source}: operator {operator.index} {operator.name}"


@dataclass(frozen=True)
class Rewrite:
    """One value-preserving change to a graph: its name, and the operators that it removed or
    changed, by position in the file (numbers from `stored_operators` on were made by a rewrite).
    """

    name: str
    operators: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """One model. `operators` are in execution order, with constant DEQUANTIZE and DENSIFY already
    evaluated and removed; `tensors` keeps the file's numbering. `stored` is the file's content,
    unaffected by rewrites; None if the graph was not read from a file.
    """

    source: str  # the file's name in messages: its path, or bundle path and member
    sha256: str
    size: int  # bytes of the file (of the member, in a bundle)
    description: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: Mapping[str, bytes]
    stored_operators: int  # operators in the file, folded ones included
    dequantised: bool = False  # True if the file computes in integers and this is its float version
    stored: StoredModel | None = field(default=None, repr=False, compare=False)
    rewrites: tuple[Rewrite, ...] = ()  # the changes since the file, in order
    labels: tuple[str, ...] = ()  # of an output's values, that the file carries as a text

    def constants(self) -> Iterator[Tensor]:
        """The constants that some operator reads, in tensor order."""
        read = {index for operator in self.operators for index in operator.inputs}
        return (t for t in self.tensors if t.is_constant and t.index in read)

    def needed(self) -> tuple[Operator, ...]:
        """The operators that an output depends on, in execution order."""
        wanted = set(self.outputs)
        found = []
        for operator in reversed(self.operators):
            if not wanted.isdisjoint(operator.outputs):
                wanted.update(operator.inputs)
                found.append(operator)
        return tuple(reversed(found))

    def producer(self, tensor: int) -> Operator | None:
        """The operator that computes `tensor`; None for inputs and constants."""
        return self._producers.get(tensor)

    def consumers(self, tensor: int) -> tuple[Operator, ...]:
        """The operators that read `tensor`, in execution order."""
        return self._consumers.get(tensor, ())

    def __post_init__(self) -> None:
        producers = {t: op for op in self.operators for t in op.outputs}
        consumers: dict[int, tuple[Operator, ...]] = {}
        for operator in self.operators:
            for tensor in dict.fromkeys(operator.inputs):
                consumers[tensor] = (*consumers.get(tensor, ()), operator)
        object.__setattr__(self, "_producers", producers)
        object.__setattr__(self, "_consumers", consumers)

    _producers: Mapping[int, Operator] = field(init=False, repr=False, compare=False)
    _consumers: Mapping[int, tuple[Operator, ...]] = field(init=False, repr=False, compare=False)
