"""Lists a program's weights by how they are stored: plain, or compressed in one or two of the ways
that `constexpr_*` operations undo.

coremltools/converters/mil/mil/ops/defs/iOS16/constexpr_ops.py and iOS18/compression.py. A
compressed weight consists of several records (indices, table, scales); here it counts as one
weight, in its uncompressed shape.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from blazepalm.reports.backends.mil.syntax import Argument, Function, Operation
from blazepalm.reports.backends.mil.values import BITS, Constant, TensorType

UNPACKS = "constexpr_"
# the operation → how the weight is kept, and the operand that holds it
KEPT = {
    "constexpr_cast": ("", "source_val"),
    "constexpr_affine_dequantize": ("quantised", "quantized_data"),
    "constexpr_blockwise_shift_scale": ("quantised", "data"),
    "constexpr_sparse_blockwise_shift_scale": ("quantised", "nonzero_data"),
    "constexpr_lut_to_dense": ("palettised", "indices"),
    "constexpr_lut_to_sparse": ("palettised", "indices_nonzero_data"),
    "constexpr_sparse_to_dense": ("sparse", "nonzero_data"),
}


@dataclass(frozen=True)
class StoredWeights:
    """All weights of one kind: `stored_as` is `float16`, `quantised int8`, `sparse palettised
    4-bit`, …; `values` counts them unpacked, `stored_bytes` in the weight files.
    """

    stored_as: str
    tensors: int
    values: int
    stored_bytes: int


def stored_weights(functions: Iterable[Function]) -> tuple[StoredWeights, ...]:
    """One row per kind, most bytes first. A weight that several functions share counts once.
    Constants in the program itself (a few bytes each) are left out.
    """
    rows: dict[str, list[int]] = {}
    seen: set[tuple[str, int]] = set()
    for function in functions:
        for kind, values, parts in _weights(function):
            blobs = {part.blob: part.stored.nbytes for part in parts if part.blob is not None}
            new = {blob: size for blob, size in blobs.items() if blob not in seen}
            if new:
                seen.update(new)
                row = rows.setdefault(kind, [0, 0, 0])
                row[0] += 1
                row[1] += values
                row[2] += sum(new.values())
    weights = [StoredWeights(kind, *row) for kind, row in rows.items()]
    return tuple(sorted(weights, key=lambda w: (-w.stored_bytes, w.stored_as)))


def _weights(function: Function) -> Iterator[tuple[str, int, list[Constant]]]:
    """Kind, number of values and records of each weight; compressed ones first, so that their
    parts are not taken for weights of their own.
    """
    unpacking = {o.name: op for op in function.operations if _unpacks(op) for o in op.outputs}
    inner = {
        id(unpacking[argument])
        for op in function.operations
        if _unpacks(op)
        for argument in _arguments(op)
        if isinstance(argument, str) and argument in unpacking
    }
    for op in function.operations:
        if _unpacks(op) and id(op) not in inner and op.outputs:
            values = math.prod(d or 1 for d in op.outputs[-1].type.shape or ())
            yield _kind(op, function, unpacking), values, _parts(op, function, unpacking)
    literals = [a for op in function.operations for a in _arguments(op) if isinstance(a, Constant)]
    for constant in (*function.constants.values(), *literals):
        yield constant.type.dtype.lower(), math.prod(constant.shape), [constant]


def _unpacks(op: Operation) -> bool:
    return op.type.startswith(UNPACKS)


def _arguments(op: Operation) -> list[Argument]:
    return [argument for arguments in op.inputs.values() for argument in arguments]


def _parts(op: Operation, function: Function, unpacking: dict[str, Operation]) -> list[Constant]:
    """All constants that make up a weight. An operation reads only earlier values, so this ends."""
    parts: dict[int, Constant] = {}
    waiting, done = [op], {id(op)}
    while waiting:
        for argument in _arguments(waiting.pop()):
            if isinstance(argument, Constant):
                parts[id(argument)] = argument
            elif argument in function.constants:
                parts[id(function.constants[argument])] = function.constants[argument]
            elif argument in unpacking and id(unpacking[argument]) not in done:
                done.add(id(unpacking[argument]))
                waiting.append(unpacking[argument])
    return list(parts.values())


def _kind(op: Operation, function: Function, unpacking: dict[str, Operation]) -> str:
    """How the weight is stored, the outermost way first."""
    words: list[str] = []
    while True:
        way, operand = KEPT.get(op.type, (op.type.removeprefix(UNPACKS), ""))
        if way and way not in words:
            words.append(way)
        held = next(iter(op.inputs.get(operand, ())), None)
        if isinstance(held, str) and held in unpacking:
            op = unpacking[held]
            continue
        if held is None:
            return " ".join(words)
        type_ = held.type if isinstance(held, Constant) else function.types[held]
        words.append(_bits(op, type_, function) if way == "palettised" else type_.dtype.lower())
        return " ".join(words)


def _bits(op: Operation, indices: TensorType, function: Function) -> str:
    """Bits per index. Up to iOS 17 indices are packed in bytes, and the table's size gives the
    number.
    """
    if "shape" not in op.inputs:
        return f"{BITS.get(indices.dtype, 8)}-bit"
    lut = next(iter(op.inputs.get("lut", ())), None)
    constant = function.constants.get(lut) if isinstance(lut, str) else lut
    entries = 0 if constant is None else math.prod(constant.shape)
    return f"{max(1, (entries - 1).bit_length())}-bit"
