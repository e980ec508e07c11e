"""CONV_2D with one input channel per output and as many groups → DEPTHWISE_CONV_2D.

Exact: the same products in the same order; only the kernel's axes are named differently (O, H, W, 1
and 1, H, W, O).
"""

from blazepalm.converter.normal_form.change import Change, Fresh, builtin
from blazepalm.converter.normal_form.matching import is_constant, shape
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import Conv2DOptions, DepthwiseConv2DOptions


def depthwise(graph: Graph, op: Operator) -> Change | None:
    if op.name != "CONV_2D" or not isinstance(op.options, Conv2DOptions):
        return None
    kernel = graph.tensors[op.inputs[1]]
    channels = shape(graph, op.inputs[0])[-1]
    if not is_constant(graph, kernel.index) or len(kernel.shape) != 4 or kernel.data is None:
        return None
    outputs, _, _, inputs = kernel.shape
    if inputs != 1 or channels == 1 or outputs != channels:
        return None
    fresh = Fresh(graph)
    turned = fresh.constant(kernel, kernel.data.transpose(3, 1, 2, 0), "TRANSPOSE 3 1 2 0")
    options = DepthwiseConv2DOptions(**vars(op.options), depth_multiplier=1)
    operands = (op.inputs[0], turned, *op.inputs[2:])
    return Change(
        (builtin(op.index, "DEPTHWISE_CONV_2D", operands, op.outputs[0], options),),
        tuple(fresh.tensors),
    )
