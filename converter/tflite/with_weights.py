"""A TFLite file with other weights: the same operators and wiring, some constants replaced.

Each new constant is a tensor of its own, dense float32, whatever the file stored: two operators
that shared a constant need not share it any more. What nothing reads afterwards (half-precision
originals, their DEQUANTIZE) is removed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.tflite.labels import read_labels, with_labels
from blazepalm.converter.tflite.repack import (
    add_buffer,
    append,
    empty_unread_buffers,
    pack,
    unpack,
)

PURPOSE = "its weights cannot be replaced"


def with_weights(
    content: bytes, source: str, values: Mapping[tuple[int, int], NDArray[np.float32]]
) -> bytes:
    """The file whose first subgraph reads `values` instead: (operator, operand) → its constant, in
    TFLite's axis order; both are counted from 0 in the file. Raises CouldNotVerify if the file
    keeps its buffers outside its flatbuffer.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = unpack(content, source, PURPOSE)
    subgraph = model.subgraphs[0]
    for (position, operand), value in values.items():
        operator = subgraph.operators[position]
        inputs = [int(index) for index in operator.inputs]
        tensor = schema.TensorT()
        tensor.name = subgraph.tensors[inputs[operand]].name
        tensor.shape, tensor.type = list(value.shape), schema.TensorType.FLOAT32
        tensor.buffer = add_buffer(model, value)
        inputs[operand] = append(subgraph.tensors, tensor)
        operator.inputs = inputs
    _drop_unread(subgraph)
    empty_unread_buffers(model)
    return with_labels(pack(model), read_labels(content, source))


def _drop_unread(subgraph: Any) -> None:
    """Removes the operators that no output depends on, last to first."""
    wanted = {int(index) for index in subgraph.outputs}
    kept = []
    for operator in reversed(subgraph.operators):
        if not wanted.isdisjoint(int(index) for index in operator.outputs):
            wanted.update(int(index) for index in operator.inputs)
            kept.append(operator)
    subgraph.operators = kept[::-1]
