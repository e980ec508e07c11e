"""A linear layer on a vector that has further axes of length one → FULLY_CONNECTED on the vector,
and a RESHAPE. Covers FULLY_CONNECTED that keeps its dimensions, and a 1×1 CONV_2D after a MEAN
or after a RESHAPE of a vector.

The convolution may add in another order than the product, so that case is not always exact.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh
from blazepalm.converter.normal_form.matching import is_constant, made_by, shape
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import (
    Conv2DOptions,
    FullyConnectedOptions,
)


def flattened(graph: Graph, op: Operator) -> Change | None:
    if op.name == "FULLY_CONNECTED" and isinstance(op.options, FullyConnectedOptions):
        given = shape(graph, op.inputs[0])
        if not op.options.keep_num_dims or len(given) < 2 or set(given[1:-1]) - {1}:
            return None
        options = replace(op.options, keep_num_dims=False)
        return _linear(graph, op, replace(op, options=options), op.inputs[1], Fresh(graph))
    if op.name == "CONV_2D" and isinstance(op.options, Conv2DOptions):
        return _convolution(graph, op, op.options)
    return None


def _convolution(graph: Graph, op: Operator, options: Conv2DOptions) -> Change | None:
    kernel = graph.tensors[op.inputs[1]]
    if kernel.data is None or not is_constant(graph, kernel.index) or len(op.inputs) != 3:
        return None
    given = shape(graph, op.inputs[0])
    if given[1:3] != (1, 1) or kernel.shape[1:3] != (1, 1) or kernel.shape[3] != given[3]:
        return None
    if made_by(graph, op.inputs[0], "MEAN", "RESHAPE") is None:
        return None
    fresh = Fresh(graph)
    matrix = fresh.constant(kernel, kernel.data[:, 0, 0, :], "RESHAPE")
    layer = replace(
        op,
        name="FULLY_CONNECTED",
        opcode=9,
        options=FullyConnectedOptions(activation=options.activation),
    )
    return _linear(graph, op, layer, matrix, fresh)


def _linear(
    graph: Graph, op: Operator, layer: Operator, weight: int, fresh: Fresh
) -> Change | None:
    given, result = shape(graph, op.inputs[0]), graph.tensors[op.outputs[0]]
    if len(given) == 2:
        return Change((replace(layer, inputs=(op.inputs[0], weight, *op.inputs[2:])),))
    flat = fresh.tensor(result, (given[0], result.shape[-1]))
    vector = fresh.tensor(graph.tensors[op.inputs[0]], (given[0], given[-1]))
    before = fresh.integers(result, (given[0], given[-1]), "linear layer flattened")
    after = fresh.integers(result, result.shape, "linear layer flattened")
    return Change(
        (
            fresh.operator("RESHAPE", (op.inputs[0], before), vector),
            replace(layer, inputs=(vector, weight, *op.inputs[2:]), outputs=(flat,)),
            fresh.operator("RESHAPE", (flat, after), result.index),
        ),
        tuple(fresh.tensors),
    )
