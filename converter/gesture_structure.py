"""A graph of dense layers → the spec of a gesture network: MediaPipe's embedder of landmarks, or a
classifier of its embeddings (MediaPipe's own, or one that Model Maker trained).

The match follows the graph from its output to its input. A graph is recognised only if every
operator that the output needs is assigned; names, hashes and sizes play no part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blazepalm.converter.patterns.walk import Mismatch
from blazepalm.converter.tflite.graph import Graph, Operator, Tensor
from blazepalm.models.gesture_spec import (
    DenseSpec,
    GestureClassifierSpec,
    GestureEmbedderSpec,
    GestureSpec,
    check_gesture_spec,
    gesture_family,
)

ACTIVATIONS = {"RELU": "relu", "RELU6": "relu6"}
FUSED = {"NONE": "none", **ACTIVATIONS}
WRAPS_ONE_VALUE = ("RESHAPE", "STRIDED_SLICE", "EXPAND_DIMS")


@dataclass(frozen=True)
class GestureRecognition:
    """A recognised gesture network. `modules` maps each operator with weights to the path of its
    readable module; `input` is the position, among the file's inputs, of the one that is read.
    """

    spec: GestureSpec
    modules: Mapping[int, str]
    input: int
    outputs: tuple[str, ...]

    @property
    def family(self) -> str:
        return gesture_family(self.spec)


def recognise_gestures(graph: Graph) -> tuple[GestureRecognition | None, str]:
    """The network that a graph computes, or None and how far each match got."""
    reasons = []
    for what, attempt in (("embedder", _embedder), ("classifier", _classifier)):
        try:
            found = attempt(_Match(graph))
            check_gesture_spec(found.spec)
            return found, ""
        except Mismatch as mismatch:
            reasons.append(f"not a gesture {what}: {mismatch}")
        except (IndexError, ValueError) as error:  # damaged file, or an invalid spec
            reasons.append(f"not a gesture {what}: {error}")
    return None, "; ".join(reasons)


@dataclass
class _Match:
    """A graph, and which module each operator with weights has been assigned to."""

    graph: Graph
    modules: dict[int, str] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    def tensor(self, op: Operator, slot: int) -> Tensor:
        return self.graph.tensors[op.inputs[slot]]

    def made(self, tensor: int, *names: str, again: bool = False) -> Operator:
        """The operator that computes `tensor`, without an activation unless `again` is set."""
        op = self.graph.producer(tensor)
        if op is None or op.name not in names:
            found = "an input or a constant" if op is None else op.name
            raise Mismatch(f"{self.graph.tensors[tensor]} comes from {found}, not {names[0]}")
        if not again and FUSED.get(getattr(op.options, "activation", "NONE")) != "none":
            raise Mismatch(f"operator {op.index} {op.name} has an activation")
        self.used.add(op.index)
        return op

    def active(self, tensor: int) -> tuple[int, str, Operator | None]:
        """`tensor` without its activation: the tensor before it if that is an operator of its own;
        the activation's name; the operator that it is fused into, else None.
        """
        op = self.graph.producer(tensor)
        if op is None:
            raise Mismatch(f"{self.graph.tensors[tensor]} is an input or a constant")
        if op.name in ACTIVATIONS:
            self.used.add(op.index)
            return op.inputs[0], ACTIVATIONS[op.name], None
        fused = str(getattr(op.options, "activation", "NONE"))
        if fused not in FUSED:
            raise Mismatch(f"operator {op.index} {op.name} has activation {fused}")
        return tensor, FUSED[fused], op

    def linear(self, tensor: int, path: str, *, fused: bool = False) -> Operator:
        """A FULLY_CONNECTED with constant weights and bias."""
        op = self.made(tensor, "FULLY_CONNECTED", again=fused)
        if len(op.inputs) != 3 or min(op.inputs) < 0:
            raise Mismatch(f"operator {op.index} {op.name} has no bias")
        weight, bias = self.tensor(op, 1), self.tensor(op, 2)
        if not weight.is_constant or not bias.is_constant or len(weight.shape) != 2:
            raise Mismatch(f"operator {op.index} {op.name} computes its weights")
        if len(self.tensor(op, 0).shape) != 2:
            raise Mismatch(f"operator {op.index} {op.name} reads a value of another rank")
        self.modules[op.index] = path
        return op

    def with_constant(self, tensor: int, name: str, path: str, *, fused: bool = False) -> int:
        """The other operand of an ADD or MUL with a vector of constants."""
        op = self.made(tensor, name, again=fused)
        values = [t for t in op.inputs if not self.graph.tensors[t].is_constant]
        shapes = [self.graph.tensors[t].shape for t in op.inputs if t not in values]
        if len(values) != 1 or shapes != [self.graph.tensors[tensor].shape[1:]]:
            raise Mismatch(f"operator {op.index} {op.name} has no constant for each number")
        self.modules[op.index] = path
        return values[0]

    def scale(self, tensor: int, path: str, *, fused: bool = False) -> int:
        product = self.with_constant(tensor, "ADD", f"{path}.summand", fused=fused)
        return self.with_constant(product, "MUL", f"{path}.factor")

    def relu_of_scale(self, tensor: int, path: str) -> int:
        before, activation, op = self.active(tensor)
        if activation != "relu":
            raise Mismatch(f"{self.graph.tensors[tensor]} comes from no RELU")
        return self.scale(before, path, fused=op is not None)

    def branches(self, joined: Operator) -> tuple[int, int]:
        """The operands of a residual ADD: the shortcut, and the one from a linear layer that reads
        an activation.
        """
        for shortcut, other in (joined.inputs, joined.inputs[::-1]):
            op = self.graph.producer(other)
            if op is None or op.name != "FULLY_CONNECTED":
                continue
            read = self.graph.producer(op.inputs[0])
            if read is not None and self.active(op.inputs[0])[1] == "relu":
                return shortcut, other
        raise Mismatch(f"operator {joined.index} ADD joins no residual branch")

    def whole(self, found: int) -> int:
        """The position of input `found`; raises Mismatch unless it is an input and every operator
        that the output needs has been assigned.
        """
        if found not in self.graph.inputs:
            raise Mismatch(f"{self.graph.tensors[found]} is no input")
        left = [op for op in self.graph.needed() if op.index not in self.used]
        if left:
            raise Mismatch(f"operator {left[0].index} {left[0].name} has no place in it")
        return self.graph.inputs.index(found)


def _only_output(graph: Graph) -> int:
    if len(graph.outputs) != 1:
        raise Mismatch(f"{len(graph.outputs)} outputs, expected one")
    return graph.outputs[0]


def _classifier(match: _Match) -> GestureRecognition:
    graph = match.graph
    softmax = match.made(_only_output(graph), "SOFTMAX")
    if getattr(softmax.options, "beta", 1.0) != 1.0:
        raise Mismatch(f"operator {softmax.index} SOFTMAX has a beta of its own")
    found: list[tuple[DenseSpec, list[tuple[int, str]]]] = []
    x = softmax.inputs[0]
    while x not in graph.inputs:
        out, activation, op = match.active(x)
        values = graph.tensors[out].shape[-1]
        before = dict(match.modules)
        made = op or graph.producer(out)
        if made is not None and made.name == "ADD":
            x, kind = match.scale(out, "layer", fused=op is not None), "scale"
        else:
            x = match.linear(out, "layer", fused=op is not None).inputs[0]
            kind = "linear"
        own = [(i, path) for i, path in match.modules.items() if i not in before]
        found.append((DenseSpec(kind, values, activation), own))
    found.reverse()
    for number, (_, own) in enumerate(found):
        for index, path in own:
            match.modules[index] = f"layers.layer{number}.{path}"
    shape = graph.tensors[x].shape
    if len(shape) != 2:
        raise Mismatch(f"the input {graph.tensors[x]} is no vector")
    labels = graph.labels if len(graph.labels) == found[-1][0].values else ()
    spec = GestureClassifierSpec(shape[1], tuple(layer for layer, _ in found), labels)
    return GestureRecognition(spec, match.modules, match.whole(x), ("probabilities",))


def _embedder(match: _Match) -> GestureRecognition:
    graph = match.graph
    out, activation, op = match.active(_only_output(graph))
    if activation != "relu":
        raise Mismatch("the output comes from no RELU")
    head = match.linear(out, "head", fused=op is not None)
    x = match.relu_of_scale(head.inputs[0], "scale")
    blocks: list[dict[int, str]] = []
    while True:
        joined = match.made(x, "ADD")
        own = set(match.modules)
        shortcut, branch = match.branches(joined)
        layer = match.linear(branch, "layer")
        before, _, fused = match.active(layer.inputs[0])
        last = graph.producer(before)
        if last is not None and last.name == "FULLY_CONNECTED":
            break
        if match.relu_of_scale(layer.inputs[0], "scale") != shortcut:
            raise Mismatch(f"operator {joined.index} ADD does not add what the block reads")
        blocks.append({i: path for i, path in match.modules.items() if i not in own})
        x = shortcut
    match.modules[layer.index] = "first.outer"
    inner = match.linear(before, "first.inner", fused=fused is not None)
    start = match.linear(shortcut, "first.shortcut").inputs[0]
    if inner.inputs[0] != start:
        raise Mismatch(f"operator {joined.index} ADD joins different values")
    for number, block in enumerate(reversed(blocks)):
        for index, path in block.items():
            match.modules[index] = f"blocks.block{number}.{path}"
    landmarks, origin = _normalised(match, start)
    spec = GestureEmbedderSpec(
        landmarks=graph.tensors[landmarks].shape[1],
        origin=origin,
        hidden=graph.tensors[inner.outputs[0]].shape[1],
        width=graph.tensors[x].shape[1],
        blocks=len(blocks),
        embedding=graph.tensors[out].shape[1],
    )
    return GestureRecognition(spec, match.modules, match.whole(landmarks), ("embedding",))


def _normalised(match: _Match, tensor: int) -> tuple[int, tuple[int, ...]]:
    """Landmarks about the mean of some of them, divided by their extent: the tensor of the
    landmarks, and which they are.
    """
    graph = match.graph
    divided = match.made(match.made(tensor, "RESHAPE").inputs[0], "DIV")
    centred = match.made(divided.inputs[0], "SUB")
    landmarks = centred.inputs[0]
    shape = graph.tensors[landmarks].shape
    if len(shape) != 3 or shape[2] != 3:
        raise Mismatch(f"{graph.tensors[landmarks]} is no list of points")
    mean = match.made(centred.inputs[1], "MEAN")
    gathered = match.made(mean.inputs[0], "GATHER")
    if _axes(match, mean) != {1} or not getattr(mean.options, "keep_dims", False):
        raise Mismatch(f"operator {mean.index} MEAN is not over the landmarks")
    axis = int(getattr(gathered.options, "axis", 0)) % 3
    indices = match.tensor(gathered, 1).data
    if gathered.inputs[0] != landmarks or axis != 1 or indices is None or indices.ndim != 1:
        raise Mismatch(f"operator {gathered.index} GATHER does not choose landmarks")
    added = match.made(divided.inputs[1], "ADD")
    if match.tensor(added, 1).shape != () or not match.tensor(added, 1).is_constant:
        raise Mismatch(f"operator {added.index} ADD does not add one constant")
    match.modules[added.index] = "normalise.epsilon"
    x = added.inputs[0]
    while (op := graph.producer(x)) is not None and op.name in WRAPS_ONE_VALUE:
        if max(graph.tensors[x].shape, default=1) != 1:
            raise Mismatch(f"operator {op.index} {op.name} is not of one value a hand")
        match.used.add(op.index)
        x = op.inputs[0]
    larger = match.made(x, "MAXIMUM")
    sides = {_side(match, side, divided.inputs[0]) for side in larger.inputs}
    if sides != {0, 1}:
        raise Mismatch(f"operator {larger.index} MAXIMUM is not of width and height")
    return landmarks, tuple(int(index) for index in indices)


def _side(match: _Match, tensor: int, points: int) -> int:
    """Which of x (0), y and z an extent is of."""
    extent = match.made(tensor, "SUB")
    high = match.made(extent.inputs[0], "REDUCE_MAX")
    low = match.made(extent.inputs[1], "REDUCE_MIN")
    split = match.made(high.inputs[0], "UNPACK")
    whole = all(_axes(match, op) == {1} for op in (high, low))
    if high.inputs[0] != low.inputs[0] or split.inputs[0] != points or not whole:
        raise Mismatch(f"operator {extent.index} SUB is no extent of the landmarks")
    if int(getattr(split.options, "axis", 0)) % 3 != 2:
        raise Mismatch(f"operator {split.index} UNPACK does not split x, y, z")
    return split.outputs.index(high.inputs[0])


def _axes(match: _Match, op: Operator) -> set[int]:
    data: Any = match.tensor(op, 1).data
    rank = len(match.tensor(op, 0).shape)
    return set() if data is None else {int(axis) % rank for axis in data.reshape(-1)}
