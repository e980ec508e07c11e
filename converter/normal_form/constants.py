"""TRANSPOSE, RESHAPE, SQUEEZE, EXPAND_DIMS of a constant → the constant in that order."""

import numpy as np

from blazepalm.converter.normal_form.change import Change, Fresh
from blazepalm.converter.normal_form.matching import integers, is_constant
from blazepalm.converter.tflite.graph import Graph, Operator

LAYOUT = ("TRANSPOSE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS")


def reordered(graph: Graph, op: Operator) -> Change | None:
    if op.name not in LAYOUT or not is_constant(graph, op.inputs[0]):
        return None
    operand, result = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    assert operand.data is not None
    data: np.ndarray
    if op.name == "TRANSPOSE":
        order = integers(graph, op.inputs[1])
        if order is None or sorted(order) != list(range(operand.data.ndim)):
            return None
        data, step = operand.data.transpose(order), f"TRANSPOSE {' '.join(map(str, order))}"
    elif operand.data.size == np.prod(result.shape, dtype=int):
        data, step = operand.data.reshape(result.shape), op.name
    else:
        return None
    if data.shape != result.shape or result.index in graph.outputs:
        return None
    fresh = Fresh(graph)
    same = fresh.constant(operand, data, step)
    return Change((), tuple(fresh.tensors), same=same)
