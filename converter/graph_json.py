"""A graph as JSON and back, without its weights: how a module that no family describes is
kept. Read back, it is lowered again and the weights are filled in from the state_dict.

Constants of whole numbers (axes, paddings, sizes) shape the code and are kept, and so are the
few operands of other numbers that do (`weights.CODE_OPERANDS`). Every other constant is a weight:
only its shape and dtype are kept.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from blazepalm.converter.tflite import options as option_types
from blazepalm.converter.tflite.graph import Graph, Operator, Provenance, Tensor
from blazepalm.converter.weights import CODE_OPERANDS

MAX_ELEMENTS = 1 << 29  # of one weight: what a file of 2 GiB could hold


def graph_to_dict(graph: Graph) -> dict[str, Any]:
    """Plain dicts, lists, numbers and strings."""
    kept = {
        op.inputs[slot]
        for op in graph.operators
        for slot in range(len(op.inputs))
        if (op.name, slot) in CODE_OPERANDS
    }
    return {
        "source": graph.source,
        "sha256": graph.sha256,
        "size": graph.size,
        "description": graph.description,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "stored_operators": graph.stored_operators,
        "tensors": [_tensor_to_dict(tensor, tensor.index in kept) for tensor in graph.tensors],
        "operators": [
            {
                "index": op.index,
                "name": op.name,
                "opcode": op.opcode,
                "version": op.version,
                "inputs": list(op.inputs),
                "outputs": list(op.outputs),
                "options": None
                if op.options is None
                else {"type": type(op.options).__name__, **asdict(op.options)},
            }
            for op in graph.operators
        ],
    }


def graph_from_dict(values: Mapping[str, Any]) -> Graph:
    """The inverse; weights are zeros that take no memory. Raises ValueError, KeyError or
    TypeError where the dict is not one of `graph_to_dict`.
    """
    return Graph(
        source=str(values["source"]),
        sha256=str(values["sha256"]),
        size=int(values["size"]),
        description=str(values["description"]),
        tensors=tuple(_tensor_from_dict(i, t) for i, t in enumerate(values["tensors"])),
        operators=tuple(_operator_from_dict(op) for op in values["operators"]),
        inputs=_integers(values["inputs"]),
        outputs=_integers(values["outputs"]),
        metadata={},
        stored_operators=int(values["stored_operators"]),
    )


def _tensor_to_dict(tensor: Tensor, keep: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "constant": tensor.is_constant,
    }
    if tensor.data is not None and (keep or tensor.data.dtype.kind in "iu"):
        out["data"] = tensor.data.reshape(-1).tolist()
    return out


def _tensor_from_dict(index: int, values: Mapping[str, Any]) -> Tensor:
    shape, name, dtype = _integers(values["shape"]), str(values["name"]), str(values["dtype"])
    if not values["constant"]:
        return Tensor(index, name, shape, dtype)
    if min(shape, default=1) < 0 or np.prod(shape, dtype=float) > MAX_ELEMENTS:
        raise ValueError(f"tensor {index} has shape {shape}")
    if "data" in values:
        data = np.array(values["data"], dtype=dtype).reshape(shape)
    else:
        data = np.broadcast_to(np.zeros((), dtype), shape)
    origin = Provenance(index, name, dtype, shape, buffer=0, stored_bytes=0, sha256="")
    return Tensor(index, name, shape, dtype, data=data, provenance=origin)


def _operator_from_dict(values: Mapping[str, Any]) -> Operator:
    options = None
    if values["options"] is not None:
        fields = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values["options"].items()
        }
        name = str(fields.pop("type"))
        kind = getattr(option_types, name, None)
        if not name.endswith("Options") or kind is None:
            raise ValueError(f"unknown options {name!r}")
        options = kind(**fields)
    return Operator(
        index=int(values["index"]),
        name=str(values["name"]),
        opcode=int(values["opcode"]),
        version=int(values["version"]),
        inputs=_integers(values["inputs"]),
        outputs=_integers(values["outputs"]),
        options=options,
    )


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in values)
