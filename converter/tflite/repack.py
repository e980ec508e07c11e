"""A TFLite file's bytes ↔ the object tree of Google's schema, to write changed copies of a file."""

import functools
from typing import Any

import numpy as np

from blazepalm.errors import CouldNotVerify

ALIGNMENT = 16  # of a buffer's bytes: `force_align` in the schema
INSIDE = 1  # offsets of Buffer above this say that the bytes lie outside the flatbuffer


def unpack(content: bytes, source: str, purpose: str) -> Any:
    """The ModelT of a valid file. Raises CouldNotVerify if its buffers lie outside its flatbuffer:
    then they cannot be copied, and "`source` keeps buffers …, so `purpose`".
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    if any(b.offset > INSIDE for b in model.buffers):
        raise CouldNotVerify(f"{source} keeps buffers outside its flatbuffer, so {purpose}")
    return model


def pack(model: Any) -> bytes:
    """Serialises a ModelT to a file's bytes, with buffers aligned to 16 bytes (the object API alone
    does not align them).
    """
    import flatbuffers

    for buffer in model.buffers:
        buffer.Pack = functools.partial(_pack_aligned, buffer)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _pack_aligned(buffer: Any, builder: Any) -> int:
    from ai_edge_litert import schema_py_generated as schema

    data = None
    if buffer.data is not None:
        content = np.asarray(buffer.data, np.uint8)
        builder.Prep(ALIGNMENT, content.size)
        data = builder.CreateNumpyVector(content)
    schema.BufferStart(builder)
    if data is not None:
        schema.BufferAddData(builder, data)
    return int(schema.BufferEnd(builder))


def append(items: list[Any], item: Any) -> int:
    """Adds an item; returns its index."""
    items.append(item)
    return len(items) - 1


def add_buffer(model: Any, values: np.ndarray) -> int:
    """Adds a buffer with an array's bytes, C order, little endian; returns its index."""
    from ai_edge_litert import schema_py_generated as schema

    buffer = schema.BufferT()
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    buffer.data = np.frombuffer(little.tobytes(), np.uint8)
    return append(model.buffers, buffer)


def empty_unread_buffers(model: Any) -> None:
    """Empties the buffers of constants that no operator reads; tensors keep their numbers."""
    kept = {int(entry.buffer) for entry in model.metadata or ()}
    for subgraph in model.subgraphs:
        read = {int(i) for op in subgraph.operators for i in op.inputs}
        read.update(int(i) for i in (*subgraph.inputs, *subgraph.outputs))
        kept.update(int(t.buffer) for i, t in enumerate(subgraph.tensors) if i in read)
    for index, buffer in enumerate(model.buffers):
        if index not in kept:
            buffer.data = None
