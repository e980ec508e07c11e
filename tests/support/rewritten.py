"""A real model written anew: the same network in another file, made with LiteRT's own generated
schema, so that nothing of the reader under test has a part in it.
"""

import random
from collections.abc import Sequence
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from support.tflite_builder import IDENTIFIER, AlignedBuffer


def unpacked(content: bytes) -> Any:
    """The whole file as a tree of objects that may be changed."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def packed(model: Any) -> bytes:
    """The tree as a file."""
    for number, buffer in enumerate(model.buffers):
        if not isinstance(buffer, AlignedBuffer):
            model.buffers[number] = AlignedBuffer()
            model.buffers[number].data = buffer.data
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def written_anew(content: bytes, seed: int = 0) -> bytes:
    """Other names, description and metadata; buffers, tensors, opcodes and operators in another
    order. It computes the same.
    """
    shuffle = random.Random(seed)
    model = unpacked(content)
    (graph,) = model.subgraphs
    model.description = "written anew"
    model.metadata = [schema.MetadataT()]
    model.metadata[0].name, model.metadata[0].buffer = "note", len(model.buffers)
    model.buffers.append(AlignedBuffer())
    model.buffers[-1].data = list(b"of no consequence")
    model.metadataBuffer = model.signatureDefs = None
    for number, tensor in enumerate(graph.tensors):
        tensor.name = f"t{number}"

    model.buffers, places = _moved(model.buffers, shuffle, first=1)  # the first stays empty
    for tensor in graph.tensors:
        tensor.buffer = places[tensor.buffer]
    model.metadata[0].buffer = places[model.metadata[0].buffer]
    model.operatorCodes, places = _moved(model.operatorCodes, shuffle)
    for operator in graph.operators:
        operator.opcodeIndex = places[operator.opcodeIndex]
    graph.tensors, places = _moved(graph.tensors, shuffle)
    places[-1] = -1
    graph.inputs, graph.outputs = ([places[t] for t in ts] for ts in (graph.inputs, graph.outputs))
    for operator in graph.operators:
        operator.inputs = [places[t] for t in operator.inputs]
        operator.outputs = [places[t] for t in operator.outputs]
    graph.operators = _in_another_order(graph, shuffle)
    return packed(model)


def _moved(
    entries: Sequence[Any], shuffle: random.Random, first: int = 0
) -> tuple[list[Any], dict[int, int]]:
    """The entries from `first` on in another order, and where each has gone."""
    order = list(range(first, len(entries)))
    shuffle.shuffle(order)
    order = [*range(first), *order]
    return [entries[old] for old in order], {old: new for new, old in enumerate(order)}


def _in_another_order(graph: Any, shuffle: random.Random) -> list[Any]:
    """Any order in which everything is computed before it is read."""
    computed = {t for operator in graph.operators for t in operator.outputs}
    left, order = list(graph.operators), []
    while left:
        ready = [op for op in left if computed.isdisjoint(op.inputs)]
        chosen = shuffle.choice(ready)
        left.remove(chosen)
        order.append(chosen)
        computed.difference_update(chosen.outputs)
    return order


def with_another_weight(content: bytes) -> bytes:
    """The lowest bit of one weight of the largest constant flipped: a network of its own."""
    stored = unpacked(content)
    largest = max((buffer for buffer in stored.buffers if buffer.data is not None), key=_size)
    data = bytes(bytearray(largest.data))
    at = content.index(data)
    assert content.count(data) == 1
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


def _size(buffer: Any) -> int:
    return len(buffer.data)
