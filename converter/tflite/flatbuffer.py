"""The bytes of a flatbuffer → a StoredModel with every index, length and enumeration checked.

Only this file and `typed_options.py` touch flatbuffers. Schema:
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/compiler/mlir/lite/schema/schema.fbs
Differs from a plain reading of the schema in: an operator's code is the larger of two fields,
because files from before the end of 2020 have only the deprecated one; a buffer may lie after the
flatbuffer.

The generated accessors follow any offset they find, so this module caps counts and copies
everything through a BoundedFile.
"""

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from blazepalm.converter.tflite.bounded import BoundedFile
from blazepalm.converter.tflite.foreign import IDENTIFIER, described, starts_archive
from blazepalm.converter.tflite.graph import (
    Operator,
    Quantisation,
    SparseDimension,
    Sparsity,
    StoredModel,
    StoredTensor,
)
from blazepalm.converter.tflite.typed_options import read_options
from blazepalm.converter.tflite.verifier import Damaged, unions_of, verify
from blazepalm.errors import InvalidModel

SCHEMA_VERSION = 3
CUSTOM = 32  # BuiltinOperator.CUSTOM
BUILTIN_CODE_SLOT = 10  # the fourth field of table OperatorCode: 4 + 2 · 3

MAX_ENTRIES = 1 << 13  # of any table: tensors, operators, opcodes, metadata
MAX_RANK = 32
MAX_TENSOR_ELEMENTS = 1 << 31  # of one tensor

# What the accessors raise when an offset, length or type in the file is invalid.
DAMAGE = (
    struct.error,
    TypeError,
    ValueError,
    IndexError,
    OverflowError,
    AssertionError,
    AttributeError,
    MemoryError,
)


def read_flatbuffer(content: bytes, source: str) -> StoredModel:
    """Parses one `.tflite`. Raises InvalidModel, and nothing else, for whatever is wrong."""
    _check_identifier(content, source)
    try:
        return _Parser(content, source).model()
    except Damaged as error:
        raise InvalidModel(
            f"{source}: the flatbuffer is damaged: {error}; fetch the file again"
        ) from error
    except DAMAGE as error:
        raise InvalidModel(
            f"{source}: the flatbuffer is damaged: an offset or a length in it points outside "
            "the file; fetch the file again"
        ) from error


def _check_identifier(content: bytes, source: str) -> None:
    if not content:
        raise InvalidModel(f"{source}: the file is empty")
    if content[4:8] == IDENTIFIER:
        return
    if starts_archive(content):
        raise InvalidModel(f"{source}: this is a bundle (a ZIP), not a single model")
    if what := described(content):
        raise InvalidModel(f"{source}: not a TFLite model but {what}")
    raise InvalidModel(
        f"{source}: not a TFLite model: bytes 4 to 8 are {content[4:8]!r}, expected {IDENTIFIER!r}"
    )


class _Parser:
    """The tables of one file, one method per table."""

    def __init__(self, content: bytes, source: str) -> None:
        from ai_edge_litert import schema_py_generated as schema

        verify(content, unions_of(schema))
        self.schema = schema
        self.file = BoundedFile(content, source)
        self.root = schema.Model.GetRootAs(content, 0)
        self.types = {v: k.lower() for k, v in vars(schema.TensorType).items() if k.isupper()}
        self.builtins = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}
        self.buffers: dict[int, np.ndarray | None] = {}

    def model(self) -> StoredModel:
        root = self.root
        if root.Version() != SCHEMA_VERSION:
            raise self.file.invalid(
                f"schema version {root.Version()}, only {SCHEMA_VERSION} is supported"
            )
        subgraphs = root.SubgraphsLength()
        if subgraphs != 1:
            raise self.file.invalid(
                f"{subgraphs} subgraphs; only a model with one can be converted (no control flow, "
                "no multiple signatures)"
            )
        graph = root.Subgraphs(0)
        tensors = self.each("tensors", graph.TensorsLength(), graph.Tensors, self.tensor)
        codes = self.each("opcodes", root.OperatorCodesLength(), root.OperatorCodes, self.code)

        def operator(index: int, table: Any) -> Operator:
            return self.operator(index, table, codes, len(tensors))

        operators = self.each("operators", graph.OperatorsLength(), graph.Operators, operator)
        metadata = self.each("metadata", root.MetadataLength(), root.Metadata, self.metadata)
        self.file.check_tail()
        outputs = self.file.references(
            graph.OutputsAsNumpy(), len(tensors), 0, "the graph's output"
        )
        return StoredModel(
            source=self.file.source,
            size=self.file.size,
            description=self.file.text(root.Description(), "the description"),
            tensors=tuple(tensors),
            operators=tuple(operators),
            inputs=self.file.references(
                graph.InputsAsNumpy(), len(tensors), 0, "the graph's input"
            ),
            outputs=outputs,
            metadata=dict(metadata),
            output_keys=self.output_keys(outputs),
        )

    # Entries ----------------------------------------------------------------------------

    def tensor(self, index: int, table: Any) -> StoredTensor:
        what = f"tensor {index}"
        shape = self.file.integers(table.ShapeAsNumpy())
        if len(shape) > MAX_RANK:
            raise self.file.invalid(f"{what} has {len(shape)} dimensions, more than {MAX_RANK}")
        elements = 1
        for dimension in shape:  # Python integers cannot overflow
            elements *= max(dimension, 1)  # a zero must not hide the others
            if dimension < 0:
                raise self.file.invalid(
                    f"{what} has shape {list(shape)}; only fixed shapes can be converted"
                )
        if elements > MAX_TENSOR_ELEMENTS:
            raise self.file.invalid(
                f"{what} has shape {list(shape)}, more than {MAX_TENSOR_ELEMENTS} elements"
            )
        return StoredTensor(
            index=index,
            name=self.file.text(table.Name(), f"the name of {what}"),
            shape=shape,
            dtype=self.types.get(table.Type(), f"type_{table.Type()}"),
            buffer=table.Buffer(),
            quantisation=self.quantisation(what, shape, table.Quantization()),
            sparsity=self.sparsity(what, table.Sparsity()),
            content=self.buffer(table.Buffer(), what),
        )

    def quantisation(self, what: str, shape: tuple[int, ...], table: Any) -> Quantisation | None:
        if table is None:
            return None
        if table.DetailsType() == self.schema.QuantizationDetails.BlockwiseQuantization:
            return self.blockwise(what, shape, table.Details())
        if table.ScaleLength() == 0:
            return None
        scale = self.file.vector(table.ScaleAsNumpy())
        return Quantisation(
            scale=tuple(scale.tolist()),
            zero_point=self.file.integers(table.ZeroPointAsNumpy()),
            axis=table.QuantizedDimension(),
        )

    def blockwise(self, what: str, shape: tuple[int, ...], union: Any) -> Quantisation:
        """Scales in a tensor of their own, one for each block of values along the last axis."""
        details = self.schema.BlockwiseQuantization()
        details.Init(union.Bytes, union.Pos)
        graph, block = self.root.Subgraphs(0), details.BlockSize()
        if not shape or block < 1 or shape[-1] % block:
            raise self.file.invalid(f"{what} of shape {list(shape)} has blocks of {block} values")
        if details.ZeroPoints() >= 0:
            raise self.file.invalid(f"{what} has zero points for each block; only scales are read")
        if not 0 <= details.Scales() < graph.TensorsLength():
            raise self.file.invalid(f"{what} has its scales in tensor {details.Scales()}")
        table = graph.Tensors(details.Scales())
        dtype, content = self.types.get(table.Type()), self.buffer(table.Buffer(), what)
        blocks = (*shape[:-1], shape[-1] // block)
        if dtype not in ("float16", "float32") or content is None:
            raise self.file.invalid(f"{what} has scales of type {dtype}, expected float16, float32")
        values = np.frombuffer(content.tobytes(), np.dtype(dtype).newbyteorder("<"))
        if values.size != math.prod(blocks):
            raise self.file.invalid(
                f"{what} has {values.size} scales for {math.prod(blocks)} blocks of {block} values"
            )
        return Quantisation(tuple(values.astype(np.float64).tolist()), (), 0, block)

    def sparsity(self, what: str, table: Any) -> Sparsity | None:
        if table is None:
            return None
        levels = table.DimMetadataLength()
        if levels > 2 * MAX_RANK:
            raise self.file.invalid(f"{what} is sparse over {levels} levels")
        return Sparsity(
            traversal_order=self.file.integers(table.TraversalOrderAsNumpy()),
            block_map=self.file.integers(table.BlockMapAsNumpy()),
            dimensions=tuple(self.dimension(what, table.DimMetadata(i)) for i in range(levels)),
        )

    def dimension(self, what: str, table: Any) -> SparseDimension:
        if table.Format() == self.schema.DimensionType.DENSE:
            return SparseDimension(table.DenseSize())
        if table.Format() != self.schema.DimensionType.SPARSE_CSR:
            raise self.file.invalid(f"{what} has a sparse dimension of format {table.Format()}")
        return SparseDimension(
            table.DenseSize(),
            segments=self.indices(what, table.ArraySegmentsType(), table.ArraySegments()),
            indices=self.indices(what, table.ArrayIndicesType(), table.ArrayIndices()),
        )

    def indices(self, what: str, kind: int, union: Any) -> tuple[int, ...]:
        vectors = {
            self.schema.SparseIndexVector.Int32Vector: self.schema.Int32Vector,
            self.schema.SparseIndexVector.Uint16Vector: self.schema.Uint16Vector,
            self.schema.SparseIndexVector.Uint8Vector: self.schema.Uint8Vector,
        }
        if kind not in vectors or union is None:
            raise self.file.invalid(f"{what} has a sparse dimension without its index vectors")
        vector = vectors[kind]()
        vector.Init(union.Bytes, union.Pos)
        return self.file.integers(vector.ValuesAsNumpy())

    def code(self, index: int, table: Any) -> tuple[int, str, int]:
        """(builtin code, name, version) of an opcode."""
        number = max(table.DeprecatedBuiltinCode(), _builtin_code(table))
        name = self.builtins.get(number, f"BUILTIN_{number}")
        if number == CUSTOM:
            name = self.file.text(table.CustomCode(), f"the custom code of opcode {index}")
            if not name.isprintable() or not name:
                raise self.file.invalid(f"custom opcode {index} has the invalid name {name!r}")
        return number, name, table.Version()

    def operator(
        self, index: int, table: Any, codes: list[tuple[int, str, int]], tensors: int
    ) -> Operator:
        if table.OpcodeIndex() >= len(codes):
            raise self.file.invalid(
                f"operator {index} uses opcode {table.OpcodeIndex()}, but there are {len(codes)}"
            )
        number, name, version = codes[table.OpcodeIndex()]
        what = f"operator {index} {name}"
        custom = self.custom_options(table, what)
        return Operator(
            index=index,
            name=name,
            opcode=number,
            version=version,
            inputs=self.file.references(table.InputsAsNumpy(), tensors, -1, f"{what}, input"),
            outputs=self.file.references(table.OutputsAsNumpy(), tensors, 0, f"{what}, output"),
            options=read_options(name, table, custom, f"{self.file.source}: {what}"),
            custom_options=custom,
        )

    def custom_options(self, table: Any, what: str) -> bytes:
        if table.LargeCustomOptionsOffset() > 1:
            return bytes(
                self.file.outside(
                    table.LargeCustomOptionsOffset(), table.LargeCustomOptionsSize(), what
                )
            )
        return bytes(self.file.vector(table.CustomOptionsAsNumpy(), "uint8"))

    def metadata(self, index: int, table: Any) -> tuple[str, bytes]:
        name = self.file.text(table.Name(), f"the name of metadata {index}")
        content = self.buffer(table.Buffer(), f"metadata {name!r}")
        if content is None:
            return name, b""
        self.file.spend(content.size)
        return name, content.tobytes()

    def output_keys(self, outputs: tuple[int, ...]) -> tuple[str, ...]:
        """Each output's name in the file's signature, the first one that names outputs."""
        root = self.root
        signatures = self.each(
            "signatures", root.SignatureDefsLength(), root.SignatureDefs, self.signature
        )
        keys: dict[int, str] = next(filter(None, signatures), {})
        return tuple(keys.get(output, "") for output in outputs)

    def signature(self, index: int, table: Any) -> dict[int, str]:
        """Tensor → name of a signature's outputs."""
        what = f"an output of signature {index}"
        named = self.each(
            "outputs of a signature",
            table.OutputsLength(),
            table.Outputs,
            lambda _, entry: (entry.TensorIndex(), self.file.text(entry.Name(), what)),
        )
        return dict(named)

    def each(
        self, what: str, count: int, at: Callable[[int], Any], read: Callable[[int, Any], Any]
    ) -> list[Any]:
        if count > MAX_ENTRIES:
            raise self.file.invalid(f"{count} {what}, more than {MAX_ENTRIES}")
        return [read(i, at(i)) for i in range(count)]

    def buffer(self, index: int, what: str) -> np.ndarray | None:
        """The bytes of a buffer, inside the flatbuffer or after it; None if empty."""
        count = self.root.BuffersLength()
        if index >= count:
            raise self.file.invalid(f"{what} is in buffer {index}, but there are {count}")
        if index not in self.buffers:
            table = self.root.Buffers(index)
            if table.Offset() > 1:
                content = self.file.outside(table.Offset(), table.Size(), f"buffer {index}")
            else:
                content = self.file.vector(table.DataAsNumpy(), "uint8")
            self.file.note_end(content)
            self.buffers[index] = content if content.size else None
        return self.buffers[index]


def _builtin_code(table: Any) -> int:
    """The field `builtin_code` itself: the package's accessor returns the deprecated field for
    every code under 127, and so ADD for a file that has only the new field.
    """
    from flatbuffers.number_types import Int32Flags

    offset = table._tab.Offset(BUILTIN_CODE_SLOT)
    return int(table._tab.Get(Int32Flags, table._tab.Pos + offset)) if offset else 0
