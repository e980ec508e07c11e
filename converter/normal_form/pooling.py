"""The mean of a whole map, in all its forms, as MEAN over the rows and columns.

AVERAGE_POOL_2D over the whole map, a mean of means, and a sum that is divided add or round in
another order, so these cases are not always exact. A MEAN
that keeps its axes of length one gives a FULLY_CONNECTED or RESHAPE the same vector.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh, builtin
from blazepalm.converter.normal_form.matching import integers, is_plain, made_by, number, shape
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import (
    FullyConnectedOptions,
    Options,
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
    return _mean(graph, op, op.inputs[0], "mean of the map", ReducerOptions(True))


def joined(graph: Graph, op: Operator) -> Change | None:
    """MEAN over the rows, then over the columns, or the other way round; both keep dimensions or
    neither does.
    """
    before = made_by(graph, op.inputs[0], "MEAN") if op.name == "MEAN" else None
    if before is None or before.options != op.options:
        return None
    first, second = axes_of(graph, before), axes_of(graph, op)
    if first is None or second is None or len(shape(graph, before.inputs[0])) != 4:
        return None
    left = [axis for axis in range(4) if op.options == ReducerOptions(True) or axis not in first]
    axes = sorted({*first, *(left[axis] for axis in second)})
    return None if axes != [1, 2] else _mean(graph, op, before.inputs[0], "means joined")


def of_pixels(graph: Graph, op: Operator) -> Change | None:
    """MEAN over the pixels of a map that RESHAPE made a list of them."""
    before = made_by(graph, op.inputs[0], "RESHAPE") if op.name == "MEAN" else None
    if before is None or op.options not in (None, ReducerOptions()) or axes_of(graph, op) != (1,):
        return None
    given, pixels = shape(graph, before.inputs[0]), shape(graph, op.inputs[0])
    if len(given) != 4 or pixels != (given[0], given[1] * given[2], given[3]):
        return None
    return _mean(graph, op, before.inputs[0], "mean of the pixels")


def divided(graph: Graph, op: Operator) -> Change | None:
    """SUM over the map, divided by the number of its pixels."""
    before = made_by(graph, op.inputs[0], "SUM") if op.name == "DIV" and is_plain(op) else None
    if before is None or len(shape(graph, before.inputs[0])) != 4:
        return None
    _, height, width, _ = shape(graph, before.inputs[0])
    if axes_of(graph, before) != (1, 2) or number(graph, op.inputs[1]) != height * width:
        return None
    if shape(graph, op.inputs[0]) != shape(graph, op.outputs[0]):
        return None
    return _mean(graph, op, before.inputs[0], "sum divided", before.options)


def axes_of(graph: Graph, op: Operator) -> tuple[int, ...] | None:
    """The axes of a reduction, sorted, counted from the first."""
    rank, axes = len(shape(graph, op.inputs[0])), integers(graph, op.inputs[1])
    if axes is None or any(not -rank <= axis < rank for axis in axes):
        return None
    return tuple(sorted(axis % rank for axis in axes))


def _mean(graph: Graph, op: Operator, x: int, step: str, options: Options | None = None) -> Change:
    """`op` becomes the MEAN of the map `x`."""
    fresh = Fresh(graph)
    axes = fresh.integers(graph.tensors[op.outputs[0]], (1, 2), step)
    made = builtin(op.index, "MEAN", (x, axes), op.outputs[0], options or op.options)
    return Change((made,), tuple(fresh.tensors))


def dropped(graph: Graph, op: Operator) -> Change | None:
    """MEAN over the map that keeps dimensions, if every reader flattens them."""
    result = graph.tensors[op.outputs[0]] if len(op.outputs) == 1 else None
    if op.name != "MEAN" or op.options != ReducerOptions(True) or result is None:
        return None
    if len(result.shape) != 4 or axes_of(graph, op) != (1, 2):
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
