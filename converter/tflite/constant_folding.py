"""A StoredModel → tensors with their constant values, and the remaining operators.

Evaluates constant DEQUANTIZE and DENSIFY, and chains of them: the last output becomes the constant,
the operator is dropped, and the provenance records what the file stored. TFLite does the same once,
on its first run.
"""

import hashlib
from dataclasses import replace

import numpy as np

from blazepalm.converter.tflite.budget import Budget
from blazepalm.converter.tflite.dequantise import dequantise
from blazepalm.converter.tflite.graph import Operator, Provenance, StoredModel, StoredTensor, Tensor
from blazepalm.converter.tflite.sparsity import densify
from blazepalm.errors import InvalidModel

DEQUANTISED_BYTES = 4  # per element: float32

# numpy types of the schema's types; int4 packs two elements per byte and is read as int8.
NUMERIC = (
    *("float16", "float32", "float64", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128"),
)


def constant_indices(model: StoredModel) -> frozenset[int]:
    """The tensors whose value the file holds: those with bytes, and empty ones that no operator
    computes.
    """
    computed = {*model.inputs, *(t for op in model.operators for t in op.outputs)}
    return frozenset(
        t.index
        for t in model.tensors
        if t.content is not None or (t.elements == 0 and t.index not in computed)
    )


def fold_constants(
    model: StoredModel, constants: frozenset[int], budget: Budget
) -> tuple[list[Tensor], list[Operator]]:
    """All tensors in the file's numbering, and the remaining operators in the file's order."""
    digests: dict[int, str] = {}  # by buffer; tensors may share one
    tensors = [
        _constant(model.source, t, budget, digests)
        if t.index in constants
        else Tensor(t.index, t.name, t.shape, t.dtype, t.quantisation)
        for t in model.tensors
    ]
    operators = []
    for op in model.operators:
        if op.name in ("DEQUANTIZE", "DENSIFY") and _is_constant(model, op, tensors):
            result = op.outputs[0]
            tensors[result] = _evaluate(model, op, tensors, budget)
        else:
            operators.append(op)
    return tensors, operators


def _is_constant(model: StoredModel, op: Operator, tensors: list[Tensor]) -> bool:
    if len(op.inputs) != 1 or len(op.outputs) != 1 or op.inputs[0] < 0:
        raise InvalidModel(
            f"{model.where(op)} has {len(op.inputs)} inputs and {len(op.outputs)} outputs, "
            "expected one of each"
        )
    operand = tensors[op.inputs[0]]
    if op.name == "DENSIFY" and not operand.is_constant:
        raise InvalidModel(f"{model.where(op)} reads {operand}, which is not a constant")
    return operand.is_constant


def _evaluate(model: StoredModel, op: Operator, tensors: list[Tensor], budget: Budget) -> Tensor:
    """The output of a constant DEQUANTIZE or DENSIFY, as a constant."""
    operand, result = tensors[op.inputs[0]], tensors[op.outputs[0]]
    data, provenance = operand.data, operand.provenance
    assert data is not None
    assert provenance is not None
    quantisation = operand.quantisation
    if op.name == "DENSIFY":
        if provenance.sparsity is None:
            raise InvalidModel(f"{model.where(op)} reads {operand}, which is not sparse")
        expected = operand.dtype
    else:
        budget.spend(data.size * DEQUANTISED_BYTES, result)
        data = dequantise(data, quantisation, f"{model.where(op)}: its operand {operand}")
        expected, quantisation = "float32", None
    if result.shape != operand.shape or result.dtype != expected:
        raise InvalidModel(
            f"{model.where(op)} writes {result} as {result.dtype} {list(result.shape)}, expected "
            f"{expected} {list(operand.shape)}"
        )
    return replace(
        result,
        quantisation=quantisation,
        data=data,
        provenance=replace(provenance, folded=(*provenance.folded, op.name)),
    )


def _constant(source: str, tensor: StoredTensor, budget: Budget, digests: dict[int, str]) -> Tensor:
    """A constant as stored, but dense: a view of the file if possible."""
    what = f"{source}: tensor {tensor}"
    content = np.zeros(0, np.uint8) if tensor.content is None else tensor.content
    if tensor.buffer not in digests:
        digests[tensor.buffer] = hashlib.sha256(content.data).hexdigest()
    if tensor.sparsity is None:
        data = _elements(content, tensor.dtype, tensor.elements, what).reshape(tensor.shape)
        if not np.may_share_memory(data, content):
            budget.spend(data.nbytes, tensor)
    else:
        values = _elements(content, tensor.dtype, _count(content, tensor.dtype, what), what)
        places = values.size * np.dtype(np.int64).itemsize
        budget.spend(places + tensor.elements * values.itemsize, tensor)
        data = densify(values, tensor.shape, tensor.sparsity, what)
    data.setflags(write=False)
    return Tensor(
        index=tensor.index,
        name=tensor.name,
        shape=tensor.shape,
        dtype=data.dtype.name,
        quantisation=tensor.quantisation,
        data=data,
        provenance=Provenance(
            tensor=tensor.index,
            name=tensor.name,
            dtype=tensor.dtype,
            shape=tensor.shape,
            buffer=tensor.buffer,
            stored_bytes=content.size,
            sha256=digests[tensor.buffer],
            quantisation=tensor.quantisation,
            sparsity=tensor.sparsity,
        ),
    )


def _count(content: np.ndarray, dtype: str, what: str) -> int:
    """The number of whole elements in the bytes."""
    return content.size * 8 // _item_bits(dtype, what)


def _item_bits(dtype: str, what: str) -> int:
    if dtype == "int4":
        return 4
    if dtype not in NUMERIC:
        raise InvalidModel(f"{what} is a constant of type {dtype}, only numbers can be read")
    return np.dtype(dtype).itemsize * 8


def _elements(content: np.ndarray, dtype: str, count: int, what: str) -> np.ndarray:
    """The buffer's bytes as exactly `count` elements, or InvalidModel."""
    expected = (count * _item_bits(dtype, what) + 7) // 8
    if content.size != expected:
        raise InvalidModel(f"{what} holds {content.size} bytes, {count} {dtype} take {expected}")
    if dtype == "int4":
        return _nibbles(content)[:count]
    if dtype == "bool":
        truth: np.ndarray = np.not_equal(content, 0)
        return truth
    elements = content.view(np.dtype(dtype).newbyteorder("<"))
    return elements if elements.flags.aligned else elements.copy()


def _nibbles(content: np.ndarray) -> np.ndarray:
    """Signed 4-bit integers, low half of each byte first, as int8."""
    signed = content.view(np.int8)
    return np.stack([np.left_shift(signed, 4) >> 4, signed >> 4], axis=-1).reshape(-1)
