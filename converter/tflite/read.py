"""A `.tflite` file, or a `.task`/`.zip` bundle of several → graphs.

bytes → schema (checked indices) → order (acyclic) → fold (constants evaluated) → shapes
(arithmetic on them evaluated) → to_float (integer models) → Graph. Only InvalidModel is ever
raised, whatever the file holds.
"""

import hashlib
from pathlib import Path

from blazepalm.converter.tflite.budget import Budget
from blazepalm.converter.tflite.bundle import choose_one, read_contents
from blazepalm.converter.tflite.fold import constant_indices, fold
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.order import check_order
from blazepalm.converter.tflite.schema import read_schema
from blazepalm.converter.tflite.shape_arithmetic import fold_shapes
from blazepalm.converter.tflite.to_float import to_float


def read(path: str | Path) -> Graph:
    """The graph of a file with one model; `bundle.task:member.tflite` names a bundle's.
    Raises InvalidModel; where a bundle holds several models, the message lists them.
    """
    source, content = choose_one(path)
    return read_bytes(content, source)


def read_all(path: str | Path) -> tuple[Graph, ...]:
    """The graph of every model in a file: one of a plain `.tflite`, one a member of a bundle,
    whose `source` then is `bundle.task:member.tflite`. Raises InvalidModel.
    """
    return tuple(read_bytes(content, source) for source, content in read_contents(path))


def read_bytes(content: bytes, source: str) -> Graph:
    """The graph of a `.tflite` in memory; `source` is what messages call it. Constants are
    read-only views of `content` where nothing had to be computed. Raises InvalidModel.
    """
    model = read_schema(content, source)
    constants = constant_indices(model)
    check_order(model, constants)
    budget = Budget(model)
    tensors, operators = fold(model, constants, budget)
    tensors, operators, rewrites = fold_shapes(model, tensors, operators)
    tensors, operators, outputs, dequantised = to_float(model, tensors, operators, budget)
    return Graph(
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        description=model.description,
        tensors=tuple(tensors),
        operators=tuple(operators),
        inputs=model.inputs,
        outputs=outputs,
        metadata=model.metadata,
        stored_operators=len(model.operators),
        dequantised=dequantised,
        rewrites=rewrites,
    )
