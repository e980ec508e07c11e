"""The change that a rewrite asks for, and how to apply it to a frozen graph.

A rule looks at one operator, its root, and returns operators that compute the same in its place.
Operators that nothing reads after that are removed too: this is how the four operators of a
decomposed PRELU become one. Operators that were unused before are left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from blazepalm.converter.tflite.graph import Graph, Operator, Rewrite, Tensor


@dataclass(frozen=True)
class Change:
    """`operators` replace the root. `tensors` are new (numbered from `len(graph.tensors)` on) or
    replace those with the same index. If `same` is a tensor, it replaces the root's only result.
    `inputs` replace the graph's.
    """

    operators: tuple[Operator, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    same: int | None = None
    inputs: tuple[int, ...] | None = None


Rule = Callable[[Graph, Operator], Change | None]


@dataclass
class Fresh:
    """Numbers for the new tensors and operators of a change to `graph`."""

    graph: Graph
    tensors: list[Tensor] = field(default_factory=list)
    operators: int = 0

    def tensor(self, like: Tensor, shape: tuple[int, ...]) -> int:
        """A new run-time value named after `like`."""
        return self._add(replace(like, index=self._next(), shape=shape, quantisation=None))

    def constant(self, like: Tensor, data: np.ndarray, step: str) -> int:
        """The constant that `step` makes of the constant `like`; extends its provenance."""
        assert like.provenance is not None
        data = np.ascontiguousarray(data)
        data.setflags(write=False)
        origin = replace(like.provenance, folded=(*like.provenance.folded, step))
        return self._add(
            replace(like, index=self._next(), shape=data.shape, data=data, provenance=origin)
        )

    def integers(self, like: Tensor, values: object, step: str) -> int:
        """A constant of sizes, axes or paddings made by `step`; named after `like`."""
        from blazepalm.converter.tflite.graph import Provenance

        data = np.array(values, np.int32)
        data.setflags(write=False)
        index = self._next()
        origin = Provenance(index, like.name, "int32", data.shape, 0, 0, "", folded=(step,))
        return self._add(
            Tensor(index, like.name, data.shape, "int32", data=data, provenance=origin)
        )

    def operator(
        self, name: str, inputs: tuple[int, ...], output: int, options: object = None
    ) -> Operator:
        """A builtin operator numbered after all others."""
        highest = max(op.index for op in self.graph.operators)
        index = max(highest, self.graph.stored_operators - 1) + 1 + self.operators
        self.operators += 1
        return builtin(index, name, inputs, output, options)

    def _next(self) -> int:
        return len(self.graph.tensors) + len(self.tensors)

    def _add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return tensor.index


# BuiltinOperator of the schema, for the operators that rewrites create
BUILTINS = {
    "DEPTHWISE_CONV_2D": 4,
    "FULLY_CONNECTED": 9,
    "LOGISTIC": 14,
    "RELU": 19,
    "RELU6": 21,
    "RESHAPE": 22,
    "PAD": 34,
    "TRANSPOSE": 39,
    "MEAN": 40,
    "PRELU": 54,
}


def builtin(
    index: int, name: str, inputs: tuple[int, ...], output: int, options: object = None
) -> Operator:
    """An operator of the schema with the number `index`."""
    return Operator(index, name, BUILTINS[name], 1, inputs, (output,), options)  # type: ignore[arg-type]


def apply(graph: Graph, name: str, root: Operator, change: Change) -> Graph | None:
    """The graph after `change`; None if the change is impossible: the root's result and its
    replacement are both outputs of the graph, or one is its input.
    """
    tensors = list(graph.tensors)
    for tensor in change.tensors:
        if tensor.index < len(tensors):
            tensors[tensor.index] = tensor
        else:
            tensors.append(tensor)
    operators = list(graph.operators)
    position = operators.index(root)
    operators[position : position + 1] = change.operators
    if change.same is not None:
        renamed = _rename(graph, root.outputs[0], change.same)
        if renamed is None:
            return None
        operators = [_renamed(op, *renamed) for op in operators]
    touched = {root.index}
    inputs = graph.inputs if change.inputs is None else change.inputs
    operators, gone = _without_idle(graph, operators, root)
    return replace(
        graph,
        tensors=tuple(tensors),
        operators=tuple(operators),
        inputs=inputs,
        rewrites=(*graph.rewrites, Rewrite(name, tuple(sorted(touched | gone)))),
    )


def _rename(graph: Graph, result: int, source: int) -> tuple[int, int] | None:
    """(the tensor to rename, its new index), so that a graph output keeps its own; None if both
    are outputs, or the other is an input or a constant.
    """
    if result not in graph.outputs:
        return result, source
    if source in graph.outputs or graph.producer(source) is None:
        return None
    return source, result


def _renamed(op: Operator, before: int, after: int) -> Operator:
    if before not in op.inputs and before not in op.outputs:
        return op
    return replace(
        op,
        inputs=tuple(after if i == before else i for i in op.inputs),
        outputs=tuple(after if i == before else i for i in op.outputs),
    )


def _without_idle(
    graph: Graph, operators: list[Operator], root: Operator
) -> tuple[list[Operator], set[int]]:
    """Removes the operators before `root` that nothing reads any more; also returns them."""
    producers = {t: op for op in operators for t in op.outputs}
    readers: dict[int, int] = {}
    for op in operators:
        for t in op.inputs:
            readers[t] = readers.get(t, 0) + 1
    gone: list[Operator] = []
    ahead = list(root.inputs)
    while ahead:
        producer = producers.get(ahead.pop())
        if producer is None or any(producer is op for op in gone):
            continue
        if any(readers.get(t, 0) or t in graph.outputs for t in producer.outputs):
            continue
        gone.append(producer)
        for t in producer.inputs:
            readers[t] -= 1
        ahead.extend(producer.inputs)
    kept = [op for op in operators if not any(op is idle for idle in gone)]
    return kept, {op.index for op in gone}
