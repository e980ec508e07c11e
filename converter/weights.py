"""How each weight moves: stored bytes → dense float32 → torch's axis order → state_dict key.

The lowering records which constant operand became which parameter (`Binding`); the recognition says
which readable module stands for that operator. Together they give the map: by structure, never by
position or by shape. An operand read by two operators (zero biases often are) fills one key for
each; every floating-point operand must be used, and every key filled exactly once.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from blazepalm.converter.tensor_map import TensorMap, TensorMapRow
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.transforms import apply_transform
from blazepalm.errors import WeightTransferError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from blazepalm.converter.ops.context import Binding

# a lowering's name for an operand → the name in torch.nn
ROLES = {"weight": "weight", "bias": "bias", "slope": "weight", "constant": "weight"}

# floating-point operands that are compiled into the code: (operator, slot)
CODE_OPERANDS = {("PADV2", 2)}


def readable_keys(
    graph: Graph, bindings: Iterable["Binding"], modules: Mapping[int, str]
) -> dict["Binding", str]:
    """The readable key of each binding. Raises WeightTransferError naming every tensor whose
    operator has no readable module.
    """
    keys: dict[Binding, str] = {}
    lost = []
    for binding in bindings:
        role = ROLES.get(binding.key.rpartition(".")[2])
        if binding.operator not in modules or role is None:
            lost.append(graph.tensors[binding.tensor])
        else:
            keys[binding] = f"{modules[binding.operator]}.{role}"
    if lost:
        raise WeightTransferError(
            f"{graph.source}: the readable module has no place for {', '.join(map(str, lost))}"
        )
    return keys


def transfer(graph: Graph, keys: Mapping["Binding", str], module: "nn.Module") -> TensorMap:
    """Fills `module` (built on any device, including the meta device) with the file's values and
    returns the map. Raises WeightTransferError naming the tensors if an operand is unused, a key is
    filled twice or never, or a shape does not fit.
    """
    check_every_source(graph, keys)
    state, rows = _state(graph, keys)
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    if missing := sorted(set(expected) - set(state)):
        raise WeightTransferError(f"{graph.source}: nothing fills {', '.join(missing)}")
    if unknown := sorted(set(state) - set(expected)):
        raise WeightTransferError(f"{graph.source}: the module has no {', '.join(unknown)}")
    wrong = [row for row in rows if row.shape != expected[row.key]]
    if wrong:
        raise WeightTransferError(
            f"{graph.source}: "
            + "; ".join(
                f"%{row.tensor} '{row.name}' of shape {list(row.shape)} does not fit "
                f"{row.key} of shape {list(expected[row.key])}"
                for row in wrong
            )
        )
    module.load_state_dict(state, strict=True, assign=True)
    return rows


def check_every_source(graph: Graph, keys: Mapping["Binding", str]) -> None:
    """Checks that each floating-point constant operand an output needs is bound exactly once."""
    bound = [(binding.operator, binding.slot) for binding in keys]
    twice = (
        sorted({edge for edge in bound if bound.count(edge) > 1})
        if len(set(bound)) < len(bound)
        else []
    )
    left = []
    seen = set(bound)
    for op in graph.needed():
        for slot, index in enumerate(op.inputs):
            tensor = graph.tensors[index] if index >= 0 else None
            if tensor is None or tensor.data is None or tensor.data.dtype.kind != "f":
                continue
            if (op.index, slot) not in seen and (op.name, slot) not in CODE_OPERANDS:
                left.append(f"{tensor} (operand {slot} of operator {op.index} {op.name})")
    if left:
        raise WeightTransferError(f"{graph.source}: unused weights: {', '.join(left)}")
    if twice:
        raise WeightTransferError(f"{graph.source}: operands used twice (operator, slot): {twice}")


def _state(graph: Graph, keys: Mapping["Binding", str]) -> tuple[dict[str, "Tensor"], TensorMap]:
    import torch

    state: dict[str, Tensor] = {}
    rows = []
    for binding, key in keys.items():
        tensor = graph.tensors[binding.tensor]
        origin = tensor.provenance
        if tensor.data is None or origin is None:
            raise WeightTransferError(f"{graph.source}: {tensor} is not a constant")
        value = np.array(apply_transform(tensor.data, binding.transform), order="C")
        if key in state:
            raise WeightTransferError(f"{graph.source}: {key} is filled twice, again by {tensor}")
        state[key] = torch.from_numpy(value)
        rows.append(
            TensorMapRow(
                key=key,
                shape=value.shape,
                dtype=str(value.dtype),
                operator=binding.operator,
                operand=binding.slot,
                tensor=origin.tensor,
                name=origin.name,
                stored_dtype=origin.dtype,
                stored_shape=origin.shape,
                sparse=origin.sparsity is not None,
                folded=origin.folded,
                transform=binding.transform,
                source_sha256=origin.sha256,
                value_sha256=sha256_of_values(value),
            )
        )
    return state, tuple(rows)


def sha256_of_values(values: np.ndarray) -> str:
    """SHA-256 of an array's bytes, C order, little endian."""
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(little.tobytes()).hexdigest()
