"""A `.tflite` file, or a `.task`/`.zip` bundle of several → graphs.

bytes → flatbuffer (checked indices) → order (acyclic) → constant_folding → shape_arithmetic
(evaluated too) → to_float (integer models) → Graph. Only InvalidModel is ever raised, whatever
the file holds.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from blazepalm.converter.tflite.budget import Budget, check_values
from blazepalm.converter.tflite.bundle import Contents, choose_one, open_contents, read_contents
from blazepalm.converter.tflite.constant_folding import constant_indices, fold_constants
from blazepalm.converter.tflite.flatbuffer import read_flatbuffer
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.labels import read_labels
from blazepalm.converter.tflite.order import check_order
from blazepalm.converter.tflite.shape_arithmetic import fold_shapes
from blazepalm.converter.tflite.to_float import to_float
from blazepalm.errors import InvalidModel


def read(path: str | Path) -> Graph:
    """The graph of a file with one model; `bundle.task:member.tflite` names a member of a bundle.
    Raises InvalidModel, listing the models if a bundle holds several.
    """
    source, content = choose_one(path)
    return read_bytes(content, source)


def read_all(path: str | Path) -> tuple[Graph, ...]:
    """The graphs of all models in a file: one for a plain `.tflite`, one per member of a bundle,
    whose `source` then is `bundle.task:member.tflite`. Raises InvalidModel.
    """
    return tuple(read_bytes(content, source) for source, content in read_contents(path))


@dataclass(frozen=True)
class Members:
    """The models of a file that could be read, and why other members of its bundle could not."""

    contents: Contents
    graphs: tuple[Graph, ...]
    failures: tuple[InvalidModel, ...]

    @property
    def file(self) -> str:
        return self.contents.file

    @property
    def is_bundle(self) -> bool:
        return self.contents.is_bundle


def read_members(path: str | Path) -> Members:
    """Every readable model at `path`; the other members are still read when one of them cannot be.
    Raises InvalidModel if nothing can be read.
    """
    contents = open_contents(path)
    graphs = []
    failures = [failure for _, failure in contents.failures]
    for source, content in contents.models:
        try:
            graphs.append(read_bytes(content, source))
        except InvalidModel as error:
            failures.append(error)
    if not graphs and len(failures) == 1:
        raise failures[0]
    return Members(contents, tuple(graphs), tuple(failures))


def read_bytes(content: bytes, source: str) -> Graph:
    """The graph of a `.tflite` in memory; messages call it `source`. Constants are read-only views
    of `content` unless they had to be computed. Raises InvalidModel.
    """
    graph, budget = _folded(content, source)
    assert graph.stored is not None
    tensors, operators, outputs, dequantised = to_float(
        graph.stored, list(graph.tensors), list(graph.operators), budget
    )
    return replace(
        graph,
        tensors=tuple(tensors),
        operators=tuple(operators),
        outputs=outputs,
        dequantised=dequantised,
    )


def read_as_stored(content: bytes, source: str) -> Graph:
    """The same graph as the file computes it: quantised values stay integers, QUANTIZE and
    DEQUANTIZE stay operators. Raises InvalidModel.
    """
    graph, _ = _folded(content, source)
    return graph


def _folded(content: bytes, source: str) -> tuple[Graph, Budget]:
    model = read_flatbuffer(content, source)
    constants = constant_indices(model)
    check_order(model, constants)
    budget = Budget(model)
    tensors, operators = fold_constants(model, constants, budget)
    tensors, operators, rewrites = fold_shapes(model, tensors, operators)
    graph = Graph(
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        description=model.description,
        tensors=tuple(tensors),
        operators=tuple(operators),
        inputs=model.inputs,
        outputs=model.outputs,
        metadata=model.metadata,
        stored_operators=len(model.operators),
        stored=model,
        rewrites=rewrites,
        labels=read_labels(content, source),
    )
    check_values(graph)
    return graph, budget
