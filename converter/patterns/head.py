"""The operators that read the maps: detector heads, landmark outputs, the pooling before them."""

from dataclasses import dataclass

from blazepalm.converter.heads import head_operators
from blazepalm.converter.patterns.walk import SPATIAL, Mismatch, Walk, conv_layer
from blazepalm.converter.tflite.graph import Operator
from blazepalm.converter.tflite.options import AxisOptions
from blazepalm.models.spec import ConvSpec


def detector_head(walk: Walk, output: int) -> tuple[Operator, ...]:
    """The convolutions behind a detector output, in the order of its anchors."""
    found = head_operators(walk.graph, output)
    if found.stopped:
        raise Mismatch(found.stopped)
    for op in found.passed:
        if op.name not in ("CONCATENATION", "RESHAPE"):
            raise Mismatch(f"operator {op.index} {op.name} follows a head")
        if isinstance(op.options, AxisOptions) and op.options.activation != "NONE":
            raise Mismatch(f"operator {op.index} CONCATENATION ends in an activation")
        walk.claim(op)
    for op in found.convolutions:
        if op.name != "CONV_2D":
            raise Mismatch(f"operator {op.index} {op.name} where a head's CONV_2D was expected")
    return found.convolutions


@dataclass(frozen=True)
class OutputChain:
    """One landmark output: its layer, and the map or vector that all outputs read."""

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
            raise Mismatch(f"{walk.graph.tensors[output]} does not come from a layer")
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
        raise Mismatch(f"operator {op.index} CONV_2D gives a map, not a vector")
    return OutputChain(op, op.inputs[0], shape[1], sigmoid)


def feature_layers(walk: Walk, x: int, end: int) -> tuple[tuple[ConvSpec, ...], int]:
    """Consecutive plain convolutions between the last block and the pooling or heads."""
    layers: list[ConvSpec] = []
    while x != end:
        op = walk.sole(x)
        if op is None or op.name not in (*SPATIAL, "PAD"):
            break
        spec, x = conv_layer(walk, op, f"features.layer{len(layers)}")
        layers.append(spec)
    return tuple(layers), x


def pooling(walk: Walk, x: int, chains: list[OutputChain]) -> tuple[str, int]:
    """How the map `x` becomes the heads' input: (`mean`, `flatten` or `none`, values)."""
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
        if (
            axes is None
            or axes.dtype.kind not in "iu"
            or sorted(int(a) % 4 for a in axes.reshape(-1)) != [1, 2]
        ):
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
        raise Mismatch(f"{walk.graph.tensors[end]} is not a vector of {values} features")
    return kind, values
