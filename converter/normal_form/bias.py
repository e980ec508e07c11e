"""A layer with no bias or a zero bias, then an addition of one value per channel → the layer with
that bias.

Not always exact: if a kernel starts its sum with the bias, it rounds in another order.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change
from blazepalm.converter.normal_form.matching import (
    is_constant,
    is_plain,
    made_by,
    number,
    read_elsewhere,
    shape,
    sides,
)
from blazepalm.converter.tflite.graph import Graph, Operator

# layer → the slot of its bias
SLOTS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "TRANSPOSE_CONV": 3, "FULLY_CONNECTED": 2}


def joined(graph: Graph, op: Operator) -> Change | None:
    if op.name != "ADD" or not is_plain(op):
        return None
    for value, constant in sides(op):
        layer = made_by(graph, value, *SLOTS)
        if layer is None or not is_constant(graph, constant) or read_elsewhere(graph, value):
            continue
        channels = shape(graph, value)[-1]
        added = shape(graph, constant)
        if (
            added[-1:] != (channels,)
            or set(added[:-1]) - {1}
            or len(added) > len(shape(graph, value))
        ):
            continue
        slot = SLOTS[layer.name]
        has = slot < len(layer.inputs) and layer.inputs[slot] >= 0
        if has and number(graph, layer.inputs[slot]) != 0.0:
            continue
        return Change(
            (replace(layer, inputs=(*layer.inputs[:slot], constant), outputs=op.outputs),)
        )
    return None
