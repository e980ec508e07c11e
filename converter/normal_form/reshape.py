"""Consecutive or repeated RESHAPEs, RESHAPE to the same shape, SQUEEZE or EXPAND_DIMS as RESHAPE.

The order of the elements stays the same, so only the last shape counts.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh, builtin
from blazepalm.converter.normal_form.matching import made_by, shape
from blazepalm.converter.tflite.graph import Graph, Operator


def renamed(graph: Graph, op: Operator) -> Change | None:
    if op.name not in ("SQUEEZE", "EXPAND_DIMS") or not op.inputs:
        return None
    if shape(graph, op.inputs[0])[:1] != shape(graph, op.outputs[0])[:1]:
        return None  # the batch keeps its own axis
    fresh = Fresh(graph)
    result = graph.tensors[op.outputs[0]]
    size = fresh.integers(result, result.shape, "reshape by another name")
    return Change(
        (builtin(op.index, "RESHAPE", (op.inputs[0], size), result.index),), tuple(fresh.tensors)
    )


def merged(graph: Graph, op: Operator) -> Change | None:
    if op.name != "RESHAPE":
        return None
    before = made_by(graph, op.inputs[0], "RESHAPE")
    if before is None or len({s[:1] for s in _shapes(graph, before, op)}) != 1:
        return None
    return Change((replace(op, inputs=(before.inputs[0], *op.inputs[1:])),))


def repeated(graph: Graph, op: Operator) -> Change | None:
    """RESHAPE of a value that an earlier RESHAPE already gives in this shape."""
    if op.name != "RESHAPE":
        return None
    first = graph.consumers(op.inputs[0])[0]
    if first.index == op.index or first.name != "RESHAPE" or first.inputs[0] != op.inputs[0]:
        return None
    same = shape(graph, first.outputs[0]) == shape(graph, op.outputs[0])
    return Change(same=first.outputs[0]) if same else None


def idle(graph: Graph, op: Operator) -> Change | None:
    if op.name != "RESHAPE" or shape(graph, op.inputs[0]) != shape(graph, op.outputs[0]):
        return None
    return Change(same=op.inputs[0])


def _shapes(graph: Graph, before: Operator, op: Operator) -> list[tuple[int, ...]]:
    """The shapes before, between and after."""
    return [shape(graph, t) for t in (before.inputs[0], op.inputs[0], op.outputs[0])]
