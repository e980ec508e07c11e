"""A graph that computes in integers → the float graph that it approximates.

A quantised run-time value (int8, uint8, int16 with a scale) becomes float32; constants read by such
operators, and int8 kernels of operators on floats ("dynamic range"), are dequantised; QUANTIZE and
DEQUANTIZE between run-time values are removed. Inputs and outputs are then real values, scale ·
(stored − zero point).

Differs from TFLite in: integer kernels round every value to its step and clamp it to its range; the
float graph does neither. A graph whose integers themselves carry meaning is refused.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from blazepalm.converter.tflite.budget import Budget
from blazepalm.converter.tflite.dequantise import INTEGERS, dequantise
from blazepalm.converter.tflite.graph import Operator, StoredModel, Tensor
from blazepalm.converter.tflite.options import FullyConnectedOptions
from blazepalm.errors import InvalidModel

FLOAT_BYTES = 4
QUANTISED = ("int8", "uint8", "int16")

# Operators that mean the same on real values, and which of their operands are not values but axes,
# sizes, paddings, positions.
STRUCTURAL_OPERANDS: dict[str, tuple[int, ...]] = {
    "CONV_2D": (),
    "DEPTHWISE_CONV_2D": (),
    "TRANSPOSE_CONV": (0,),
    "FULLY_CONNECTED": (),
    "ADD": (),
    "SUB": (),
    "MUL": (),
    "DIV": (),
    "MAXIMUM": (),
    "MINIMUM": (),
    "SQUARED_DIFFERENCE": (),
    "POW": (),
    "ABS": (),
    "NEG": (),
    "EXP": (),
    "LOG": (),
    "SQRT": (),
    "RSQRT": (),
    "SQUARE": (),
    "SIN": (),
    "COS": (),
    "GREATER": (),
    "GREATER_EQUAL": (),
    "LESS": (),
    "LESS_EQUAL": (),
    "SELECT": (),
    "SELECT_V2": (),
    "PRELU": (),
    "RELU": (),
    "RELU6": (),
    "RELU_N1_TO_1": (),
    "LEAKY_RELU": (),
    "HARD_SWISH": (),
    "ELU": (),
    "TANH": (),
    "LOGISTIC": (),
    "SOFTMAX": (),
    "MAX_POOL_2D": (),
    "AVERAGE_POOL_2D": (),
    "MEAN": (1,),
    "SUM": (1,),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "MIRROR_PAD": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "RESHAPE": (1,),
    "SQUEEZE": (),
    "EXPAND_DIMS": (1,),
    "TRANSPOSE": (1,),
    "CONCATENATION": (),
    "SPLIT": (0,),
    "SLICE": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "GATHER": (1,),
    "PACK": (),
    "UNPACK": (),
    "DEPTH_TO_SPACE": (),
    "SPACE_TO_DEPTH": (),
}


def to_float(
    model: StoredModel, tensors: list[Tensor], operators: list[Operator], budget: Budget
) -> tuple[list[Tensor], list[Operator], tuple[int, ...], bool]:
    """(tensors, operators, graph outputs, whether anything changed), all after folding. Raises
    InvalidModel if the float meaning is uncertain.
    """
    quantised = {
        t.index
        for t in tensors
        if not t.is_constant and t.quantisation is not None and t.dtype in QUANTISED
    }
    _check_meaning(model, operators, quantised)
    tensors = list(tensors)
    changed = False
    for op, index in _real_constants(model, tensors, operators, quantised):
        if tensors[index].dtype in INTEGERS:
            what = f"{model.where(op)}: its operand {tensors[index]}"
            budget.spend(math.prod(tensors[index].shape) * FLOAT_BYTES, tensors[index])
            data = dequantise(_data(tensors[index]), tensors[index].quantisation, what)
            tensors[index] = replace(tensors[index], dtype="float32", data=data, quantisation=None)
            changed = True
    for index in quantised:
        tensors[index] = replace(tensors[index], dtype="float32")
    operators, outputs = _without_casts(model, tensors, operators, quantised)
    return tensors, operators, outputs, changed or bool(quantised)


def _check_meaning(model: StoredModel, operators: list[Operator], quantised: set[int]) -> None:
    """Checks that every operator on a quantised value has a meaning on real values."""
    unsure: dict[str, Operator] = {}
    for op in operators:
        if not quantised.isdisjoint((*op.inputs, *op.outputs)) and not _is_cast(op):
            shuffled = (
                isinstance(op.options, FullyConnectedOptions)
                and op.options.weights_format != "DEFAULT"
            )
            if op.name not in STRUCTURAL_OPERANDS or shuffled:
                unsure.setdefault(op.name, op)
    if unsure:
        listed = ", ".join(f"{op.name} (first: operator {op.index})" for op in unsure.values())
        raise InvalidModel(
            f"{model.source}: a quantised model; cannot convert {listed} to float; use "
            "the float version of the model instead"
        )


def _real_constants(
    model: StoredModel, tensors: list[Tensor], operators: list[Operator], quantised: set[int]
) -> Iterator[tuple[Operator, int]]:
    """Integer constants that stand for real values: those read as such by an operator on quantised
    values, or, with a scale, by one whose result is float.
    """
    structural = {
        op.inputs[slot]
        for op in operators
        for slot in STRUCTURAL_OPERANDS.get(op.name, ())
        if slot < len(op.inputs)
    }
    integers = {t.index for t in tensors if t.is_constant and t.dtype in INTEGERS}
    for op in operators:
        if op.name not in STRUCTURAL_OPERANDS:
            continue
        on_quantised = not quantised.isdisjoint((*op.inputs, *op.outputs))
        on_float = any(tensors[t].dtype == "float32" for t in op.outputs)
        for slot, index in enumerate(op.inputs):
            if index not in integers or slot in STRUCTURAL_OPERANDS[op.name]:
                continue
            scaled = tensors[index].quantisation is not None
            if not (on_quantised or (on_float and scaled)):
                continue
            if index in structural:
                raise InvalidModel(
                    f"{model.where(op)} reads {tensors[index]} as values, but another operator "
                    "reads it as sizes or positions"
                )
            yield op, index


def _without_casts(
    model: StoredModel, tensors: list[Tensor], operators: list[Operator], quantised: set[int]
) -> tuple[list[Operator], tuple[int, ...]]:
    """Drops QUANTIZE and DEQUANTIZE, making result and operand one value. It keeps the operand's
    tensor, or the result's if that is an output of the graph and so has the name that users know.
    """
    stands_for: dict[int, int] = {}

    def now(index: int) -> int:
        while index in stands_for:
            index = stands_for[index]
        return index

    computed = {t for op in operators for t in op.outputs}
    kept = []
    for op in operators:
        if not _is_cast(op) or quantised.isdisjoint((*op.inputs, *op.outputs)):
            kept.append(op)
            continue
        if len(op.inputs) != 1 or len(op.outputs) != 1 or op.inputs[0] < 0:
            raise InvalidModel(f"{model.where(op)} needs one input and one output")
        operand, result = now(op.inputs[0]), op.outputs[0]
        if tensors[operand].shape != tensors[result].shape:
            raise InvalidModel(f"{model.where(op)} changes the shape of {tensors[operand]}")
        if {tensors[operand].dtype, tensors[result].dtype} != {"float32"}:
            kinds = f"{tensors[operand].dtype} to {tensors[result].dtype}"
            raise InvalidModel(f"{model.where(op)} converts {tensors[operand]} from {kinds}")
        if result in model.outputs and operand in computed and operand not in model.outputs:
            stands_for[operand] = result
        else:
            stands_for[result] = operand

    def renamed(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(now(i) for i in indices)

    operators = [replace(op, inputs=renamed(op.inputs), outputs=renamed(op.outputs)) for op in kept]
    return operators, renamed(model.outputs)


def _is_cast(op: Operator) -> bool:
    return op.name in ("QUANTIZE", "DEQUANTIZE")


def _data(tensor: Tensor) -> np.ndarray:
    assert tensor.data is not None
    return tensor.data
