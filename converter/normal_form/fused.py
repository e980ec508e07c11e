"""ADD, SUB, MUL, DIV with a fused activation → the operator, then RELU or RELU6."""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import BinaryOptions


def split(graph: Graph, op: Operator) -> Change | None:
    if not isinstance(op.options, BinaryOptions) or op.options.activation not in ("RELU", "RELU6"):
        return None
    fresh = Fresh(graph)
    result = graph.tensors[op.outputs[0]]
    before = fresh.tensor(result, result.shape)
    plain = replace(op, outputs=(before,), options=replace(op.options, activation="NONE"))
    activation = fresh.operator(op.options.activation, (before,), result.index)
    return Change((plain, activation), tuple(fresh.tensors))
