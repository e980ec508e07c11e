"""A graph as JSON and back, without its weights: how a module of no known family is stored. To load
it, the graph is lowered again and the weights are filled in from the state_dict.

Constants that shape the code are stored as numbers: all integer ones (axes, paddings, sizes) and
the floating-point operands in `CODE_OPERANDS`. Every other constant is a weight, and only its shape
is stored. A number that is not finite (the −∞ of a padding before a max-pool) is a string, see
`strict_json`.

The JSON may be damaged: every value is checked against what `graph_to_dict` writes, and the message
says where they differ. The lowering checks what the operators make of the values, as it does for a
file.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_type_hints

import numpy as np

from blazepalm.converter.ops.geometry import elements
from blazepalm.converter.tflite import options as option_types
from blazepalm.converter.tflite.constant_folding import NUMERIC
from blazepalm.converter.tflite.flatbuffer import MAX_ENTRIES, MAX_RANK, MAX_TENSOR_ELEMENTS
from blazepalm.converter.tflite.graph import Graph, Operator, Provenance, Tensor
from blazepalm.converter.tflite.options import Options
from blazepalm.converter.tflite.typed_options import check_options
from blazepalm.converter.weights import CODE_OPERANDS
from blazepalm.strict_json import float_from_json, float_to_json

SHOWN = 80  # characters of a value that a message quotes


def graph_to_dict(graph: Graph) -> dict[str, Any]:
    """The graph as plain dicts, lists, numbers and strings."""
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
                "options": None if op.options is None else _options_to_dict(op.options),
            }
            for op in graph.operators
        ],
    }


def graph_from_dict(values: Any) -> Graph:
    """The inverse of `graph_to_dict`; weights are zeros that take no memory. Raises ValueError,
    naming the place, unless `graph_to_dict` could have written `values`.
    """
    values = _object(values, "graph")
    tensors = tuple(
        _tensor_from_dict(i, t, f"graph.tensors[{i}]")
        for i, t in enumerate(_list(values, "tensors", "graph"))
    )
    operators = tuple(
        _operator_from_dict(op, len(tensors), f"graph.operators[{i}]")
        for i, op in enumerate(_list(values, "operators", "graph"))
    )
    if len({op.index for op in operators}) < len(operators):
        raise ValueError("graph.operators has two operators with one index")
    return Graph(
        source=_text(values, "source", "graph"),
        sha256=_text(values, "sha256", "graph"),
        size=_integer(values, "size", "graph"),
        description=_text(values, "description", "graph"),
        tensors=tensors,
        operators=operators,
        inputs=_indices(values, "inputs", "graph", 0, len(tensors)),
        outputs=_indices(values, "outputs", "graph", 0, len(tensors)),
        metadata={},
        stored_operators=_integer(values, "stored_operators", "graph"),
    )


def _tensor_to_dict(tensor: Tensor, keep: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "constant": tensor.is_constant,
    }
    if tensor.data is not None:
        kind = tensor.data.dtype.kind
        if kind in "iu":
            out["data"] = tensor.data.reshape(-1).tolist()
        elif keep and kind == "f":
            out["data"] = [float_to_json(value) for value in tensor.data.reshape(-1).tolist()]
    return out


def _tensor_from_dict(index: int, values: Any, where: str) -> Tensor:
    values = _object(values, where)
    name, dtype = _text(values, "name", where), _text(values, "dtype", where)
    shape = _indices(values, "shape", where, 0, MAX_TENSOR_ELEMENTS)
    if len(shape) > MAX_RANK or elements(tuple(max(d, 1) for d in shape)) > MAX_TENSOR_ELEMENTS:
        raise ValueError(f"{where}.shape is {_shown(list(shape))}, too large for a tensor")
    if not _of_type(values, "constant", bool, where):
        return Tensor(index, name, shape, dtype)
    if dtype not in NUMERIC:
        raise ValueError(f"{where}.dtype is {_shown(dtype)}, expected one of {', '.join(NUMERIC)}")
    data = np.broadcast_to(np.zeros((), dtype), shape)
    if "data" in values or data.dtype.kind in "iu":
        data = _numbers(_list(values, "data", where), data.dtype, f"{where}.data")
        if data.size != elements(shape):
            raise ValueError(f"{where}.data has {data.size} values for shape {list(shape)}")
        data = data.reshape(shape)
    origin = Provenance(index, name, dtype, shape, buffer=0, stored_bytes=0, sha256="")
    return Tensor(index, name, shape, dtype, data=data, provenance=origin)


def _numbers(values: list[Any], dtype: np.dtype[Any], where: str) -> np.ndarray:
    if dtype.kind == "f":
        try:
            return np.array([float_from_json(value) for value in values], dtype)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    if dtype.kind not in "iu":
        raise ValueError(f"{where} has type {dtype}; only integers and floats are stored")
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for value in values:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{where} has {_shown(value)}, expected {dtype}")
    return np.array(values, dtype)


def _options_to_dict(options: Options) -> dict[str, Any]:
    return {
        "type": type(options).__name__,
        **{k: float_to_json(v) if isinstance(v, float) else v for k, v in asdict(options).items()},
    }


def _options_from_dict(values: Any, where: str) -> Options:
    values = _object(values, where)
    name = _text(values, "type", where)
    kind = getattr(option_types, name, None) if name.endswith("Options") else None
    if not isinstance(kind, type):
        raise ValueError(f"{where}.type is {_shown(name)}, an unknown operator type")
    hints = get_type_hints(kind)
    if unknown := values.keys() - hints.keys() - {"type"}:
        raise ValueError(f"{where} has the unknown field {_shown(min(unknown))}")
    given = {f.name: _field(values, f.name, hints[f.name], where) for f in fields(kind)}
    options: Options = kind(**given)
    if wrong := check_options(options):
        raise ValueError(f"{where} has {wrong}")
    return options


def _field(values: Mapping[str, Any], name: str, hint: Any, where: str) -> Any:
    if hint is float:
        try:
            return float_from_json(values.get(name))
        except ValueError as error:
            raise ValueError(f"{where}.{name}: {error}") from error
    if hint is int:
        return _integer(values, name, where, -(2**31))
    if hint in (bool, str):
        return _of_type(values, name, hint, where)
    return _indices(values, name, where, -(2**31), 2**31)  # tuple[int, ...]


def _operator_from_dict(values: Any, tensors: int, where: str) -> Operator:
    values = _object(values, where)
    options = values.get("options")
    name = _text(values, "name", where)
    if not name.isprintable():
        raise ValueError(f"{where}.name is {_shown(name)}")
    return Operator(
        index=_integer(values, "index", where),
        name=name,
        opcode=_integer(values, "opcode", where),
        version=_integer(values, "version", where),
        inputs=_indices(values, "inputs", where, -1, tensors),
        outputs=_indices(values, "outputs", where, 0, tensors),
        options=None if options is None else _options_from_dict(options, f"{where}.options"),
    )


# One value of an object ---------------------------------------------------------------------


def _object(values: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} is {_shown(values)}, expected an object")
    return values


def _list(values: Mapping[str, Any], key: str, where: str) -> list[Any]:
    items: list[Any] = _of_type(values, key, list, where)
    if key != "data" and len(items) > MAX_ENTRIES:
        raise ValueError(f"{where}.{key} has {len(items)} entries, more than {MAX_ENTRIES}")
    return items


def _text(values: Mapping[str, Any], key: str, where: str) -> str:
    text: str = _of_type(values, key, str, where)
    return text


def _integer(values: Mapping[str, Any], key: str, where: str, low: int = 0) -> int:
    value: int = _of_type(values, key, int, where)
    if not low <= value < 2**31:
        raise ValueError(f"{where}.{key} is {_shown(value)}, which is out of range")
    return value


def _indices(
    values: Mapping[str, Any], key: str, where: str, low: int, count: int
) -> tuple[int, ...]:
    """A list of integers from `low` to `count` − 1."""
    items = _list(values, key, where)
    for item in items:
        if type(item) is not int or not low <= item < count:
            raise ValueError(
                f"{where}.{key} has {_shown(item)}, expected integers from {low} to {count - 1}"
            )
    return tuple(items)


def _of_type(values: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    if key not in values:
        raise ValueError(f"{where} has no {key}")
    if type(values[key]) is not kind:
        raise ValueError(f"{where}.{key} is {_shown(values[key])}, expected {kind.__name__}")
    return values[key]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
