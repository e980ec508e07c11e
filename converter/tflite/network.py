"""A model as its file holds it → one SHA-256 of the network: what it computes, not how it was
written down.

Two files of the same operators (kind and options), wired alike, on tensors of the same shapes
and types, with the same constant bytes, have the same one. Names, description, metadata, the
order of buffers, tensors, opcodes and operators, versions, and what no output depends on do not
count. Each tensor's digest is of the operator that computes it and of the digests of what that
reads, so the outputs' digests are of everything before them.
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

ABSENT = "absent"  # an optional operand that is not there, or a tensor that nothing computes


def network_sha256(model: StoredModel) -> str:
    """Hex. `model` is in order: every operand is an input, a constant or computed before."""
    buffers: dict[int, str] = {}  # digest by buffer, which tensors may share
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
    """Those that are not the schema's default, so that a file need not spell them out."""
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
    return scales, quantisation.zero_point, quantisation.axis


def _sparsity(sparsity: Sparsity | None) -> object:
    if sparsity is None:
        return None
    levels = [(d.dense_size, d.segments, d.indices) for d in sparsity.dimensions]
    return sparsity.traversal_order, sparsity.block_map, levels


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
