"""The walk through a graph, and the starting point of every pattern: a convolution with its padding
and its activation.
"""

from dataclasses import replace

import numpy as np

from blazepalm.converter.same_padding import kernel_window
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import Conv2DOptions, FullyConnectedOptions
from blazepalm.models.spec import ConvSpec

ACTIVATION_OPERATORS = {"RELU": "relu", "RELU6": "relu6", "PRELU": "prelu"}
FUSED_ACTIVATIONS = {"NONE": "none", "RELU": "relu", "RELU6": "relu6"}
SPATIAL = ("CONV_2D", "DEPTHWISE_CONV_2D")
# the ranks of an operator's required operands, None for any
RANKS: dict[str, tuple[int | None, ...]] = {
    "CONV_2D": (4, 4),
    "DEPTHWISE_CONV_2D": (4, 4),
    "TRANSPOSE_CONV": (None, 4, 4),
    "Convolution2DTransposeBias": (4, 4, None),
    "MAX_POOL_2D": (4,),
    "RESIZE_BILINEAR": (4,),
    "FULLY_CONNECTED": (None, 2),
    "MEAN": (None, None),
    "RESHAPE": (None,),
    "LOGISTIC": (None,),
    "CONCATENATION": (None,),
    "ADD": (None, None),
    "PAD": (None, None),
    "RELU": (None,),
    "RELU6": (None,),
    "PRELU": (None, None),
}
KEEP_RANK = ("ADD", "PAD", "RELU", "RELU6", "PRELU", *SPATIAL, "MAX_POOL_2D", "RESIZE_BILINEAR")


class Mismatch(Exception):
    """The graph is not of the family; the message says where it differs."""


class Walk:
    """A graph under examination: `modules` maps operators with weights to module paths."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.modules: dict[int, str] = {}
        self.claimed: set[int] = set()
        for op in graph.operators:
            self._check_operands(op)

    def _check_operands(self, op: Operator) -> None:
        """Raises Mismatch if `op` cannot even be matched: an operand is missing, empty, or of
        another rank.
        """
        ranks = RANKS.get(op.name, ())
        tensors = op.inputs[: len(ranks)]
        if len(tensors) < len(ranks) or not op.outputs or min(tensors, default=0) < 0:
            raise Mismatch(f"operator {op.index} {op.name} lacks an operand")
        shapes = [self.shape(tensor) for tensor in (*tensors, op.outputs[0])]
        expected = (*ranks, max(map(len, shapes[:-1])) if op.name in KEEP_RANK else None)
        for shape, rank in zip(shapes, expected, strict=True):
            if rank not in (None, len(shape)) or 0 in shape:
                raise Mismatch(f"operator {op.index} {op.name} has a value of shape {list(shape)}")

    def claim(self, *operators: Operator) -> None:
        for op in operators:
            if op.index in self.claimed:
                raise Mismatch(f"operator {op.index} {op.name} would be used twice")
            self.claimed.add(op.index)

    def finish(self) -> None:
        """Raises Mismatch if operators are left over."""
        left = [op for op in self.graph.operators if op.index not in self.claimed]
        if left:
            raise Mismatch(f"operator {left[0].index} {left[0].name} is left over")

    def only_consumer(self, tensor: int) -> Operator:
        consumer = self.sole(tensor)
        if consumer is None:
            raise Mismatch(f"{self.graph.tensors[tensor]} is not read exactly once")
        return consumer

    def sole(self, tensor: int) -> Operator | None:
        """The one operator that reads a tensor; None if it is an output or others read it."""
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
        bias = len(op.inputs) == 3 and op.inputs[2] >= 0
        if options is None or options.activation != "NONE" or not bias:
            raise Mismatch(f"operator {op.index} is not a plain linear layer with a bias")
        self.claim(op)
        self.modules[op.index] = path


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
        rows = kernel_window(size[0], kernel[0], options.stride_h, "SAME")
        columns = kernel_window(size[1], kernel[1], options.stride_w, "SAME")
        padding = (rows.front, rows.back, columns.front, columns.back)
    else:
        producer = walk.graph.producer(op.inputs[0])
        margins = None if producer is None else spatial_pad(walk, producer)
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


def paddings_of(walk: Walk, op: Operator) -> list[list[int]] | None:
    if op.name != "PAD":
        return None
    data = walk.graph.tensors[op.inputs[1]].data
    return None if data is None or not _are_pairs(data) else data.tolist()


def _are_pairs(data: np.ndarray) -> bool:
    return data.shape == (4, 2) and data.dtype.kind in "iu" and bool((data >= 0).all())


def spatial_pad(walk: Walk, op: Operator) -> tuple[int, int, int, int] | None:
    paddings = paddings_of(walk, op)
    if paddings is None or paddings[0] != [0, 0] or paddings[3] != [0, 0]:
        return None
    return (*paddings[1], *paddings[2])  # type: ignore[return-value]


def activation_after(walk: Walk, tensor: int) -> tuple[str, int, Operator | None]:
    """The activation that is the only reader of a tensor, its result, and the operator that holds
    its weights (or is it).
    """
    op = walk.sole(tensor)
    if op is None or op.name not in ACTIVATION_OPERATORS:
        return _scaled_maximum(walk, tensor) or ("none", tensor, None)
    if op.name == "PRELU":
        slopes = walk.shape(op.inputs[1])
        if any(d != 1 for d in slopes[:-1]) or slopes[-1:] != walk.shape(tensor)[-1:]:
            raise Mismatch(f"operator {op.index} PRELU has a slope for each pixel")
    return ACTIVATION_OPERATORS[op.name], op.outputs[0], op


def _scaled_maximum(walk: Walk, tensor: int) -> tuple[str, int, Operator | None] | None:
    """max(x, a·x), which some exporters write for PRELU, although it differs if a is above 1."""
    readers = walk.graph.consumers(tensor)
    names = [op.name for op in readers]
    if tensor in walk.graph.outputs or names != ["MUL", "MAXIMUM"]:
        return None
    product, largest = readers
    slopes = walk.shape(product.inputs[1])
    if (
        product.inputs[0] != tensor
        or slopes != (1, 1, 1, walk.shape(tensor)[-1])
        or not walk.graph.tensors[product.inputs[1]].is_constant
        or walk.sole(product.outputs[0]) is not largest
        or set(largest.inputs) != {tensor, product.outputs[0]}
    ):
        return None
    walk.claim(largest)
    return "maximum", largest.outputs[0], product


def conv_layer(walk: Walk, op: Operator, path: str) -> tuple[ConvSpec, int]:
    """A convolution (with the PAD before it) and its activation: module `ConvLayer`."""
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
