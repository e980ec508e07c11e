"""Which operator of the TFLite file each operation of a program stands for.

The file, lowered operator by operator, and a traced face are two lists of torch functions on the
same weights. Two calls are the same if their functions and operands are: a weight is identified by
its operator and operand in the file (the tensor map), a value by the call that made it. The order
of axes does not matter: consecutive reshapes and permutes count as one.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING

from coremltools.converters.mil.mil import Program, Var
from torch.fx import Graph, Node

from blazepalm.converter.coreml.names import path
from blazepalm.converter.coreml.ops.emit_context import Value
from blazepalm.converter.coreml.options import Layer
from blazepalm.converter.coreml.trace import Traced, function_name, in_network, parameters

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

LAYOUT = {"reshape", "flatten", "unflatten", "permute", "contiguous", "image_batch"}
SAME = {"hardtanh": "relu6"}  # the readable modules' name for it
COMMUTES = {"add"}
PIXELS = "pixels"  # the module that maps pixels to the value range

Operand = tuple[int, int]  # an operator of the file, and the number of its operand


def layers(model: "Converted", traced: Traced, values: Mapping[Node, Value], program: Program
           ) -> tuple[Layer, ...]:  # fmt: skip
    """One row per computing operation, in the program's order. `values` are the MIL values of the
    nodes of `traced`.
    """
    found = operators(model, traced)
    made: dict[str, list[Node]] = defaultdict(list)  # operation → the nodes whose value it computes
    for node, value in values.items():
        for var in value if isinstance(value, tuple | list) else (value,):
            if isinstance(var, Var) and var.op is not None:
                made[var.op.name].append(node)
    rows = []
    for op in program.functions["main"].operations:
        if op.op_type == "const":
            continue
        nodes = made.get(op.name, [])
        stands_for = {index for node in nodes for index in found.get(node, ())}
        rows.append(
            Layer(
                values=tuple(var.name for var in op.outputs),
                operation=op.op_type,
                path=path(op.name),
                module=traced.modules[nodes[0]] if nodes else "",
                operators=tuple(i for i in sorted(stands_for) if i < model.graph.stored_operators),
            )
        )
    return tuple(rows)


def operators(model: "Converted", traced: Traced) -> dict[Node, tuple[int, ...]]:
    """The file's operators that each call of a trace stands for; calls without any are missing."""
    lowered = {b.key: (b.operator, b.slot) for b in model.normal.bindings}
    known: dict[Hashable, int] = {}
    by_key: dict[int, list[int]] = defaultdict(list)
    for node, key in _keys(model.normal.graph, lowered, known):
        index = _operator(node, lowered)
        if index is not None:
            by_key[key].append(index)
    if traced.graph is model.normal.graph:
        return {
            node: (index,)
            for node in traced.graph.nodes
            if (index := _operator(node, lowered)) is not None
        }
    readable = {row.key: (row.operator, row.operand) for row in model.tensor_map}
    found: dict[Node, tuple[int, ...]] = {}
    pixels = {node for node, module in traced.modules.items() if module == PIXELS}
    for node, key in _keys(traced.graph, readable, known, pixels):
        if by_key[key]:
            found[node] = (by_key[key].pop(0),)
        elif joined := _joined(model, node, readable):
            found[node] = joined
    return found


def _keys(
    graph: Graph,
    weights: Mapping[str, Operand],
    known: dict[Hashable, int],
    prepares: Collection[Node] = (),
) -> Iterator[tuple[Node, int]]:
    """Numbers each call by what it computes, with the same number in every graph; of consecutive
    reshapes and permutes, only the last. Nodes that prepare the input count as the input.
    """
    bases: dict[Node, int] = {}  # the node before any reshapes and permutes
    for node in graph.nodes:
        sources = node.all_input_nodes
        key: Hashable
        if node.op == "placeholder":
            key = "input"
        elif node.op == "get_attr":
            key = weights.get(in_network(str(node.target)), node.target)
        elif node.op == "output":
            continue
        elif function_name(node) in LAYOUT or node in prepares:
            bases[node] = bases[sources[0]]
            key = ("layout", bases[node])
        else:
            name = function_name(node)
            operands = [bases[source] for source in sources]
            key = (SAME.get(name, name), *(sorted(operands) if name in COMMUTES else operands))
        number = known.setdefault(key, len(known))
        bases.setdefault(node, number)
        goes_on = any(function_name(user) in LAYOUT for user in node.users)
        if not (goes_on and function_name(node) in LAYOUT):
            yield node, number


def _operator(node: Node, weights: Mapping[str, Operand]) -> int | None:
    """The operator that a node of the lowered graph belongs to, unless it is a helper."""
    if "tflite" in node.meta:
        return int(node.meta["tflite"][0])
    return next((weights[key][0] for key in parameters(node) if key in weights), None)


def _joined(model: "Converted", node: Node, weights: Mapping[str, Operand]) -> tuple[int, ...]:
    """The operators of a face's layer that holds the weights of several modules."""
    assert model.recognition is not None
    keys = [in_network(key) for key in parameters(node)]
    if not keys or any(key in weights for key in keys):
        return ()
    stage = keys[0].rpartition(".")[0].rpartition(".")[0]  # heads.stride8.conv.weight
    modules = model.recognition.modules
    return tuple(i for i, module in modules.items() if stage and module.startswith(f"{stage}."))
