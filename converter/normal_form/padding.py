"""Zeros around a map: consecutive PADs, PADs of nothing, PADV2 and CONCATENATION that are plain
PADs, and the padding mode of layers that pad nothing. Exact.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Change, Fresh, builtin
from blazepalm.converter.normal_form.matching import (
    integers,
    is_constant,
    made_by,
    number,
    read_elsewhere,
    shape,
)
from blazepalm.converter.same_padding import kernel_window
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import AxisOptions, Conv2DOptions, TransposeConvOptions


def merged(graph: Graph, op: Operator) -> Change | None:
    if op.name != "PAD":
        return None
    before = made_by(graph, op.inputs[0], "PAD")
    if before is None or read_elsewhere(graph, op.inputs[0]):
        return None
    first, second = integers(graph, before.inputs[1]), integers(graph, op.inputs[1])
    if first is None or second is None or len(first) != len(second):
        return None
    spatial = len(first) == 8 and {first[6:], second[6:]} == {(0, 0)}
    if not spatial and any((a != 0) != (b != 0) for a, b in zip(first, second, strict=True)):
        return None  # a margin and new channels stay separate
    fresh = Fresh(graph)
    sums = [a + b for a, b in zip(first, second, strict=True)]
    pairs = [sums[i : i + 2] for i in range(0, len(sums), 2)]
    both = fresh.integers(graph.tensors[op.inputs[1]], pairs, "pads merged")
    return Change((replace(op, inputs=(before.inputs[0], both)),), tuple(fresh.tensors))


def idle(graph: Graph, op: Operator) -> Change | None:
    if op.name not in ("PAD", "PADV2", "MIRROR_PAD"):
        return None
    return Change(same=op.inputs[0]) if not any(integers(graph, op.inputs[1]) or (1,)) else None


def renamed(graph: Graph, op: Operator) -> Change | None:
    """PADV2 with zeros."""
    if op.name != "PADV2" or len(op.inputs) != 3 or number(graph, op.inputs[2]) != 0.0:
        return None
    return Change((builtin(op.index, "PAD", op.inputs[:2], op.outputs[0]),))


def concatenated(graph: Graph, op: Operator) -> Change | None:
    """CONCATENATION of a map with constant channels of zeros."""
    if op.name != "CONCATENATION" or len(op.inputs) != 2 or len(shape(graph, op.outputs[0])) != 4:
        return None
    if not isinstance(op.options, AxisOptions) or op.options.axis not in (3, -1):
        return None
    x, zeros = op.inputs
    if op.options.activation != "NONE" or number(graph, zeros) != 0.0 or is_constant(graph, x):
        return None
    fresh = Fresh(graph)
    rows = [[0, 0], [0, 0], [0, 0], [0, shape(graph, zeros)[3]]]
    paddings = fresh.integers(graph.tensors[op.outputs[0]], rows, "pad by another name")
    return Change((builtin(op.index, "PAD", (x, paddings), op.outputs[0]),), tuple(fresh.tensors))


def named(graph: Graph, op: Operator) -> Change | None:
    """A convolution after a PAD whose SAME adds nothing becomes VALID, so that the PAD is
    recognised as its margin; a transposed one whose kernel equals its stride is both SAME and
    VALID.
    """
    options = op.options
    if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D") and isinstance(options, Conv2DOptions):
        if options.padding != "SAME" or made_by(graph, op.inputs[0], "PAD") is None:
            return None
        size, kernel = shape(graph, op.inputs[0])[1:3], shape(graph, op.inputs[1])[1:3]
        strides = (options.stride_h, options.stride_w)
        dilations = (options.dilation_h, options.dilation_w)
        for n, k, s, d in zip(size, kernel, strides, dilations, strict=True):
            same = kernel_window(n, k, s, "SAME", d)
            if same.front or same.back or same.output != kernel_window(n, k, s, "VALID", d).output:
                return None
        return Change((replace(op, options=replace(options, padding="VALID")),))
    if op.name == "TRANSPOSE_CONV" and isinstance(options, TransposeConvOptions):
        if options.padding != "VALID" or shape(graph, op.inputs[1])[1:3] != (
            options.stride_h,
            options.stride_w,
        ):
            return None
        return Change((replace(op, options=replace(options, padding="SAME")),))
    return None
