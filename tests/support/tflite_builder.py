"""Builds TFLite flatbuffers in a test, operator by operator.

It writes with the object API of LiteRT's own generated schema (`schema.Conv2DOptionsT(...)`),
so nothing of the reader under test has a part in it. Buffers lie on 16 bytes, as the
schema's `force_align` asks. https://github.com/google-ai-edge/LiteRT/blob/v2.0.0/tflite/schema/schema.fbs

    model = ModelBuilder()
    image = model.tensor((1, 5, 6, 3), name="image")
    kernel = model.tensor((4, 3, 3, 3), data=weights_ohwi)
    out = model.tensor((1, 5, 6, 4))
    options = schema.Conv2DOptionsT(strideH=1, strideW=1)
    model.operator("CONV_2D", [image, kernel, -1], [out], options)
    content = model.build([image], [out])
"""

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
ALIGNMENT = 16
DEPRECATED_LIMIT = 127  # PLACEHOLDER_FOR_GREATER_OP_CODES

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "float64": schema.TensorType.FLOAT64,
    "int4": schema.TensorType.INT4,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
    "uint16": schema.TensorType.UINT16,
    "uint32": schema.TensorType.UINT32,
    "uint64": schema.TensorType.UINT64,
    "bool": schema.TensorType.BOOL,
    "string": schema.TensorType.STRING,
}

Quantisation = tuple[Sequence[float], Sequence[int], int]  # scale, zero point, axis
# dense: its size; CSR: size, segments, indices
Dimension = int | tuple[int, Sequence[int], Sequence[int]]


class AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose bytes start on a multiple of 16, as the schema's force_align asks."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 (the schema's name)
        vector = None
        if self.data is not None:
            content = bytes(self.data)
            builder.StartVector(1, len(content), ALIGNMENT)
            builder.head = builder.Head() - len(content)
            builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        schema.BufferAddOffset(builder, self.offset)
        schema.BufferAddSize(builder, self.size)
        return int(schema.BufferEnd(builder))


class ModelBuilder:
    """One model of one subgraph; `model` is the object tree, for a test to spoil by hand."""

    def __init__(self, description: str = "test") -> None:
        self.graph = schema.SubGraphT(tensors=[], operators=[], name="main")
        self.model = schema.ModelT(
            version=3,
            description=description,
            subgraphs=[self.graph],
            operatorCodes=[],
            buffers=[AlignedBuffer()],  # buffer 0 is the empty one, by the schema
            metadata=[],
        )
        self._codes: dict[tuple[str, int], int] = {}

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "float32",
        data: np.ndarray | None = None,
        name: str | None = None,
        *,
        quantisation: Quantisation | None = None,
        sparsity: Any = None,
        raw: bytes | None = None,
    ) -> int:
        """Adds a tensor and returns its index. With `data` (cast to `dtype`) or `raw` (the
        bytes as they are: a packed sparse tensor, int4) it is a constant.
        """
        index = len(self.graph.tensors)
        buffer = 0
        if raw is None and data is not None:
            if tuple(data.shape) != tuple(shape):
                raise ValueError(f"data of shape {data.shape} for a tensor of shape {tuple(shape)}")
            raw = np.ascontiguousarray(data, dtype=dtype).tobytes()
        if raw is not None:
            buffer = len(self.model.buffers)
            self.model.buffers.append(AlignedBuffer(data=raw))
        parameters = None
        if quantisation is not None:
            scale, zero_point, axis = quantisation
            parameters = schema.QuantizationParametersT(
                scale=[float(s) for s in scale],
                zeroPoint=[int(z) for z in zero_point],
                quantizedDimension=axis,
            )
        self.graph.tensors.append(
            schema.TensorT(
                shape=[int(d) for d in shape],
                type=TYPES[dtype],
                buffer=buffer,
                name=f"tensor{index}" if name is None else name,
                quantization=parameters,
                sparsity=sparsity,
            )
        )
        return index

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: object | None = None,
        *,
        version: int = 1,
        custom_options: bytes = b"",
    ) -> None:
        """Appends an operator. `name` is a builtin's (`"CONV_2D"`), else a custom code;
        `options` an object of the schema (`schema.Conv2DOptionsT(...)`).
        """
        operator = schema.OperatorT(
            opcodeIndex=self._code(name, version),
            inputs=[int(i) for i in inputs],
            outputs=[int(i) for i in outputs],
        )
        if options is not None:
            table = type(options).__name__.removesuffix("T")
            if hasattr(schema.BuiltinOptions, table):
                operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
                operator.builtinOptions = options
            else:
                operator.builtinOptions2Type = getattr(schema.BuiltinOptions2, table)
                operator.builtinOptions2 = options
        if custom_options:
            operator.customOptions = np.frombuffer(custom_options, dtype=np.uint8)
        self.graph.operators.append(operator)

    def metadata(self, name: str, content: bytes) -> None:
        """Adds a metadata entry with its own buffer."""
        self.model.metadata.append(schema.MetadataT(name=name, buffer=len(self.model.buffers)))
        self.model.buffers.append(AlignedBuffer(data=content))

    def build(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        deprecated_opcodes_only: bool = False,
        external_buffers: bool = False,
    ) -> bytes:
        """The flatbuffer. `deprecated_opcodes_only` leaves `builtin_code` unset, as files
        before the end of 2020 do; `external_buffers` puts every buffer's bytes behind the
        flatbuffer, found by `Buffer.offset` and `size`.
        """
        self.graph.inputs = [int(i) for i in inputs]
        self.graph.outputs = [int(i) for i in outputs]
        for code in self.model.operatorCodes:
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            code.builtinCode = 0 if deprecated_opcodes_only else number
        if not external_buffers:
            return self._pack()
        return self._pack_external()

    def _code(self, name: str, version: int) -> int:
        if (name, version) not in self._codes:
            self._codes[name, version] = len(self.model.operatorCodes)
            builtin = getattr(schema.BuiltinOperator, name, None)
            number = schema.BuiltinOperator.CUSTOM if builtin is None else builtin
            self.model.operatorCodes.append(
                schema.OperatorCodeT(
                    deprecatedBuiltinCode=min(number, DEPRECATED_LIMIT),
                    builtinCode=number,
                    customCode=name if builtin is None else None,
                    version=version,
                )
            )
        return self._codes[name, version]

    def _pack(self) -> bytes:
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), file_identifier=IDENTIFIER)
        return bytes(builder.Output())

    def _pack_external(self) -> bytes:
        inside = self.model.buffers
        contents = [None if b.data is None else bytes(b.data) for b in inside]
        # An offset of 2 or more takes the same room as the true one, so one packing measures.
        offsets = [2 if content else 0 for content in contents]
        for _ in range(2):
            self.model.buffers = [
                AlignedBuffer(offset=offset, size=len(content)) if content else AlignedBuffer()
                for offset, content in zip(offsets, contents, strict=True)
            ]
            packed = bytearray(self._pack())
            for i, content in enumerate(contents):
                if content:
                    packed.extend(bytes(-len(packed) % ALIGNMENT))
                    offsets[i] = len(packed)
                    packed.extend(content)
        self.model.buffers = inside
        return bytes(packed)


def sparsity_parameters(
    traversal_order: Sequence[int], block_map: Sequence[int], dimensions: Sequence[Dimension]
) -> Any:
    """The schema's SparsityParametersT: each dimension an integer (dense, its size) or
    (size, segments, indices) for CSR.
    """
    metadata = []
    for dimension in dimensions:
        if isinstance(dimension, int):
            metadata.append(
                schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=dimension)
            )
            continue
        size, segments, indices = dimension
        segments_type, segments_vector = _index_vector(segments)
        indices_type, indices_vector = _index_vector(indices)
        metadata.append(
            schema.DimensionMetadataT(
                format=schema.DimensionType.SPARSE_CSR,
                denseSize=size,
                arraySegmentsType=segments_type,
                arraySegments=segments_vector,
                arrayIndicesType=indices_type,
                arrayIndices=indices_vector,
            )
        )
    return schema.SparsityParametersT(
        traversalOrder=[int(i) for i in traversal_order],
        blockMap=[int(i) for i in block_map],
        dimMetadata=metadata,
    )


def _index_vector(values: Sequence[int]) -> tuple[int, Any]:
    """The narrowest vector that holds the values, as TFLite's converter chooses."""
    largest = max(values, default=0)
    if largest < 1 << 8:
        return schema.SparseIndexVector.Uint8Vector, schema.Uint8VectorT(values=list(values))
    if largest < 1 << 16:
        return schema.SparseIndexVector.Uint16Vector, schema.Uint16VectorT(values=list(values))
    return schema.SparseIndexVector.Int32Vector, schema.Int32VectorT(values=list(values))
