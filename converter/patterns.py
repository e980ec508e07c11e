"""The shapes of operators that the hand models are made of, matched one at a time.

A `Walk` holds what has been claimed so far. A pattern that does not fit where it was tried
returns None and claims nothing; one that fits, but in a form the readable modules cannot
express, raises Mismatch, and the graph goes to the generic module.
"""

import math
from dataclasses import dataclass, replace

from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import (
    AxisOptions,
    BinaryOptions,
    Conv2DOptions,
    Convolution2DTransposeBiasOptions,
    FullyConnectedOptions,
    Pool2DOptions,
    ResizeOptions,
    TransposeConvOptions,
)
from blazepalm.models.spec import BlockSpec, ConvSpec, TapSpec, UpSpec

ACTIVATION_OPERATORS = {"RELU": "relu", "RELU6": "relu6", "PRELU": "prelu"}
FUSED_ACTIVATIONS = {"NONE": "none", "RELU": "relu", "RELU6": "relu6"}
SPATIAL = ("CONV_2D", "DEPTHWISE_CONV_2D")


class Mismatch(Exception):
    """This graph is not of the family; the message says where they part."""


class Walk:
    """A graph under examination: `modules` maps operators with weights to module paths."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.modules: dict[int, str] = {}
        self.claimed: set[int] = set()

    def claim(self, *operators: Operator) -> None:
        for op in operators:
            if op.index in self.claimed:
                raise Mismatch(f"operator {op.index} {op.name} would serve twice")
            self.claimed.add(op.index)

    def finish(self) -> None:
        """Raises Mismatch where operators are left over."""
        left = [op for op in self.graph.operators if op.index not in self.claimed]
        if left:
            raise Mismatch(f"operator {left[0].index} {left[0].name} has no place in it")

    def only_consumer(self, tensor: int) -> Operator:
        consumer = self.sole(tensor)
        if consumer is None:
            raise Mismatch(f"{self.graph.tensors[tensor]} is not read exactly once")
        return consumer

    def sole(self, tensor: int) -> Operator | None:
        """The one operator that reads a tensor; None where it is also an output, or others do."""
        consumers = self.graph.consumers(tensor)
        return consumers[0] if len(consumers) == 1 and tensor not in self.graph.outputs else None

    def shape(self, tensor: int) -> tuple[int, ...]:
        return self.graph.tensors[tensor].shape

    def conv(self, op: Operator, path: str) -> ConvSpec:
        """Claims a convolution, and a spatial PAD before it, for the module `path`."""
        spec, pad = _conv_spec(self, op)
        self.claim(op, *([pad] if pad else []))
        self.modules[op.index] = path
        return spec

    def linear(self, op: Operator, path: str) -> None:
        options = op.options if isinstance(op.options, FullyConnectedOptions) else None
        if options is None or options.activation != "NONE" or len(op.inputs) != 3:
            raise Mismatch(f"operator {op.index} is no plain linear layer with a bias")
        self.claim(op)
        self.modules[op.index] = path


def same_margins(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TFLite's SAME padding of one axis: (before, after)."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _conv_spec(walk: Walk, op: Operator) -> tuple[ConvSpec, Operator | None]:
    options = op.options
    if not isinstance(options, Conv2DOptions):
        raise Mismatch(f"operator {op.index} {op.name} has no convolution options")
    depthwise = op.name == "DEPTHWISE_CONV_2D"
    weight = walk.shape(op.inputs[1])  # OHWI, or 1HWO
    channels = walk.shape(op.inputs[0])[3]
    outputs = weight[3] if depthwise else weight[0]
    if options.dilation_h != 1 or options.dilation_w != 1 or options.stride_h != options.stride_w:
        raise Mismatch(f"operator {op.index} is dilated or strides unevenly")
    if options.activation not in FUSED_ACTIVATIONS:
        raise Mismatch(f"operator {op.index} ends in {options.activation}")
    if (depthwise and outputs != channels) or (not depthwise and weight[3] != channels):
        raise Mismatch(f"operator {op.index} multiplies or groups channels")
    kernel, size = (weight[1], weight[2]), walk.shape(op.inputs[0])[1:3]
    padding = (0, 0, 0, 0)
    pad = None
    if options.padding == "SAME":
        padding = (
            *same_margins(size[0], kernel[0], options.stride_h),
            *same_margins(size[1], kernel[1], options.stride_w),
        )
    else:
        producer = walk.graph.producer(op.inputs[0])
        margins = None if producer is None else _spatial_pad(walk, producer)
        if margins is not None and walk.sole(op.inputs[0]) is op:
            padding, pad = margins, producer
    spec = ConvSpec(
        in_channels=channels,
        out_channels=outputs,
        kernel=kernel,
        stride=options.stride_h,
        padding=padding,
        groups=channels if depthwise else 1,
        bias=len(op.inputs) == 3 and op.inputs[2] >= 0,
        activation=FUSED_ACTIVATIONS[options.activation],
        explicit_pad=pad is not None,
    )
    return spec, pad


def _paddings(walk: Walk, op: Operator) -> list[list[int]] | None:
    if op.name != "PAD":
        return None
    data = walk.graph.tensors[op.inputs[1]].data
    return None if data is None or data.shape != (4, 2) else data.tolist()


def _spatial_pad(walk: Walk, op: Operator) -> tuple[int, int, int, int] | None:
    paddings = _paddings(walk, op)
    if paddings is None or paddings[0] != [0, 0] or paddings[3] != [0, 0]:
        return None
    return (*paddings[1], *paddings[2])  # type: ignore[return-value]


def activation_after(walk: Walk, tensor: int) -> tuple[str, int, Operator | None]:
    """The activation operator that alone reads a tensor, and what it leaves."""
    op = walk.sole(tensor)
    if op is None or op.name not in ACTIVATION_OPERATORS:
        return "none", tensor, None
    if op.name == "PRELU":
        slopes = walk.shape(op.inputs[1])
        if any(d != 1 for d in slopes[:-1]) or slopes[-1] != walk.shape(tensor)[-1]:
            raise Mismatch(f"operator {op.index} PRELU has a slope for each pixel")
    return ACTIVATION_OPERATORS[op.name], op.outputs[0], op


def conv_layer(walk: Walk, op: Operator, path: str) -> tuple[ConvSpec, int]:
    """A convolution (its PAD before it) and its activation: module `ConvLayer`."""
    if op.name == "PAD":
        op = walk.only_consumer(op.outputs[0])
    if op.name not in SPATIAL:
        raise Mismatch(f"operator {op.index} {op.name} where a convolution was expected")
    spec = walk.conv(op, f"{path}.conv")
    x = op.outputs[0]
    if spec.activation == "none":
        name, x, activation = activation_after(walk, x)
        if activation is not None:
            walk.claim(activation)
            walk.modules[activation.index] = f"{path}.activation"
        spec = replace(spec, activation=name)
    return spec, x


def _through_pad(walk: Walk, op: Operator) -> Operator | None:
    """The convolution behind a spatial PAD, or the operator itself."""
    return walk.sole(op.outputs[0]) if _spatial_pad(walk, op) else op


def _main_branch(walk: Walk, x: int) -> tuple[Operator | None, Operator, Operator] | None:
    """(expand, depthwise, pointwise) that start at `x`; expand may be missing."""
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
    """A BlazeBlock or inverted residual on `x` that halves the map, or keeps its size."""
    branch = _main_branch(walk, x)
    if branch is None:
        return None
    expand, depthwise, pointwise = branch
    size, end = walk.shape(x)[1:3], walk.shape(pointwise.outputs[0])[1:3]
    if halves != (size != end):
        return None
    y = pointwise.outputs[0]
    add = walk.sole(y)
    shortcut, new_channels, others = "none", 0, []
    if add is not None and add.name == "ADD":
        other = next((i for i in add.inputs if i != y), y)
        found = _shortcut(walk, x, other)
        if found is not None and isinstance(add.options, BinaryOptions):
            shortcut, new_channels, others = found
            if add.options.activation != "NONE":
                raise Mismatch(f"operator {add.index} ADD ends in {add.options.activation}")
            others.append(add)
            y = add.outputs[0]
    inverted = expand is not None
    specs = {
        "depthwise": walk.conv(depthwise, f"{path}.depthwise"),
        "expand": None if expand is None else walk.conv(expand, f"{path}.expand"),
    }
    inverted = inverted or specs["depthwise"].activation != "none"  # type: ignore[union-attr]
    last = walk.conv(pointwise, f"{path}.{'project' if inverted else 'pointwise'}")
    if last.activation != "none":
        raise Mismatch(f"operator {pointwise.index} ends in {last.activation} inside a block")
    if (
        inverted
        and expand is not None
        and specs["expand"].activation != specs["depthwise"].activation
    ):  # type: ignore[union-attr]
        raise Mismatch(f"operators {expand.index} and {depthwise.index} are activated differently")
    walk.claim(*others)
    activation = "none"
    if not inverted:
        activation, y, op = activation_after(walk, y)
        if op is not None:
            walk.claim(op)
            walk.modules[op.index] = f"{path}.activation"
    spec = BlockSpec(
        pointwise=last,
        shortcut=shortcut,
        new_channels=new_channels,
        activation=activation,
        **specs,  # type: ignore[arg-type]
    )
    return spec, y


def _shortcut(walk: Walk, x: int, other: int) -> tuple[str, int, list[Operator]] | None:
    """How `other` comes from `x`: as it is, pooled, widened by zero channels, or not at all."""
    if other == x:
        return "identity", 0, []
    operators: list[Operator] = []
    new_channels = 0
    producer = walk.graph.producer(other)
    paddings = None if producer is None else _paddings(walk, producer)
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
    other = next(i for i in add.inputs if i != y)
    tap_activation = "none"
    producer = walk.graph.producer(other)
    if other not in taps and producer is not None and producer.name in ("RELU", "RELU6"):
        tap_activation = ACTIVATION_OPERATORS[producer.name]
        walk.claim(producer)
        other = producer.inputs[0]
    if other not in taps:
        raise Mismatch(f"operator {add.index} ADD adds no output of a backbone block")
    walk.claim(add)
    activation, y, act = activation_after(walk, add.outputs[0])
    if act is not None:
        if activation == "prelu":
            raise Mismatch(f"operator {act.index} PRELU follows the neck's ADD")
        walk.claim(act)
    spec = UpSpec(
        size=(size[0], size[1]),
        tap=TapSpec(0, 0, tap_activation),
        upsampling="bilinear" if transposed is None else "transposed",
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


def detector_head(walk: Walk, output: int) -> list[Operator]:
    """The convolutions behind a detector output, in the order of its anchors."""
    op = walk.graph.producer(output)
    branches = [output]
    if op is not None and op.name == "CONCATENATION":
        if not isinstance(op.options, AxisOptions) or op.options.axis not in (1, -2):
            raise Mismatch(f"operator {op.index} CONCATENATION is not along the anchors")
        if op.options.activation != "NONE":
            raise Mismatch(f"operator {op.index} CONCATENATION ends in an activation")
        walk.claim(op)
        branches = list(op.inputs)
    heads = []
    for branch in branches:
        reshape = walk.graph.producer(branch)
        if reshape is None or reshape.name != "RESHAPE":
            raise Mismatch(f"{walk.graph.tensors[branch]} comes from no RESHAPE")
        conv = walk.graph.producer(reshape.inputs[0])
        if conv is None or conv.name != "CONV_2D":
            raise Mismatch(f"operator {reshape.index} RESHAPE reads no convolution")
        walk.claim(reshape)
        heads.append(conv)
    return heads


@dataclass(frozen=True)
class OutputChain:
    """One landmark output: its layer, and the map or vector that all outputs stand on."""

    layer: Operator
    source: int
    values: int
    sigmoid: bool


def output_chain(walk: Walk, output: int) -> OutputChain:
    """Walks back from an output through LOGISTIC and RESHAPE to its layer."""
    sigmoid = False
    tensor = output
    while True:
        op = walk.graph.producer(tensor)
        if op is None:
            raise Mismatch(f"{walk.graph.tensors[output]} comes from no layer")
        if op.name == "LOGISTIC" and not sigmoid:
            sigmoid = True
        elif op.name != "RESHAPE":
            break
        walk.claim(op)
        tensor = op.inputs[0]
    shape = walk.shape(output)
    if op.name not in ("CONV_2D", "FULLY_CONNECTED") or len(shape) != 2:
        raise Mismatch(f"{walk.graph.tensors[output]} comes from {op.name}")
    if op.name == "CONV_2D" and walk.shape(op.outputs[0])[1:3] != (1, 1):
        raise Mismatch(f"operator {op.index} CONV_2D leaves a map, not a vector")
    return OutputChain(op, op.inputs[0], shape[1], sigmoid)


def feature_layers(walk: Walk, x: int, end: int) -> tuple[tuple[ConvSpec, ...], int]:
    """Plain convolutions in a row between the last block and the pooling or heads."""
    layers: list[ConvSpec] = []
    while x != end:
        op = walk.sole(x)
        if op is None or op.name not in (*SPATIAL, "PAD"):
            break
        spec, x = conv_layer(walk, op, f"features.layer{len(layers)}")
        layers.append(spec)
    return tuple(layers), x


def pooling(walk: Walk, x: int, chains: list[OutputChain]) -> tuple[str, int]:
    """How the map `x` becomes what the heads read: (`mean`, `flatten` or `none`, values)."""
    end = chains[0].source
    _, height, width, channels = walk.shape(x)
    if x == end:
        if any(chain.layer.name != "CONV_2D" for chain in chains):
            raise Mismatch("linear layers read a map")
        return "none", channels
    op = walk.only_consumer(x)
    kind = "flatten"
    if op.name == "MEAN":
        axes = walk.graph.tensors[op.inputs[1]].data
        if axes is None or sorted(int(a) % 4 for a in axes.reshape(-1)) != [1, 2]:
            raise Mismatch(f"operator {op.index} MEAN is not over the map")
        kind = "mean"
        walk.claim(op)
        x = op.outputs[0]
        op = walk.only_consumer(x) if x != end else op
    if x != end:
        if op.name != "RESHAPE" or op.outputs[0] != end:
            raise Mismatch(f"operator {op.index} {op.name} where pooling was expected")
        walk.claim(op)
    values = channels * (height * width if kind == "flatten" else 1)
    if walk.shape(end)[1:] != (values,):
        raise Mismatch(f"{walk.graph.tensors[end]} is no vector of {values} features")
    return kind, values
