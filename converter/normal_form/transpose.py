"""Consecutive TRANSPOSEs, and TRANSPOSEs that move only axes of length one."""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh, builtin
from blazepalm.converter.normal_form.matching import integers, shape
from blazepalm.converter.tflite.graph import Graph, Operator


def order_of(graph: Graph, op: Operator | None) -> tuple[int, ...] | None:
    """The order of a TRANSPOSE: axis i of its result is axis order[i] of its operand."""
    if op is None or op.name != "TRANSPOSE" or len(op.inputs) != 2:
        return None
    order = integers(graph, op.inputs[1])
    rank = len(shape(graph, op.inputs[0]))
    if order is None or sorted(a % rank if rank else a for a in order) != list(range(rank)):
        return None
    return tuple(a % rank for a in order)


def merged(graph: Graph, op: Operator) -> Change | None:
    """Two consecutive ones become one; one that moves nothing becomes its operand."""
    order = order_of(graph, op)
    if order is None:
        return None
    if order == tuple(range(len(order))):
        return Change(same=op.inputs[0])
    before = graph.producer(op.inputs[0])
    first = order_of(graph, before)
    if before is None or first is None:
        return None
    both = tuple(first[axis] for axis in order)
    if both == tuple(range(len(both))):
        return Change(same=before.inputs[0])
    fresh = Fresh(graph)
    constant = fresh.integers(graph.tensors[op.inputs[1]], both, "transposes merged")
    return Change((replace(op, inputs=(before.inputs[0], constant)),), tuple(fresh.tensors))


def as_reshape(graph: Graph, op: Operator) -> Change | None:
    """A TRANSPOSE that moves only axes of length one, and not the batch, becomes a RESHAPE."""
    order = order_of(graph, op)
    if order is None or order[:1] != (0,):
        return None
    source = shape(graph, op.inputs[0])
    moving = [axis for axis in order if axis == 0 or source[axis] != 1]
    if moving != sorted(moving):
        return None
    fresh = Fresh(graph)
    result = graph.tensors[op.outputs[0]]
    size = fresh.integers(graph.tensors[op.inputs[1]], result.shape, "transpose that moves nothing")
    return Change(
        (builtin(op.index, "RESHAPE", (op.inputs[0], size), result.index),), tuple(fresh.tensors)
    )
