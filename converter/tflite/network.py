"""A model as stored in its file → one SHA-256 of the network: what it computes, not how it is
written down.

Two files have the same hash if they have the same operators (kind and options), wired alike, on
tensors of the same shapes and types, with the same constant bytes. Names, description, metadata,
the order of buffers, tensors, opcodes and operators, versions, and anything that no output depends
on do not count. Each tensor's digest covers the operator that computes it and the digests of that
operator's operands, so the outputs' digests cover everything before them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from blazepalm.converter.tflite.graph import (
    Operator,
    Quantisation,
    Sparsity,
    StoredModel,
    StoredTensor,
)
from blazepalm.converter.tflite.options import Options

ABSENT = "absent"  # a missing optional operand, or a tensor that nothing computes


def network_sha256(model: StoredModel) -> str:
    """In hex. Every operand in `model` must be an input, a constant or computed earlier."""
    buffers: dict[int, str] = {}  # digest by buffer; tensors may share one
    digests = {
        index: _digest("input", position, _kind(model.tensors[index]))
        for position, index in enumerate(model.inputs)
    }

    def of(index: int) -> str:
        if index < 0:
            return ABSENT
        if index not in digests:
            digests[index] = _constant(model.tensors[index], buffers)
        return digests[index]

    for op in model.operators:
        computed = _digest("operator", *_operation(op), [of(index) for index in op.inputs])
        for slot, index in enumerate(op.outputs):
            digests[index] = _digest("output", computed, slot, _kind(model.tensors[index]))
    return _digest(
        "network",
        [_kind(model.tensors[index]) for index in model.inputs],
        [of(index) for index in model.outputs],
    )


def _operation(op: Operator) -> tuple[object, ...]:
    return op.name, _options(op.options), op.custom_options.hex()


def _options(options: Options | None) -> Mapping[str, Any]:
    """The options that differ from the schema's defaults, which files may omit."""
    if options is None:
        return {}
    values = {
        f.name: getattr(options, f.name)
        for f in fields(options)
        if f.default is MISSING or getattr(options, f.name) != f.default
    }
    return {"kind": type(options).__name__, **values}


def _constant(tensor: StoredTensor, buffers: dict[int, str]) -> str:
    if tensor.content is None:
        return _digest(ABSENT, _kind(tensor))
    if tensor.buffer not in buffers:
        buffers[tensor.buffer] = hashlib.sha256(tensor.content.data).hexdigest()
    return _digest("constant", _kind(tensor), buffers[tensor.buffer])


def _kind(tensor: StoredTensor) -> tuple[object, ...]:
    return (
        tensor.shape,
        tensor.dtype,
        _quantisation(tensor.quantisation),
        _sparsity(tensor.sparsity),
    )


def _quantisation(quantisation: Quantisation | None) -> object:
    if quantisation is None:
        return None
    scales = [scale.hex() for scale in quantisation.scale]
    found = (scales, quantisation.zero_point, quantisation.axis)
    return (*found, quantisation.block) if quantisation.block else found


def _sparsity(sparsity: Sparsity | None) -> object:
    if sparsity is None:
        return None
    levels = [(d.dense_size, d.segments, d.indices) for d in sparsity.dimensions]
    return sparsity.traversal_order, sparsity.block_map, levels


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
