"""Rewrites a TFLite file that computes in integers to the float32 network that it approximates: the
graph that is converted, for LiteRT's own float kernels.

Takes operators, wiring and constants from `converter.tflite.to_float`, options and shapes from the
file. A constant misread there is misread here too; running the file itself shows that.
"""

from typing import Any

import numpy as np

from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.labels import with_labels
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.converter.tflite.repack import add_buffer, pack, unpack

PURPOSE = "LiteRT cannot be given its float form"


def float_form(content: bytes, source: str) -> bytes:
    """The float32 file, tensors numbered as in the original; the same bytes if the file already
    computes in float. Raises InvalidModel, CouldNotVerify if its buffers lie outside its
    flatbuffer.
    """
    graph = read_bytes(content, source)
    return _rewritten(content, graph) if graph.dequantised else content


def _rewritten(content: bytes, graph: Graph) -> bytes:
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
    return with_labels(pack(model), graph.labels)


def _set_tensor(schema: Any, model: Any, tensor: Any, dtype: str, data: np.ndarray | None) -> None:
    """Gives a float32 tensor of the graph its type and, if it is constant, its values."""
    if dtype != "float32":
        return
    tensor.type, tensor.quantization, tensor.sparsity = schema.TensorType.FLOAT32, None, None
    if data is None:
        tensor.buffer = 0
        return
    tensor.buffer = add_buffer(model, data.astype(np.float32, copy=False))
