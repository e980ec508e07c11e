"""Graph → generic torch module, operator by operator: the trusted path.

It knows no file name, family or release. In float32 the readable modules must equal this module bit
for bit; in float64 (`lower(graph).double()`) it is the oracle: every weight is the file's float32
value, and every step is computed in float64.
"""

from collections import Counter
from typing import Any

import torch
from torch.fx import GraphModule

from blazepalm.converter.ops import LOWERINGS
from blazepalm.converter.ops.comparison import COMPARISONS
from blazepalm.converter.ops.context import Binding, Context
from blazepalm.converter.output_names import named_tuple
from blazepalm.converter.tflite.budget import check_values
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.errors import UnsupportedOperator

# Where to add a missing operator, by what its name contains.
FAMILIES = {
    "CONV": "convolution",
    "POOL": "pooling",
    "RESIZE": "resize",
    "REDUCE": "reduction",
    "PAD": "padding",
    "SLICE": "slicing",
    "GATHER": "slicing",
    "SPLIT": "slicing",
    "MATMUL": "linear",
    "SOFTMAX": "activation",
    "ELU": "activation",
}


class LoweredGraph(GraphModule):
    """A graph in torch. Takes each graph input in TFLite's axis order (images N×H×W×3 float32),
    with any batch size; returns a NamedTuple of the outputs in the file's order, with TFLite's axis
    order and units, named as in the file. Nodes that compute a tensor of the file carry
    `node.meta["tflite"] = (operator, tensor)`.
    """

    bindings: tuple[Binding, ...]  # which operand became which parameter
    outputs: tuple[str, ...]  # their names in the file
    inputs: tuple[tuple[str, tuple[int, ...]], ...]  # their names and shapes in the file
    batch_fixed_by: str | None  # why only the file's batch size works, if so

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Raises ValueError if a value's layout differs from the file's input."""
        for value, (name, shape) in zip(values, getattr(self, "inputs", ()), strict=False):
            if isinstance(value, torch.Tensor):
                check_layout(value, name, shape)
        found = super().__call__(*values, **named)
        names = getattr(self, "outputs", None)  # a deep copy loses them
        return found if names is None else named_tuple(names)(*found)


def check_layout(value: torch.Tensor, name: str, shape: tuple[int, ...]) -> None:
    """Raises ValueError unless `value` has `shape`, apart from its batch size."""
    given = tuple(value.shape)
    if given[1:] == shape[1:] and len(given) == len(shape):
        return
    wanted = ", ".join(("N", *map(str, shape[1:]))) if shape else ""
    message = f"input {name!r} takes shape ({wanted}), got {given}"
    if len(shape) == 4 and len(given) == 4 and (given[2], given[3], given[1]) == shape[1:]:
        message += "; the axes are N, H, W, C as in the file: give x.permute(0, 2, 3, 1)"
    raise ValueError(message)


def check_supported(graph: Graph) -> None:
    """Raises one UnsupportedOperator naming every operator without a lowering and every value
    computed in a type other than float32 (or bool, for a comparison).
    """
    counts = Counter(op.name for op in graph.operators if op.name not in LOWERINGS)
    first: dict[str, Operator] = {}
    for op in graph.operators:
        first.setdefault(op.name, op)
    lines = []
    for name, count in counts.items():
        op = first[name]
        kind = "custom" if op.is_custom else f"builtin {op.opcode}"
        times = "once" if count == 1 else f"{count} times"
        where = f"output {graph.tensors[op.outputs[0]]}" if op.outputs else "no output"
        family = next((f for part, f in FAMILIES.items() if part in name.upper()), "elementwise")
        lines += [
            f"unsupported operator: {name} ({kind}, version {op.version}), {times}",
            f"  first: {graph.source}, subgraph 0, operator {op.index}, {where}",
            f"  help:  add a lowering in converter/ops/{family}.py and a case in "
            + f"tests/converter/ops/test_{family}.py",
        ]
    computed = {t for op in graph.operators for t in op.outputs if op.name in LOWERINGS}
    computed -= {
        t
        for op in graph.operators
        if op.name in COMPARISONS
        for t in op.outputs
        if graph.tensors[t].dtype == "bool" and t not in graph.outputs
    }
    for index in sorted(computed | set(graph.inputs)):
        tensor = graph.tensors[index]
        if index >= 0 and tensor.dtype != "float32":
            lines.append(
                f"unsupported type: {graph.source}, {tensor} is {tensor.dtype}; "
                "only float32 is computed, so give a float model"
            )
    if lines:
        raise UnsupportedOperator("\n".join(lines))


def lower(graph: Graph) -> LoweredGraph:
    """Builds the module, leaving out whatever no output needs. Raises UnsupportedOperator, listing
    everything unsupported, or InvalidModel.
    """
    check_supported(graph)
    check_values(graph)  # a stored graph has not been through the reader
    context = Context(graph)
    for position, tensor in enumerate(graph.inputs):
        context.open_input(position, tensor)
    refused = []
    for op in graph.needed():
        try:
            LOWERINGS[op.name](op, context)
        except UnsupportedOperator as error:
            refused.append(str(error))
            context.leave_anything(op)
    if refused:
        raise UnsupportedOperator("\n  ".join(refused))
    outputs = tuple(context.close_output(tensor) for tensor in graph.outputs)
    if context.batch_fixed_by is not None:
        _guard_batch(context)
    module = context.recorder.module(outputs, LoweredGraph)
    module.bindings = tuple(context.bindings)
    module.outputs = tuple(graph.tensors[t].name for t in graph.outputs)
    module.inputs = tuple((graph.tensors[t].name, graph.tensors[t].shape) for t in graph.inputs)
    module.batch_fixed_by = context.batch_fixed_by
    return module


def _guard_batch(context: Context) -> None:
    """Makes a module that cannot batch raise an error instead of mixing images."""
    message = f"this model takes batches of {context.batch} only: {context.batch_fixed_by}"
    fx = context.recorder.fx
    placeholders = [node for node in fx.nodes if node.op == "placeholder"]
    for node, tensor in zip(placeholders, context.graph.inputs, strict=True):
        if context.is_batched(tensor):
            users = list(node.users)
            with fx.inserting_before(placeholders[-1].next):
                guard = fx.call_function(require_batch, (node, context.batch, message))
            for user in users:
                user.replace_input_with(node, guard)


def require_batch(image: torch.Tensor, batch: int, message: str) -> torch.Tensor:
    """Returns `image`; raises ValueError unless its first axis is `batch`."""
    if image.shape[0] != batch:
        raise ValueError(message)
    return image
