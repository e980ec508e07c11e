"""Rewrites a TFLite file to the plain float32 network that is converted: no integers, no halves, no
sparse constants, for LiteRT's own float kernels and for tools that take nothing else.

Takes operators, wiring and constants from `converter.tflite.to_float`, options and shapes from the
file. A constant misread there is misread here too; running the file itself shows that.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.labels import with_labels
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.converter.tflite.repack import add_buffer, empty_unread_buffers, pack, unpack

PURPOSE = "LiteRT cannot be given its float form"
SIGNATURE = "serving_default"  # TensorFlow's name for the only one


def float_form(content: bytes, source: str) -> bytes:
    """The float32 file, tensors numbered as in the original; the same bytes if the file already
    computes in float. Raises InvalidModel, CouldNotVerify if its buffers lie outside its
    flatbuffer.
    """
    graph = read_bytes(content, source)
    if not graph.dequantised:
        return content
    return with_labels(pack(_rewritten(content, graph)), graph.labels)


def signed_float_form(
    content: bytes, source: str, inputs: Sequence[str], outputs: Sequence[str]
) -> bytes:
    """The float32 file without what no operator reads, its constants dense float32 whatever the
    file stored, and with a signature that gives inputs and outputs these names. No two of its
    tensors have one name. Raises as `float_form`.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = read_bytes(content, source)
    model = _rewritten(content, graph)
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = _named(schema, inputs, graph.inputs)
    signature.outputs = _named(schema, outputs, graph.outputs)
    model.signatureDefs = [signature]
    _name_apart(model.subgraphs[0].tensors)
    empty_unread_buffers(model)
    return with_labels(pack(model), graph.labels)


def _named(schema: Any, names: Sequence[str], tensors: Sequence[int]) -> list[Any]:
    found = []
    for name, tensor in zip(names, tensors, strict=True):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, tensor
        found.append(entry)
    return found


def _name_apart(tensors: Sequence[Any]) -> None:
    seen: set[bytes] = set()
    for number, tensor in enumerate(tensors):
        name = bytes(tensor.name or b"")
        tensor.name = name if name and name not in seen else name + b"%%%d" % number
        seen.add(tensor.name)


def _rewritten(content: bytes, graph: Graph) -> Any:
    """The float32 file's object tree."""
    from ai_edge_litert import schema_py_generated as schema

    model = unpack(content, graph.source, PURPOSE)
    (subgraph, *_) = model.subgraphs
    model.subgraphs = [subgraph]
    model.signatureDefs = None  # they name outputs of the integer graph
    for tensor, read in zip(subgraph.tensors, graph.tensors, strict=True):
        _set_tensor(schema, model, tensor, read.dtype, read.data)
    operators = []
    for op in graph.operators:
        operator = subgraph.operators[op.index]
        operator.inputs, operator.outputs = list(op.inputs), list(op.outputs)
        operators.append(operator)
    subgraph.operators = operators
    subgraph.inputs, subgraph.outputs = list(graph.inputs), list(graph.outputs)
    return model


def _set_tensor(schema: Any, model: Any, tensor: Any, dtype: str, data: np.ndarray | None) -> None:
    """Gives a float32 tensor of the graph its type and, if it is constant, its values."""
    if dtype != "float32":
        return
    tensor.type, tensor.quantization, tensor.sparsity = schema.TensorType.FLOAT32, None, None
    if data is None:
        tensor.buffer = 0
        return
    tensor.buffer = add_buffer(model, data.astype(np.float32, copy=False))
