"""Graph → generic torch module, operator by operator: the trusted path.

No file name, family or release is known here. In float32 the module is what the readable
modules must equal bit for bit; in float64 (`lower(graph).double()`) it is the oracle.
"""

from collections import Counter

import torch
from torch.fx import GraphModule

from blazepalm.converter.ops import LOWERINGS
from blazepalm.converter.ops.context import Binding, Context
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.models.errors import UnsupportedOperator

# Where a contributor adds a missing operator, by what its name contains.
ADVICE = "add a lowering in converter/ops/ and a case in tests/converter/ops/"


def check_supported(graph: Graph) -> None:
    """Raises UnsupportedOperator naming every operator that nothing lowers, all at once."""
    missing = [op for op in graph.operators if op.name not in LOWERINGS]
    if not missing:
        return
    first: dict[str, Operator] = {}
    for op in missing:
        first.setdefault(op.name, op)
    counts = Counter(op.name for op in missing)
    lines = []
    for name, op in first.items():
        kind = "custom" if op.is_custom else f"builtin {op.opcode}"
        times = "once" if counts[name] == 1 else f"{counts[name]} times"
        where = f"output {graph.tensors[op.outputs[0]]}" if op.outputs else "no output"
        lines.append(f"unsupported operator: {name} ({kind}, version {op.version}), {times}")
        lines.append(f"  first: {graph.source}, subgraph 0, operator {op.index}, {where}")
    lines.append(f"  help:  {ADVICE}")
    raise UnsupportedOperator("\n".join(lines))


def lower(graph: Graph) -> GraphModule:
    """Builds the module. Input: each graph input in TFLite's axis order (images N×H×W×3
    float32), any batch size. Output: a tuple of the graph's outputs in the file's order,
    TFLite's axis order and units. `module.bindings` tells which operand became which key;
    `module.outputs` names the outputs.
    """
    check_supported(graph)
    context = Context(graph)
    for position, tensor in enumerate(graph.inputs):
        context.open_input(position, tensor)
    for op in graph.operators:
        LOWERINGS[op.name](op, context)
    outputs = tuple(context.close_output(tensor).node for tensor in graph.outputs)
    if context.batch_fixed_by is not None:
        _guard_batch(context)
    context.fx.output(outputs)
    context.fx.eliminate_dead_code()
    module = GraphModule(context.root, context.fx, class_name="LoweredGraph")
    module.eval()
    module.bindings: tuple[Binding, ...] = tuple(context.bindings)  # type: ignore[misc]
    module.outputs = tuple(graph.tensors[t].name for t in graph.outputs)
    module.batch_fixed_by = context.batch_fixed_by
    return module


def _guard_batch(context: Context) -> None:
    """A module that cannot batch says so, instead of mixing images."""
    image = next(node for node in context.fx.nodes if node.op == "placeholder")
    message = f"this model takes batches of {context.batch} only: {context.batch_fixed_by}"
    with context.fx.inserting_after(image):
        context.fx.call_function(require_batch, (image, context.batch, message))


def require_batch(image: torch.Tensor, batch: int, message: str) -> None:
    """Raises ValueError where the first axis is not `batch`."""
    if image.shape[0] != batch:
        raise ValueError(message)
