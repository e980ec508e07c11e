"""BlazeBlocks and inverted residuals: depthwise and pointwise convolution with a shortcut."""

from dataclasses import replace

from blazepalm.converter.patterns.walk import (
    Mismatch,
    Walk,
    activation_after,
    paddings_of,
    spatial_pad,
)
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import BinaryOptions, Pool2DOptions
from blazepalm.models.spec import BlockSpec


def _through_pad(walk: Walk, op: Operator) -> Operator | None:
    """The convolution after a spatial PAD, or the operator itself."""
    return walk.sole(op.outputs[0]) if spatial_pad(walk, op) else op


def _main_branch(walk: Walk, x: int) -> tuple[Operator | None, Operator, Operator] | None:
    """(expand, depthwise, pointwise) starting at `x`; expand may be None."""
    for first in walk.graph.consumers(x):
        expand = None
        depthwise = _through_pad(walk, first)
        if first.name == "CONV_2D":
            expand = first
            after = walk.sole(first.outputs[0])
            depthwise = None if after is None else _through_pad(walk, after)
        if depthwise is None or depthwise.name != "DEPTHWISE_CONV_2D":
            continue
        pointwise = walk.sole(depthwise.outputs[0])
        if pointwise is not None and pointwise.name == "CONV_2D":
            return expand, depthwise, pointwise
    return None


def block(walk: Walk, x: int, path: str, *, halves: bool) -> tuple[BlockSpec, int] | None:
    """A BlazeBlock or inverted residual on `x` that halves the map or keeps its size."""
    branch = _main_branch(walk, x)
    if branch is None:
        return None
    expand, depthwise, pointwise = branch
    size, end = walk.shape(x)[1:3], walk.shape(pointwise.outputs[0])[1:3]
    if halves != (size != end):
        return None
    y = pointwise.outputs[0]
    shortcut, new_channels = "none", 0
    around: list[Operator] = []  # the operators of the shortcut
    add = walk.sole(y)
    if add is not None and add.name == "ADD" and isinstance(add.options, BinaryOptions):
        found = _shortcut(walk, x, next((i for i in add.inputs if i != y), y))
        if found is not None:
            if add.options.activation != "NONE":
                raise Mismatch(f"operator {add.index} ADD ends in {add.options.activation}")
            shortcut, new_channels, around = found
            around.append(add)
            y = add.outputs[0]
    walk.claim(*around)
    depthwise_spec = walk.conv(depthwise, f"{path}.depthwise")
    expand_spec = None if expand is None else walk.conv(expand, f"{path}.expand")
    inverted = expand_spec is not None or depthwise_spec.activation != "none"
    last = walk.conv(pointwise, f"{path}.{'project' if inverted else 'pointwise'}")
    if last.activation != "none":
        raise Mismatch(f"operator {pointwise.index} ends in {last.activation} inside a block")
    if expand_spec is not None and expand_spec.activation != depthwise_spec.activation:
        raise Mismatch(f"operator {depthwise.index} has another activation than the one before")
    activation = "none"
    if not inverted:
        activation, y, op = activation_after(walk, y)
        if op is not None:
            walk.claim(op)
            walk.modules[op.index] = f"{path}.activation"
    spec = BlockSpec(depthwise_spec, last, expand_spec, shortcut, new_channels, activation)
    return spec, y


def _shortcut(walk: Walk, x: int, other: int) -> tuple[str, int, list[Operator]] | None:
    """How `other` derives from `x`: unchanged, pooled, widened by zero channels, or not at all."""
    if other == x:
        return "identity", 0, []
    operators: list[Operator] = []
    new_channels = 0
    producer = walk.graph.producer(other)
    paddings = None if producer is None else paddings_of(walk, producer)
    if producer is not None and paddings is not None:
        if paddings[:3] != [[0, 0]] * 3 or paddings[3][0] != 0:
            return None
        new_channels = paddings[3][1]
        operators.append(producer)
        other = producer.inputs[0]
        producer = walk.graph.producer(other)
    if other == x:
        return "identity", new_channels, operators
    if producer is None or producer.name != "MAX_POOL_2D" or producer.inputs[0] != x:
        return None
    halving = Pool2DOptions(stride_h=2, stride_w=2, filter_h=2, filter_w=2)
    _, height, width, _ = walk.shape(x)
    if not isinstance(producer.options, Pool2DOptions):
        return None
    if replace(producer.options, padding="SAME") != halving or height % 2 or width % 2:
        raise Mismatch(f"operator {producer.index} MAX_POOL_2D is not 2×2 on an even map")
    return "max_pool", new_channels, [*operators, producer]
