"""PRELU, as exporters take it apart: x where it is positive, slope · x where it is not.

    max(x, a·x)                          a ≤ 1, also below 0
    relu(x) + n,  relu(x) − n            n a multiple of x's negative part:
                                         c·min(x, 0), −c·relu(−x), c·(x − |x|), c·(x − relu(x))
    select(x > 0, x, a·x)

Exact: one of the two addends is zero, and the slope is only multiplied by x and by 1, −1 or ±2,
which rounds nothing. (A zero may change its sign.)
"""

from dataclasses import dataclass, replace

import numpy as np

from blazepalm.converter.normal_form.change import Change, Fresh, builtin
from blazepalm.converter.normal_form.matching import (
    is_constant,
    is_plain,
    made_by,
    number,
    shape,
    sides,
)
from blazepalm.converter.tflite.graph import Graph, Operator

# comparison → (operand that is x, the slot where the select returns x itself)
POSITIVE = {"GREATER": 0, "GREATER_EQUAL": 0, "LESS": 1, "LESS_EQUAL": 1}


@dataclass(frozen=True)
class Part:
    """`factor` · `slope` · min(x, 0), or without the slope if that is None. `scalar` is a constant
    that the factor includes; it is the slope if no other follows.
    """

    x: int
    factor: float
    slope: int | None = None
    scalar: int | None = None


def prelu(graph: Graph, op: Operator) -> Change | None:
    found: Part | None = None
    if op.name == "MAXIMUM" and len(op.inputs) == 2:
        found = _maximum(graph, op)
    elif op.name in ("ADD", "SUB") and is_plain(op):
        found = _sum(graph, op)
    elif op.name in ("SELECT", "SELECT_V2") and len(op.inputs) == 3:
        found = _select(graph, op)
    if found is not None and found.slope is None and found.scalar is not None:
        scale = number(graph, found.scalar)
        assert scale is not None
        found = Part(found.x, found.factor / scale, found.scalar)
    if found is None or found.slope is None:
        return None
    fresh = Fresh(graph)
    slope = _per_channel(graph, fresh, found, op)
    if slope is None:
        return None
    made = builtin(op.index, "PRELU", (found.x, slope), op.outputs[0])
    return Change((made,), tuple(fresh.tensors))


def scaled_maximum(graph: Graph, op: Operator) -> Change | None:
    """max(x, a·x) with a slope above 1 is not a PRELU: it keeps its two operators, and its slopes
    are brought to one shape: 1, 1, 1, C.
    """
    if op.name != "MAXIMUM" or len(op.inputs) != 2 or len(shape(graph, op.outputs[0])) != 4:
        return None
    for x, other in sides(op):
        part, product = _scaled(graph, other, x), graph.producer(other)
        if part is None or product is None or len(graph.consumers(other)) != 1:
            continue
        fresh = Fresh(graph)
        slope = _per_channel(graph, fresh, Part(x, 1.0, part), op)
        if slope is None or len(graph.tensors[part].shape) == 4:
            continue
        data = (fresh.tensors[-1] if fresh.tensors else graph.tensors[slope]).data
        assert data is not None
        four = fresh.constant(graph.tensors[part], data.reshape(1, 1, 1, -1), "RESHAPE")
        scaled = fresh.tensor(graph.tensors[op.outputs[0]], shape(graph, op.outputs[0]))
        first = replace(product, inputs=(x, four), outputs=(scaled,))
        return Change((first, replace(op, inputs=(x, scaled))), tuple(fresh.tensors))
    return None


def _per_channel(graph: Graph, fresh: Fresh, found: Part, op: Operator) -> int | None:
    """The slopes of `found`, one per channel of its x; None if they have another shape."""
    x, result = graph.tensors[found.x], graph.tensors[op.outputs[0]]
    assert found.slope is not None
    slope = graph.tensors[found.slope]
    if x.shape != result.shape or x.is_constant or len(x.shape) < 2 or slope.data is None:
        return None
    channels = x.shape[-1]
    per_channel = slope.shape[-1:] == (channels,) and set(slope.shape[:-1]) <= {1}
    if slope.data.size != 1 and not per_channel:
        return None
    index, data = slope.index, slope.data
    if found.factor != 1.0:
        data = data * np.float32(found.factor)
        index = fresh.constant(slope, data, f"× {found.factor:g}")
    if not per_channel:
        like = fresh.tensors[-1] if fresh.tensors else slope
        every = np.full((channels,), data.reshape(-1)[0], np.float32)
        index = fresh.constant(like, every, f"one for {channels} channels")
    return index


def _maximum(graph: Graph, op: Operator) -> Part | None:
    for x, other in sides(op):
        part = _scaled(graph, other, x)
        if part is not None:
            data = graph.tensors[part].data
            if data is not None and bool(np.all(data <= 1)):
                return Part(x, 1.0, part)
    return None


def _select(graph: Graph, op: Operator) -> Part | None:
    condition, when, otherwise = op.inputs
    compared = graph.producer(condition)
    if compared is None or compared.name not in POSITIVE or len(compared.inputs) != 2:
        return None
    place = POSITIVE[compared.name]
    x, zero = compared.inputs[place], compared.inputs[1 - place]
    if number(graph, zero) != 0.0:  # 0 > x, 0 < x …: the other way round
        x, zero, when, otherwise = zero, x, otherwise, when
        if number(graph, zero) != 0.0:
            return None
    slope = _scaled(graph, otherwise, x) if when == x else None
    return None if slope is None else Part(x, 1.0, slope)


def _scaled(graph: Graph, product: int, x: int) -> int | None:
    """The constant of the product constant · x."""
    op = made_by(graph, product, "MUL")
    for value, constant in sides(op) if op is not None else ():
        if value == x and is_constant(graph, constant):
            return constant
    return None


def _sum(graph: Graph, op: Operator) -> Part | None:
    for positive, negative in sides(op) if op.name == "ADD" else (op.inputs,):
        rectified = made_by(graph, positive, "RELU")
        part = None if rectified is None else _negative_part(graph, negative)
        if rectified is None or part is None or part.x != rectified.inputs[0]:
            continue
        sign = 1.0 if op.name == "ADD" else -1.0
        return replace(part, factor=sign * part.factor)
    return None


def _negative_part(graph: Graph, tensor: int, depth: int = 4) -> Part | None:
    """`tensor` as a multiple of some min(x, 0), if it is one."""
    op = graph.producer(tensor)
    if op is None or depth == 0 or not (op.options is None or is_plain(op)):
        return None
    if op.name == "MINIMUM":
        x = next((x for x, zero in sides(op) if number(graph, zero) == 0.0), None)
        return None if x is None else Part(x, 1.0)
    if op.name == "RELU":
        x = negated(graph, op.inputs[0])
        return None if x is None else Part(x, -1.0)
    if op.name == "SUB":
        return _difference(graph, *op.inputs)
    if (inside := negated(graph, tensor)) is not None:
        part = _negative_part(graph, inside, depth - 1)
        return None if part is None else replace(part, factor=-part.factor)
    if op.name == "MUL":
        return _product(graph, op, depth)
    return None


def _product(graph: Graph, op: Operator, depth: int) -> Part | None:
    for value, constant in sides(op):
        part = _negative_part(graph, value, depth - 1) if is_constant(graph, constant) else None
        if part is None:
            continue
        scale = number(graph, constant)
        if scale is not None and abs(scale) in (0.5, 1.0, 2.0):
            scalar = constant if part.scalar is None else part.scalar
            return replace(part, factor=part.factor * scale, scalar=scalar)
        if part.slope is None:
            return replace(part, slope=constant)
    return None


def _difference(graph: Graph, a: int, b: int) -> Part | None:
    """x − |x|, x − relu(x), and their negatives."""
    for x, other, sign in ((a, b, 1.0), (b, a, -1.0)):
        op = made_by(graph, other, "ABS", "RELU")
        if op is not None and op.inputs[0] == x:
            return Part(x, sign * (2.0 if op.name == "ABS" else 1.0))
    return None


def negated(graph: Graph, tensor: int) -> int | None:
    """The x of −x: NEG, x · −1, 0 − x."""
    op = made_by(graph, tensor, "NEG", "MUL", "SUB")
    if op is None:
        return None
    if op.name == "NEG":
        return op.inputs[0]
    if op.name == "SUB":
        return op.inputs[1] if number(graph, op.inputs[0]) == 0.0 else None
    return next((x for x, c in sides(op) if number(graph, c) == -1.0), None)
