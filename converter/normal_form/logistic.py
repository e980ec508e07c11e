"""1 / (1 + exp(−x)) → LOGISTIC.

Not exact: the quotient rounds three times (each by half a unit of at most 1) while the kernel of
LOGISTIC rounds differently, so the two may differ by a few units in the last place.
"""

from blazepalm.converter.normal_form.change import Change, builtin
from blazepalm.converter.normal_form.matching import is_plain, made_by, number, shape, sides
from blazepalm.converter.normal_form.prelu import negated
from blazepalm.converter.tflite.graph import Graph, Operator


def logistic(graph: Graph, op: Operator) -> Change | None:
    if op.name != "DIV" or not is_plain(op) or number(graph, op.inputs[0]) != 1.0:
        return None
    add = made_by(graph, op.inputs[1], "ADD")
    for one, power in sides(add) if add is not None else ():
        exp = made_by(graph, power, "EXP") if number(graph, one) == 1.0 else None
        x = None if exp is None else negated(graph, exp.inputs[0])
        if x is not None and shape(graph, x) == shape(graph, op.outputs[0]):
            return Change((builtin(op.index, "LOGISTIC", (x,), op.outputs[0]),))
    return None
