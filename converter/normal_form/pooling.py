"""The mean of a whole map, in all its forms, as MEAN over the rows and columns.

AVERAGE_POOL_2D over the whole map adds in another order, so that case is not always exact. A MEAN
that keeps its axes of length one gives a FULLY_CONNECTED or RESHAPE the same vector.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh, builtin
from blazepalm.converter.normal_form.matching import integers, shape
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import (
    FullyConnectedOptions,
    Pool2DOptions,
    ReducerOptions,
)


def mean(graph: Graph, op: Operator) -> Change | None:
    """AVERAGE_POOL_2D whose window is the whole map."""
    options = op.options
    if op.name != "AVERAGE_POOL_2D" or not isinstance(options, Pool2DOptions):
        return None
    size, after = shape(graph, op.inputs[0])[1:3], shape(graph, op.outputs[0])[1:3]
    if (options.filter_h, options.filter_w) != size or after != (1, 1):
        return None
    if options.padding != "VALID" or options.activation != "NONE":
        return None
    fresh = Fresh(graph)
    axes = fresh.integers(graph.tensors[op.outputs[0]], (1, 2), "mean of the map")
    made = builtin(op.index, "MEAN", (op.inputs[0], axes), op.outputs[0], ReducerOptions(True))
    return Change((made,), tuple(fresh.tensors))


def dropped(graph: Graph, op: Operator) -> Change | None:
    """MEAN over the map that keeps dimensions, if every reader flattens them."""
    result = graph.tensors[op.outputs[0]] if len(op.outputs) == 1 else None
    if op.name != "MEAN" or op.options != ReducerOptions(True) or result is None:
        return None
    axes = integers(graph, op.inputs[1])
    if axes is None or len(result.shape) != 4 or sorted(a % 4 for a in axes) != [1, 2]:
        return None
    readers = graph.consumers(result.index)
    if result.index in graph.outputs or not readers:
        return None
    if not all(_flattens(reader, result.index) for reader in readers):
        return None
    vector = replace(result, shape=(result.shape[0], result.shape[3]))
    return Change((replace(op, options=ReducerOptions(False)),), (vector,))


def _flattens(op: Operator, value: int) -> bool:
    if op.inputs[0] != value:
        return False
    if op.name == "FULLY_CONNECTED":
        return op.options in (None, FullyConnectedOptions())
    return op.name == "RESHAPE"
