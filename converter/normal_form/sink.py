"""f(TRANSPOSE(x)) → TRANSPOSE(f(x)): moves transposes past operators that any order of axes suits.

All computed operands must be transposed alike; constants, paddings and axes are reordered to match
x. Exact: the same arithmetic on the same values.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from blazepalm.converter.normal_form.change import Change, Fresh
from blazepalm.converter.normal_form.matching import integers, is_constant, shape
from blazepalm.converter.normal_form.transpose import order_of
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import AxisOptions, ReducerOptions

Order = tuple[int, ...]  # axis i of the transposed value is axis order[i] of x

# elementwise, operands broadcast against each other
ELEMENTWISE = (
    *("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "ELU", "HARD_SWISH", "TANH", "LOGISTIC"),
    *("ABS", "NEG", "EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "CAST"),
    *("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW", "PRELU"),
    *("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "SELECT", "SELECT_V2"),
)


def sink(graph: Graph, op: Operator) -> Change | None:
    rule = RULES.get(op.name)
    if rule is None or len(op.outputs) != 1:
        return None
    order = _common_order(graph, op)
    return None if order is None else rule(graph, op, order)


def _common_order(graph: Graph, op: Operator) -> Order | None:
    """The one order in which all computed operands of the result's rank are transposed."""
    orders = set()
    for index in op.inputs:
        if index < 0 or graph.tensors[index].is_constant:
            continue
        orders.add(order_of(graph, graph.producer(index)))
    order = orders.pop() if len(orders) == 1 else None
    return order if order is not None and order != tuple(range(len(order))) else None


def _before(graph: Graph, index: int) -> int:
    """The x of TRANSPOSE(x)."""
    producer = graph.producer(index)
    assert producer is not None
    return producer.inputs[0]


def _behind(
    graph: Graph, op: Operator, fresh: Fresh, inputs: tuple[int, ...], order: Order, options: object
) -> Change | None:
    """`op` on `inputs`, its result in the order of x, then a TRANSPOSE back."""
    result = graph.tensors[op.outputs[0]]
    if len(result.shape) != len(order):
        return None
    back = inverse(order)
    value = fresh.tensor(result, tuple(result.shape[axis] for axis in back))
    first = replace(op, inputs=inputs, outputs=(value,), options=options)  # type: ignore[arg-type]
    constant = fresh.integers(result, order, "transpose sunk")
    transpose = fresh.operator("TRANSPOSE", (value, constant), result.index)
    return Change((first, transpose), tuple(fresh.tensors))


def inverse(order: Order) -> Order:
    return tuple(int(i) for i in np.argsort(order))


def _elementwise(graph: Graph, op: Operator, order: Order) -> Change | None:
    if len(shape(graph, op.outputs[0])) != len(order):
        return None
    fresh = Fresh(graph)
    inputs = []
    for index in op.inputs:
        if not is_constant(graph, index):
            if index < 0 or graph.tensors[index].is_constant:
                return None
            inputs.append(_before(graph, index))
            continue
        constant = graph.tensors[index]
        assert constant.data is not None
        if constant.data.size == 1:
            inputs.append(index)
            continue
        if constant.data.ndim > len(order):
            return None
        missing = (1,) * (len(order) - constant.data.ndim)
        whole = constant.data.reshape(*missing, *constant.data.shape)
        turned = whole.transpose(inverse(order))
        step = f"TRANSPOSE {' '.join(map(str, inverse(order)))}"
        inputs.append(fresh.constant(constant, turned, step))
    return _behind(graph, op, fresh, tuple(inputs), order, op.options)


def _pad(graph: Graph, op: Operator, order: Order) -> Change | None:
    paddings = integers(graph, op.inputs[1])
    if paddings is None or len(paddings) != 2 * len(order):
        return None
    rows = [paddings[2 * i : 2 * i + 2] for i in inverse(order)]
    fresh = Fresh(graph)
    turned = fresh.integers(graph.tensors[op.inputs[1]], rows, "transpose sunk")
    inputs = (_before(graph, op.inputs[0]), turned, *op.inputs[2:])
    return _behind(graph, op, fresh, inputs, order, op.options)


def _concatenation(graph: Graph, op: Operator, order: Order) -> Change | None:
    if not isinstance(op.options, AxisOptions):
        return None
    if any(i < 0 or graph.tensors[i].is_constant for i in op.inputs):
        return None
    axis = op.options.axis
    if not -len(order) <= axis < len(order):
        return None
    options = replace(op.options, axis=order[axis])
    inputs = tuple(_before(graph, i) for i in op.inputs)
    return _behind(graph, op, Fresh(graph), inputs, order, options)


def _reduction(graph: Graph, op: Operator, order: Order) -> Change | None:
    axes = integers(graph, op.inputs[1])
    if axes is None or any(not -len(order) <= a < len(order) for a in axes):
        return None
    fresh = Fresh(graph)
    moved = sorted({order[a] for a in axes})
    constant = fresh.integers(graph.tensors[op.inputs[1]], moved, "transpose sunk")
    inputs = (_before(graph, op.inputs[0]), constant)
    if isinstance(op.options, ReducerOptions) and op.options.keep_dims:
        return _behind(graph, op, fresh, inputs, order, op.options)
    left = [axis for axis in order if axis not in moved]  # of x, in the result's order
    ranks: Order = tuple(sorted(left).index(axis) for axis in left)
    if ranks != tuple(range(len(ranks))):
        return _behind(graph, op, fresh, inputs, ranks, op.options)
    return Change((replace(op, inputs=inputs),), tuple(fresh.tensors))


RULES: dict[str, Callable[[Graph, Operator, Order], Change | None]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), _reduction),
    "CONCATENATION": _concatenation,
}
