"""How values of MIL's element types are held between operations: as torch tensors on a CPU.

A float16 value is held in float32, and rounded to float16 after each operation that computes new
numbers, as hardware with a float32 accumulator does. Operations that only move numbers (reshape,
slice, maximum) then need no rounding. Unsigned types of more than a byte, in which torch computes
hardly anything, are held in the next larger signed type.
"""

from collections.abc import Callable

import numpy as np
import torch

from blazepalm.reports.backends.mil.values import NUMPY

# MIL's element type → torch's type that stores it
STORAGE_TYPES = {
    "BOOL": torch.bool,
    "FLOAT16": torch.float32,
    "FLOAT32": torch.float32,
    "FLOAT64": torch.float64,
    "INT4": torch.int8,
    "INT8": torch.int8,
    "INT16": torch.int16,
    "INT32": torch.int32,
    "INT64": torch.int64,
    "UINT1": torch.uint8,
    "UINT2": torch.uint8,
    "UINT3": torch.uint8,
    "UINT4": torch.uint8,
    "UINT6": torch.uint8,
    "UINT8": torch.uint8,
    "UINT16": torch.int32,
    "UINT32": torch.int64,
}
FLOATS = ("FLOAT16", "FLOAT32", "FLOAT64")

# what `cast`, `quantize` and others call a type → MIL's element type
TYPE_NAMES = {
    "bool": "BOOL",
    "fp16": "FLOAT16",
    "fp32": "FLOAT32",
    "fp64": "FLOAT64",
    "float16": "FLOAT16",
    "float32": "FLOAT32",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
}


def round_to_float16(values: torch.Tensor) -> torch.Tensor:
    """float32 → the nearest float16 values, in float32; beyond ±65504 infinite, as in float16."""
    return values.half().float()


def to_tensor(array: np.ndarray, dtype: str) -> torch.Tensor:
    """A constant or an input of MIL's `dtype` in its storage type; copied only where needed."""
    storage_type = STORAGE_TYPES[dtype]
    wide = array.dtype in (np.uint16, np.uint32)
    stored = array.astype(np.int64) if wide else array if array.flags.writeable else array.copy()
    return torch.from_numpy(np.ascontiguousarray(stored)).to(storage_type).reshape(array.shape)


def to_array(tensor: torch.Tensor, dtype: str) -> np.ndarray:
    """A stored value as numpy's `dtype`, in its own memory."""
    return tensor.numpy().astype(NUMPY[dtype], order="C", copy=True)


def cast_to(source: str, target: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """The function that casts a stored value of MIL type `source` to `target`."""
    storage_type = STORAGE_TYPES[target]
    if target == "FLOAT16" and source != "FLOAT16":
        return lambda x: round_to_float16(x.float())
    if target == "UINT16":  # carried in int32, which does not wrap
        return lambda x: x.to(torch.int32) & 0xFFFF
    return lambda x: x.to(storage_type)
