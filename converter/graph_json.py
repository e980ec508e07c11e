"""A graph as JSON and back, without its weights: how a module of no known family is stored. To load
it, the graph is lowered again and the weights are filled in from the state_dict.

Constants that shape the code are stored as numbers: all integer ones (axes, paddings, sizes) and
the floating-point operands in `CODE_OPERANDS`. Every other constant is a weight, and only its shape
is stored. A number that is not finite (the −∞ of a padding before a max-pool) is a string, see
`strict_json`.

The JSON may be damaged: types and ranges are checked, and the message says where one is wrong. The
lowering checks what the operators make of the values, as it does for a file.
"""

from dataclasses import asdict, fields
from typing import Annotated, Any, TypeVar

import numpy as np
from msgspec import Meta, Struct, ValidationError, convert, structs, to_builtins

from blazepalm.converter.ops.geometry import elements
from blazepalm.converter.tflite import options as option_types
from blazepalm.converter.tflite.constant_folding import NUMERIC
from blazepalm.converter.tflite.flatbuffer import MAX_ENTRIES, MAX_RANK, MAX_TENSOR_ELEMENTS
from blazepalm.converter.tflite.graph import Graph, Operator, Provenance, Tensor
from blazepalm.converter.tflite.options import Options
from blazepalm.converter.tflite.typed_options import check_options
from blazepalm.converter.weights import CODE_OPERANDS
from blazepalm.misfit import first_misfit, short
from blazepalm.strict_json import NOT_FINITE, float_from_json, float_to_json

MAX_INTEGER = 2**31 - 1

T = TypeVar("T", bound=Struct)

Natural = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Dimension = Annotated[int, Meta(ge=0, le=MAX_TENSOR_ELEMENTS)]
Operands = Annotated[
    tuple[Annotated[int, Meta(ge=-1, le=MAX_INTEGER)], ...], Meta(max_length=MAX_ENTRIES)
]


class StoredTensor(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A tensor; of a constant that shapes the code, `data` holds the numbers."""

    name: str
    shape: Annotated[tuple[Dimension, ...], Meta(max_length=MAX_RANK)]
    dtype: str
    constant: bool
    data: list[int | float | str] | None = None


class StoredOperator(Struct, forbid_unknown_fields=True):
    """An operator; `options` has the name of their class under `type`."""

    index: Natural
    name: str
    opcode: Natural
    version: Natural
    inputs: Operands
    outputs: Operands
    options: dict[str, Any] | None


class StoredGraph(Struct, forbid_unknown_fields=True):
    """A `Graph`."""

    source: str
    sha256: str
    size: Natural
    description: str
    inputs: Operands
    outputs: Operands
    stored_operators: Natural
    tensors: Annotated[tuple[StoredTensor, ...], Meta(max_length=MAX_ENTRIES)]
    operators: Annotated[tuple[StoredOperator, ...], Meta(max_length=MAX_ENTRIES)]


def graph_to_dict(graph: Graph) -> dict[str, Any]:
    """The graph as plain dicts, lists, numbers and strings."""
    kept = {
        op.inputs[slot]
        for op in graph.operators
        for slot in range(len(op.inputs))
        if (op.name, slot) in CODE_OPERANDS
    }
    tensors = [
        StoredTensor(t.name, t.shape, t.dtype, t.is_constant, _data(t, t.index in kept))
        for t in graph.tensors
    ]
    operators = [
        _stored(StoredOperator, op, options=_options_to_dict(op.options)) for op in graph.operators
    ]
    stored = _stored(StoredGraph, graph, tensors=tuple(tensors), operators=tuple(operators))
    values: dict[str, Any] = to_builtins(stored)
    return values


def graph_from_dict(values: Any) -> Graph:
    """The inverse of `graph_to_dict`; weights are zeros that take no memory. Raises ValueError,
    naming the place, unless `graph_to_dict` could have written `values`.
    """
    stored = _typed(values, StoredGraph, "graph")
    tensors = tuple(
        _tensor(i, tensor, f"graph.tensors[{i}]") for i, tensor in enumerate(stored.tensors)
    )
    operators = tuple(
        _operator(op, len(tensors), f"graph.operators[{i}]")
        for i, op in enumerate(stored.operators)
    )
    if len({op.index for op in operators}) < len(operators):
        raise ValueError("graph.operators has two operators with one index")
    for name in ("inputs", "outputs"):
        _check_indices(getattr(stored, name), 0, len(tensors), f"graph.{name}")
    return Graph(
        **{**structs.asdict(stored), "tensors": tensors, "operators": operators, "metadata": {}}
    )


def _data(tensor: Tensor, keep: bool) -> list[int | float | str] | None:
    kind = None if tensor.data is None else tensor.data.dtype.kind
    if tensor.data is None or kind not in ("i", "u", "f") or (kind == "f" and not keep):
        return None
    numbers = tensor.data.reshape(-1).tolist()
    return [float_to_json(value) for value in numbers] if kind == "f" else numbers


def _tensor(index: int, stored: StoredTensor, where: str) -> Tensor:
    name, shape, dtype = stored.name, stored.shape, stored.dtype
    if elements(tuple(max(d, 1) for d in shape)) > MAX_TENSOR_ELEMENTS:
        raise ValueError(f"{where}.shape is {short(list(shape))}, too large for a tensor")
    if not stored.constant:
        return Tensor(index, name, shape, dtype)
    if dtype not in NUMERIC:
        raise ValueError(f"{where}.dtype is {short(dtype)}, expected one of {', '.join(NUMERIC)}")
    data = np.broadcast_to(np.zeros((), dtype), shape)
    if stored.data is not None or data.dtype.kind in "iu":
        data = _numbers(stored.data or [], data.dtype, f"{where}.data")
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
            raise ValueError(f"{where} has {short(value)}, expected {dtype}")
    return np.array(values, dtype)


def _operator(stored: StoredOperator, tensors: int, where: str) -> Operator:
    if not stored.name.isprintable():
        raise ValueError(f"{where}.name is {stored.name!r:.80}")
    _check_indices(stored.inputs, -1, tensors, f"{where}.inputs")
    _check_indices(stored.outputs, 0, tensors, f"{where}.outputs")
    options = None
    if stored.options is not None:
        options = _options_from_dict(stored.options, f"{where}.options")
    return Operator(**{**structs.asdict(stored), "options": options})


def _stored(kind: type[T], source: Any, **changed: Any) -> T:
    names = (field.name for field in structs.fields(kind))
    return kind(**{**{name: getattr(source, name) for name in names}, **changed})


def _options_to_dict(options: Options | None) -> dict[str, Any] | None:
    if options is None:
        return None
    return {
        "type": type(options).__name__,
        **{k: float_to_json(v) if isinstance(v, float) else v for k, v in asdict(options).items()},
    }


def _options_from_dict(values: dict[str, Any], where: str) -> Options:
    name = str(values.get("type"))
    kind = getattr(option_types, name, None) if name.endswith("Options") else None
    if not isinstance(kind, type):
        raise ValueError(f"{where}.type is {short(name)}, an unknown operator type")
    given = {key: value for key, value in values.items() if key != "type"}
    names = {field.name for field in fields(kind)}
    if given.keys() != names:
        raise ValueError(f"{where} must set {sorted(names)}, not {short(sorted(given))}")
    for key, value in given.items():
        if isinstance(value, str):
            given[key] = NOT_FINITE.get(value, value)
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and not -MAX_INTEGER - 1 <= number <= MAX_INTEGER:
                raise ValueError(f"{where}.{key} has {short(number)}, which is out of range")
    options: Options = _typed(given, kind, where)
    if wrong := check_options(options):
        raise ValueError(f"{where} has {wrong}")
    return options


def _check_indices(indices: tuple[int, ...], low: int, count: int, where: str) -> None:
    for index in indices:
        if not low <= index < count:
            raise ValueError(f"{where} has {index}, expected integers from {low} to {count - 1}")


def _typed(values: Any, kind: Any, where: str) -> Any:
    try:
        return convert(values, kind)
    except ValidationError as error:
        raise ValueError(f"{where}.{first_misfit(values, kind, str(error))}") from error
