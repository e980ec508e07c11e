"""What the rules ask about a graph: which operator made a value, what a constant holds."""

import numpy as np

from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import BinaryOptions


def made_by(graph: Graph, tensor: int, *names: str) -> Operator | None:
    """The operator that computes `tensor`, if it has one of these names and no activation."""
    op = graph.producer(tensor)
    if op is None or op.name not in names or len(op.outputs) != 1:
        return None
    return None if getattr(op.options, "activation", "NONE") != "NONE" else op


def is_plain(op: Operator) -> bool:
    """Whether this is a sum, product … of two operands, without an activation."""
    return len(op.inputs) == 2 and op.options in (None, BinaryOptions())


def number(graph: Graph, tensor: int) -> float | None:
    """The value of a constant whose elements are all equal; None otherwise."""
    data = graph.tensors[tensor].data if tensor >= 0 else None
    if data is None or data.dtype != np.float32 or data.size == 0:
        return None
    first = data.reshape(-1)[0]
    return float(first) if bool(np.all(data == first)) else None


def is_constant(graph: Graph, tensor: int) -> bool:
    """Whether the tensor is a float32 constant."""
    if tensor < 0:
        return False
    data = graph.tensors[tensor].data
    return data is not None and data.dtype == np.float32


def read_elsewhere(graph: Graph, tensor: int) -> bool:
    """Whether anything but one operator reads the tensor."""
    return len(graph.consumers(tensor)) != 1 or tensor in graph.outputs


def sides(op: Operator) -> tuple[tuple[int, int], ...]:
    """Both operand orders of a commutative operator; empty unless it has two operands."""
    if len(op.inputs) != 2:
        return ()
    a, b = op.inputs
    return (a, b), (b, a)


def shape(graph: Graph, tensor: int) -> tuple[int, ...]:
    return graph.tensors[tensor].shape


def integers(graph: Graph, tensor: int) -> tuple[int, ...] | None:
    """A constant of integers, flattened; None if it is computed."""
    data = graph.tensors[tensor].data if tensor >= 0 else None
    if data is None or data.dtype.kind not in "iu":
        return None
    return tuple(int(i) for i in data.reshape(-1))
