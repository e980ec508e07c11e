"""ADD, SUB, MUL, DIV with a fused activation → the operator, then RELU or RELU6. The convolutions
of an inverted residual, each followed by RELU or RELU6 → convolutions with a fused one. Exact.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh
from blazepalm.converter.normal_form.matching import made_by, read_elsewhere
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import BinaryOptions, Conv2DOptions


def split(graph: Graph, op: Operator) -> Change | None:
    if not isinstance(op.options, BinaryOptions) or op.options.activation not in ("RELU", "RELU6"):
        return None
    fresh = Fresh(graph)
    result = graph.tensors[op.outputs[0]]
    before = fresh.tensor(result, result.shape)
    plain = replace(op, outputs=(before,), options=replace(op.options, activation="NONE"))
    activation = fresh.operator(op.options.activation, (before,), result.index)
    return Change((plain, activation), tuple(fresh.tensors))


def carried(graph: Graph, op: Operator) -> Change | None:
    """The activation after a depthwise convolution, or between a convolution and a depthwise one
    that has the same activation.
    """
    layer = made_by(graph, op.inputs[0], "CONV_2D", "DEPTHWISE_CONV_2D")
    if op.name not in ("RELU", "RELU6") or layer is None or read_elsewhere(graph, op.inputs[0]):
        return None
    if not isinstance(layer.options, Conv2DOptions):
        return None
    if layer.name == "CONV_2D" and not _expands(graph, op):
        return None
    options = replace(layer.options, activation=op.name)
    return Change((replace(layer, outputs=op.outputs, options=options),))


def _expands(graph: Graph, op: Operator) -> bool:
    """Whether only a depthwise convolution with the same activation reads `op`, behind a PAD or
    not.
    """
    value = op.outputs[0]
    for _ in range(2):
        if read_elsewhere(graph, value):
            return False
        (reader,) = graph.consumers(value)
        if reader.name == "DEPTHWISE_CONV_2D" and isinstance(reader.options, Conv2DOptions):
            return reader.options.activation == op.name
        if reader.name != "PAD":
            return False
        value = reader.outputs[0]
    return False
