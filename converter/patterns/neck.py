"""One step of the top-down neck: upsample the map, add a tapped one."""

from blazepalm.converter.patterns.walk import (
    ACTIVATION_OPERATORS,
    Mismatch,
    Walk,
    activation_after,
    conv_layer,
)
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import (
    BinaryOptions,
    Convolution2DTransposeBiasOptions,
    ResizeOptions,
    TransposeConvOptions,
)
from blazepalm.models.spec import ConvSpec, TapSpec, UpSpec


def up_step(
    walk: Walk, x: int, taps: dict[int, tuple[int, int]], path: str
) -> tuple[UpSpec, tuple[int, int], int] | None:
    """(reduce →) upsample (→ project) → + tap: the start of one neck step, and which tap."""
    enlarging = ("RESIZE_BILINEAR", "TRANSPOSE_CONV", "Convolution2DTransposeBias")
    reduce_op: Operator | None = None
    op = next((c for c in walk.graph.consumers(x) if c.name in enlarging), None)
    if op is None:  # a 1×1 convolution may come first
        for consumer in walk.graph.consumers(x):
            after = walk.sole(consumer.outputs[0])
            if consumer.name == "CONV_2D" and after is not None and after.name in enlarging:
                reduce_op, op = consumer, after
    if op is None:
        return None
    reduce_spec = None if reduce_op is None else conv_layer(walk, reduce_op, f"{path}.reduce")[0]
    transposed = None
    if op.name == "RESIZE_BILINEAR":
        if op.options != ResizeOptions(align_corners=False, half_pixel_centers=True):
            raise Mismatch(f"operator {op.index} RESIZE_BILINEAR samples at pixel corners")
        walk.claim(op)
        y = op.outputs[0]
    else:
        transposed, y = _transposed(walk, op, path)
    size = walk.shape(y)[1:3]
    project = None
    after = walk.sole(y)
    if after is not None and after.name == "CONV_2D":
        project, y = conv_layer(walk, after, f"{path}.project")
    add = walk.sole(y)
    if add is None or add.name != "ADD" or add.options not in (None, BinaryOptions()):
        raise Mismatch(f"operator {op.index} {op.name} does not lead to a plain ADD")
    other = next((i for i in add.inputs if i != y), y)
    tap_activation = "none"
    producer = walk.graph.producer(other)
    if other not in taps and producer is not None and producer.name in ("RELU", "RELU6"):
        tap_activation = ACTIVATION_OPERATORS[producer.name]
        walk.claim(producer)
        other = producer.inputs[0]
    if other not in taps:
        raise Mismatch(f"operator {add.index} ADD does not add an output of a backbone block")
    walk.claim(add)
    activation, y, act = activation_after(walk, add.outputs[0])
    if act is not None:
        if activation in ("prelu", "maximum"):
            raise Mismatch(f"operator {act.index} {act.name} follows the neck's ADD")
        walk.claim(act)
    spec = UpSpec(
        size=(size[0], size[1]),
        tap=TapSpec(0, 0, tap_activation),
        reduce=reduce_spec,
        transposed=transposed,
        project=project,
        activation=activation,
    )
    return spec, taps[other], y


def _transposed(walk: Walk, op: Operator, path: str) -> tuple[ConvSpec, int]:
    options = op.options
    if isinstance(options, TransposeConvOptions):  # inputs: output shape, weights, data, bias
        weight_slot, data_slot, bias = 1, 2, len(op.inputs) == 4
        fused = options.activation
    elif isinstance(options, Convolution2DTransposeBiasOptions):  # inputs: data, weights, bias
        weight_slot, data_slot, bias, fused = 1, 0, True, "NONE"
    else:
        raise Mismatch(f"operator {op.index} {op.name} has no options")
    outputs, height, width, inputs = walk.shape(op.inputs[weight_slot])  # OHWI
    stride = options.stride_h
    before, after = walk.shape(op.inputs[data_slot])[1:3], walk.shape(op.outputs[0])[1:3]
    if options.padding != "SAME" or fused != "NONE" or stride != options.stride_w:
        raise Mismatch(f"operator {op.index} {op.name} is not a plain SAME one")
    if after != (before[0] * stride, before[1] * stride) or min(height, width) < stride:
        raise Mismatch(f"operator {op.index} {op.name} does not enlarge by its stride")
    walk.claim(op)
    walk.modules[op.index] = f"{path}.transposed"
    activation, y, act = activation_after(walk, op.outputs[0])
    if act is not None:
        walk.claim(act)
        walk.modules[act.index] = f"{path}.transposed_activation"
    cut_h, cut_w = height - stride, width - stride
    spec = ConvSpec(
        in_channels=inputs,
        out_channels=outputs,
        kernel=(height, width),
        stride=stride,
        padding=(cut_h // 2, cut_h - cut_h // 2, cut_w // 2, cut_w - cut_w // 2),
        bias=bias,
        activation=activation,
    )
    return spec, y
