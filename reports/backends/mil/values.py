"""Turns MIL's types and constants (ValueType and Value of MIL.proto) into frozen dataclasses of
numpy arrays.

A constant is stored in the program itself (in one repeated field per element type; float16 and the
byte types as raw bytes) or in a weight file. Its declared shape is checked against the number of
stored elements, so that no false claim costs memory. numpy has no types of less than a byte; such
values become uint8 or int8 and keep their MIL name.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.blob import Blob, unpack
from blazepalm.reports.backends.mil.schema import data_types

MAX_ELEMENTS = 1 << 28  # of one value: 1 GiB of float32; a vision model needs a tenth at most
MAX_RANK = 16
MAX_NESTING = 8

# MIL's element type → numpy's
NUMPY = {
    "BOOL": np.dtype(np.bool_),
    "STRING": np.dtype(object),
    "FLOAT16": np.dtype(np.float16),
    "FLOAT32": np.dtype(np.float32),
    "FLOAT64": np.dtype(np.float64),
    "INT4": np.dtype(np.int8),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT1": np.dtype(np.uint8),
    "UINT2": np.dtype(np.uint8),
    "UINT3": np.dtype(np.uint8),
    "UINT4": np.dtype(np.uint8),
    "UINT6": np.dtype(np.uint8),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
}
BITS = {"INT4": 4, "UINT1": 1, "UINT2": 2, "UINT3": 3, "UINT4": 4, "UINT6": 6}

Shape = tuple[int | None, ...]
ReadBlob = Callable[[str, int], Blob]


@dataclass(frozen=True)
class TensorType:
    """`shape` is None for a value of unknown rank; a flexible dimension is None. For a type that is
    not a tensor (a list, a dictionary), `dtype` is its kind, in lower case.
    """

    dtype: str
    shape: Shape | None

    def __str__(self) -> str:
        if self.shape is None:
            return self.dtype
        return f"{self.dtype}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


@dataclass(frozen=True)
class Constant:
    """A value known when the file is read. `stored` keeps types of less than a byte packed; `blob`
    is the record's place in the weight file, or None.
    """

    type: TensorType
    stored: np.ndarray
    blob: tuple[str, int] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(d for d in self.type.shape or () if d is not None)

    def array(self) -> np.ndarray:
        """The value in the declared shape; text as an array of objects. Do not write to it."""
        bits = BITS.get(self.type.dtype)
        if bits is None:
            return self.stored.reshape(self.shape)
        count = math.prod(self.shape)
        signed = self.type.dtype.startswith("INT")
        return unpack(self.stored, bits, count, signed=signed).reshape(self.shape)


def read_type(proto: Any, where: str) -> TensorType:
    """The type of a value. Raises InvalidModel for an unsupported one."""
    kind = proto.WhichOneof("type")
    if kind is None:
        raise InvalidModel(f"{where} has no type")
    if kind != "tensorType":
        return TensorType(kind.removesuffix("Type"), None)
    tensor = proto.tensorType
    dtype = data_types().get(tensor.dataType, "")
    if dtype not in NUMPY:
        raise InvalidModel(f"{where} has elements of type {dtype or tensor.dataType}")
    if tensor.rank > MAX_RANK or len(tensor.dimensions) > MAX_RANK:
        raise InvalidModel(f"{where} has rank {tensor.rank}; Core ML stops far below {MAX_RANK}")
    shape: list[int | None] = []
    for dimension in tensor.dimensions:
        if dimension.WhichOneof("dimension") == "constant":
            shape.append(dimension.constant.size)
        elif dimension.unknown.variadic:
            return TensorType(dtype, None)
        else:
            shape.append(None)
    found = TensorType(dtype, tuple(shape))
    if math.prod(d for d in shape if d is not None) > MAX_ELEMENTS:
        raise InvalidModel(f"{where} declares {found}: more than {MAX_ELEMENTS} elements")
    return found


def read_value(proto: Any, where: str, read_blob: ReadBlob, depth: int = 0) -> Constant:
    """A constant. Raises InvalidModel if the stored data does not match the declaration."""
    kind = proto.WhichOneof("value")
    if kind == "immediateValue" and proto.immediateValue.WhichOneof("value") in ("list", "tuple"):
        return _read_list(proto.immediateValue, where, read_blob, depth)
    declared = read_type(proto.type, where)
    if declared.shape is None or None in declared.shape:
        raise InvalidModel(f"{where} is a constant of type {declared}")
    if kind == "blobFileValue":
        name, offset = proto.blobFileValue.fileName, proto.blobFileValue.offset
        blob = read_blob(name, offset)
        if blob.dtype != declared.dtype:
            raise InvalidModel(
                f"{where} is declared {declared.dtype}, but its weight is {blob.dtype}"
            )
        return _checked(Constant(declared, blob.data, (name, offset)), where)
    if kind != "immediateValue" or proto.immediateValue.WhichOneof("value") != "tensor":
        raise InvalidModel(f"{where} is a constant without a value")
    return _checked(Constant(declared, _immediate(proto.immediateValue.tensor, where)), where)


def _read_list(proto: Any, where: str, read_blob: ReadBlob, depth: int) -> Constant:
    """A list of scalars as one vector (`classify` keeps its labels in one)."""
    items = getattr(proto, proto.WhichOneof("value")).values
    if depth >= MAX_NESTING:
        raise InvalidModel(f"{where} is a list nested {depth} levels deep")
    read = [read_value(item, where, read_blob, depth + 1) for item in items]
    if any(item.type != read[0].type or item.shape for item in read):
        raise InvalidModel(f"{where} is a list of values of different types")
    dtype = read[0].type.dtype if read else "STRING"
    values = [item.array() for item in read]
    stored = np.array([v.item() for v in values], dtype=NUMPY[dtype])
    return Constant(TensorType(dtype, (len(read),)), stored)


def _immediate(tensor: Any, where: str) -> np.ndarray:
    field = tensor.WhichOneof("value")
    if field is None:
        raise InvalidModel(f"{where} is a constant without a value")
    values = getattr(tensor, field).values
    if field == "bytes":
        return np.frombuffer(bytearray(values), np.uint8)
    dtype = {
        "floats": np.float32,
        "doubles": np.float64,
        "ints": np.int32,
        "longInts": np.int64,
        "bools": np.bool_,
        "strings": object,
    }[field]
    return np.fromiter(values, dtype, count=len(values))


def _checked(constant: Constant, where: str) -> Constant:
    """The constant with `stored` of its numpy type (raw bytes for the packed types)."""
    dtype, stored, count = constant.type.dtype, constant.stored, math.prod(constant.shape)
    bits = BITS.get(dtype)
    raw = stored.dtype == np.uint8
    if bits is not None:
        agrees = raw and stored.size == (count * bits + 7) // 8
    elif raw:
        agrees = dtype not in ("STRING", "BOOL") and stored.size == count * NUMPY[dtype].itemsize
        stored = stored.view(NUMPY[dtype]) if agrees else stored
        agrees = agrees and stored.size == count
    else:
        agrees = stored.size == count and (stored.dtype == object) == (dtype == "STRING")
        agrees = agrees and stored.dtype.kind in _KINDS[NUMPY[dtype].kind]
        stored = stored.astype(NUMPY[dtype]) if agrees else stored
    if not agrees:
        raise InvalidModel(
            f"{where} is declared {constant.type}, "
            f"but {constant.stored.nbytes} bytes of {constant.stored.dtype} are stored"
        )
    return Constant(constant.type, stored, constant.blob)


# which stored kinds may stand for which declared kind: MIL keeps int16 among the ints
_KINDS = {"f": "f", "i": "i", "u": "i", "b": "b", "O": "O"}
