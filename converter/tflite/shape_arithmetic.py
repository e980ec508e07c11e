"""Arithmetic on shapes → constants: SHAPE of a value whose shape the file gives, and whatever is
computed from it and other integer constants (STRIDED_SLICE, PACK, …) before a RESHAPE.

Keras writes it for models that take any batch size. Here the batch is the file's, as for every
other file; the lowering frees it again.
https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/shape.cc
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from blazepalm.converter.tflite.graph import Operator, Provenance, Rewrite, StoredModel, Tensor
from blazepalm.converter.tflite.options import (
    AxisOptions,
    BinaryOptions,
    ReducerOptions,
    SqueezeOptions,
    StridedSliceOptions,
)

MAX_VALUES = 64  # in a shape, or in a value computed from one
INTEGERS = ("int32", "int64")
NAME = "shape arithmetic folded"

Arithmetic = Callable[[Operator, list[np.ndarray]], np.ndarray]


def fold_shapes(
    model: StoredModel, tensors: list[Tensor], operators: list[Operator]
) -> tuple[list[Tensor], list[Operator], tuple[Rewrite, ...]]:
    """Tensors and operators after folding, and what was folded: one rewrite for each result that
    other operators read.
    """
    tensors = list(tensors)
    behind: dict[int, tuple[int, ...]] = {}  # folded tensor → the operators that computed it
    kept = []
    for op in operators:
        values = _values(model, op, tensors)
        if values is None:
            kept.append(op)
            continue
        result = op.outputs[0]
        before = [behind.get(i, ()) for i in op.inputs if i >= 0]
        behind[result] = tuple(sorted({op.index, *(i for group in before for i in group)}))
        tensors[result] = _constant(tensors[result], values, op.name)
    read = {i for op in kept for i in op.inputs}
    rewrites = tuple(Rewrite(NAME, behind[t]) for t in behind if t in read)
    return tensors, kept, rewrites


def _values(model: StoredModel, op: Operator, tensors: list[Tensor]) -> np.ndarray | None:
    """The value that `op` computes, if known and made of integers; else None."""
    if len(op.outputs) != 1 or op.outputs[0] in model.outputs:
        return None
    result = tensors[op.outputs[0]]
    if result.dtype not in INTEGERS or not op.inputs or min(op.inputs) < 0:
        return None
    if op.name == "SHAPE":
        values = np.array(tensors[op.inputs[0]].shape)
    else:
        operands = [tensors[i].data for i in op.inputs]
        if op.name not in ARITHMETIC or any(
            d is None or d.dtype.name not in INTEGERS or d.size > MAX_VALUES for d in operands
        ):
            return None
        try:
            values = ARITHMETIC[op.name](op, [d for d in operands if d is not None])
        except (ValueError, IndexError, TypeError, ZeroDivisionError):
            return None
    values = np.asarray(values)
    if values.shape != result.shape or values.size > MAX_VALUES:
        return None  # the lowering reports what is wrong with it
    return values.astype(result.dtype)


def _constant(tensor: Tensor, values: np.ndarray, step: str) -> Tensor:
    values.setflags(write=False)
    origin = Provenance(
        tensor.index, tensor.name, tensor.dtype, tensor.shape, 0, 0, sha256="", folded=(step,)
    )
    return replace(tensor, data=values, provenance=origin, quantisation=None)


def _strided_slice(op: Operator, operands: list[np.ndarray]) -> np.ndarray:
    value, begin, end, strides = operands
    options = op.options if isinstance(op.options, StridedSliceOptions) else StridedSliceOptions()
    if options.offset:
        raise ValueError("ends are offsets")
    items: list[Any] = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides, strict=True)):
        if options.ellipsis_mask >> i & 1:
            items.append(Ellipsis)
        elif options.new_axis_mask >> i & 1:
            items.append(None)
        elif options.shrink_axis_mask >> i & 1:
            items.append(0 if options.begin_mask >> i & 1 else int(b))
        else:
            start = None if options.begin_mask >> i & 1 else int(b)
            stop = None if options.end_mask >> i & 1 else int(e)
            items.append(slice(start, stop, int(s)))
    part: np.ndarray = value[tuple(items)]
    return part


def _slice(op: Operator, operands: list[np.ndarray]) -> np.ndarray:
    value, begin, size = operands
    ends = [None if s == -1 else int(b + s) for b, s in zip(begin, size, strict=True)]
    part: np.ndarray = value[tuple(slice(int(b), e) for b, e in zip(begin, ends, strict=True))]
    return part


def _axis(op: Operator) -> int:
    return op.options.axis if isinstance(op.options, AxisOptions) else 0


def _binary(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Arithmetic:
    def evaluate(op: Operator, operands: list[np.ndarray]) -> np.ndarray:
        if op.options not in (None, BinaryOptions()):
            raise ValueError("carries an activation")
        a, b = operands
        return function(a, b)

    return evaluate


def _product(op: Operator, operands: list[np.ndarray]) -> np.ndarray:
    keep = isinstance(op.options, ReducerOptions) and op.options.keep_dims
    axes = tuple(int(a) for a in operands[1].reshape(-1))
    product: np.ndarray = np.prod(operands[0], axis=axes, keepdims=keep)
    return product


def _squeeze(op: Operator, operands: list[np.ndarray]) -> np.ndarray:
    dims = op.options.squeeze_dims if isinstance(op.options, SqueezeOptions) else ()
    return np.squeeze(operands[0], dims or None)


ARITHMETIC: dict[str, Arithmetic] = {
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    "PACK": lambda op, operands: np.stack(operands, _axis(op)),
    "CONCATENATION": lambda op, operands: np.concatenate(operands, _axis(op)),
    "GATHER": lambda op, operands: np.take(operands[0], operands[1], _axis(op)),
    "RESHAPE": lambda op, operands: operands[0].reshape([int(d) for d in operands[1]]),
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": lambda op, operands: np.expand_dims(operands[0], int(operands[1].item())),
    "CAST": lambda op, operands: operands[0],
    "ADD": _binary(np.add),
    "SUB": _binary(np.subtract),
    "MUL": _binary(np.multiply),
    "MAXIMUM": _binary(np.maximum),
    "MINIMUM": _binary(np.minimum),
    "REDUCE_PROD": _product,
}
