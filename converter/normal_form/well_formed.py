"""Whether operators have the operands that the rules look at; the lowering reports anything else
that is wrong with a file.
"""

from blazepalm.converter.tflite.graph import Graph, Operator

# operator → operands that must be present, and which of them have rank 4
OPERANDS: dict[str, tuple[int, tuple[int, ...]]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), (2, (0, 1))),
    "TRANSPOSE_CONV": (3, (1, 2)),
    "FULLY_CONNECTED": (2, ()),
    "AVERAGE_POOL_2D": (1, (0,)),
    **dict.fromkeys(("TRANSPOSE", "PAD", "MIRROR_PAD", "PRELU"), (2, ())),
    "PADV2": (3, ()),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), (2, ())),
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM"), (2, ())),
}


def is_well_formed(graph: Graph) -> bool:
    return bool(graph.operators) and all(_is(graph, op) for op in graph.operators)


def _is(graph: Graph, op: Operator) -> bool:
    count, maps = OPERANDS.get(op.name, (1, ()))
    if not op.outputs or min(op.outputs) < 0 or len(op.inputs) < count:
        return False
    if any(index < 0 for index in op.inputs[:count]):
        return False
    ranks = [len(graph.tensors[op.inputs[slot]].shape) for slot in maps]
    result = len(graph.tensors[op.outputs[0]].shape)
    return all(rank == 4 for rank in ranks) and (not maps or result == 4)
