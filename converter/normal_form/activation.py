"""RELU and RELU6, as exporters write them with MAXIMUM, MINIMUM and ABS.

Exact: x + |x| is 2x or 0, and half of that is x again; the others only select. (A zero may change
its sign.)
"""

from blazepalm.converter.normal_form.change import Change, builtin
from blazepalm.converter.normal_form.matching import is_plain, made_by, number, sides
from blazepalm.converter.tflite.graph import Graph, Operator


def relu(graph: Graph, op: Operator) -> Change | None:
    """max(x, 0), (x + |x|) / 2"""
    if len(op.inputs) != 2:
        return None
    x: int | None = None
    if op.name == "MAXIMUM":
        x = next((x for x, zero in sides(op) if number(graph, zero) == 0.0), None)
    elif op.name == "MUL" and is_plain(op):
        x = next((_twice(graph, s) for s, c in sides(op) if number(graph, c) == 0.5), None)
    elif op.name == "DIV" and is_plain(op) and number(graph, op.inputs[1]) == 2.0:
        x = _twice(graph, op.inputs[0])
    return _becomes(graph, op, "RELU", x)


def relu6(graph: Graph, op: Operator) -> Change | None:
    """min(relu(x), 6), relu(min(x, 6))"""
    if op.name == "MINIMUM":
        for inner, limit in sides(op):
            rectified = made_by(graph, inner, "RELU")
            if rectified is not None and number(graph, limit) == 6.0:
                return _becomes(graph, op, "RELU6", rectified.inputs[0])
    if op.name == "RELU":
        capped = made_by(graph, op.inputs[0], "MINIMUM")
        for x, limit in sides(capped) if capped is not None else ():
            if number(graph, limit) == 6.0:
                return _becomes(graph, op, "RELU6", x)
    return None


def repeated(graph: Graph, op: Operator) -> Change | None:
    """RELU of what RELU or RELU6 gave, RELU6 of what RELU6 gave: changes nothing."""
    maker = graph.producer(op.inputs[0]) if op.name in ("RELU", "RELU6") else None
    if maker is None or len(maker.outputs) != 1:
        return None
    last = getattr(maker.options, "activation", maker.name)
    return Change(same=op.inputs[0]) if last in (op.name, "RELU6") else None


def _twice(graph: Graph, total: int) -> int | None:
    """The x of x + |x|."""
    add = made_by(graph, total, "ADD")
    for x, other in sides(add) if add is not None else ():
        absolute = made_by(graph, other, "ABS")
        if absolute is not None and absolute.inputs[0] == x:
            return x
    return None


def _becomes(graph: Graph, op: Operator, name: str, x: int | None) -> Change | None:
    if x is None or graph.tensors[x].is_constant:
        return None
    if graph.tensors[x].shape != graph.tensors[op.outputs[0]].shape:
        return None
    return Change((builtin(op.index, name, (x,), op.outputs[0]),))
