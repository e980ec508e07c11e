"""A detector's graph → its heads: map size and anchors per cell, in concatenation order.

The search walks back from each output through CONCATENATION and RESHAPE to the convolutions, so it
works for any detector built that way, whatever its backbone. The anchors follow from the heads,
without torch.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from blazepalm.converter.normal_form import normalise
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import AxisOptions
from blazepalm.errors import InvalidModel, check_path
from blazepalm.models.anchors import MAX_ANCHORS, anchors_from_heads

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "Convolution2DTransposeBias")
PASSED_THROUGH = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "LOGISTIC")
MAX_STEPS = 1 << 12  # operators walked back over for one output; a real file needs six


class Head(NamedTuple):
    """The predictions of one map."""

    height: int
    width: int
    anchors_per_cell: int


def heads_of(graph: Graph) -> tuple[Head, ...]:
    """The heads that all outputs agree on; empty if the graph is not such a detector.

    An output is N anchors × K values: the rows of its heads, one head after another; a head is a
    convolution of height × width × (anchors per cell · K). At least two outputs (boxes and scores)
    must have the same heads; a single one proves nothing.
    """
    if len(graph.outputs) < 2:
        return ()
    heads = _common(graph) or _common(normalise(graph))  # transposes may stand between
    return heads if sum(math.prod(head) for head in heads) <= MAX_ANCHORS else ()


def _common(graph: Graph) -> tuple[Head, ...]:
    found = {_output_heads(graph, output) for output in graph.outputs}
    return found.pop() if len(found) == 1 else ()


def anchors(file_or_release: str | Path) -> np.ndarray:
    """Anchors of a file or a release: (N, 4) float32, x_center, y_center, w, h, normalised to the
    input, in the order of the detector's output.

    Takes the one detector of a bundle. Raises UnknownRelease, or InvalidModel if the file cannot be
    read or does not hold exactly one detector.
    """
    return anchors_from_heads(heads_of(detector(file_or_release)))


def detector(file_or_release: str | Path) -> Graph:
    """The one detector of a file, a bundle or a release; raises the same errors as `anchors`."""
    from blazepalm.converter.tflite import read_members
    from blazepalm.models.releases import resolve

    check_path(file_or_release, "a release, a .tflite file or a bundle")
    path = resolve(str(file_or_release))
    read = read_members(path)
    detectors = [graph for graph in read.graphs if heads_of(graph)]
    if not detectors and read.failures:
        raise read.failures[0]
    if not detectors:
        raise InvalidModel(
            f"{path}: not a detector: its outputs are not N anchors × K values from convolutions; "
            "landmark models have no anchors"
        )
    if len(detectors) > 1:
        sources = ", ".join(graph.source for graph in detectors)
        raise InvalidModel(f"{path}: holds several detectors; name one of them: {sources}")
    return detectors[0]


def _output_heads(graph: Graph, output: int) -> tuple[Head, ...]:
    """The heads behind one output; empty if there are none or their sizes do not add up."""
    shape = graph.tensors[output].shape
    if len(shape) != 3 or min(shape) < 1:
        return ()
    _, rows, values = shape
    heads = []
    for op in head_operators(graph, output).convolutions:
        _, height, width, channels = graph.tensors[op.outputs[0]].shape
        if channels % values:
            return ()
        heads.append(Head(height, width, channels // values))
    return tuple(heads) if sum(math.prod(head) for head in heads) == rows else ()


class HeadOperators(NamedTuple):
    """What a detector's output is made of: convolutions, in the order of its anchors, and what
    only joins and reshapes their maps. No convolutions where a part of it is made otherwise.
    """

    convolutions: tuple[Operator, ...]
    passed: tuple[Operator, ...]
    stopped: str = ""  # why there are none


def head_operators(graph: Graph, output: int) -> HeadOperators:
    """Walks back from an output through CONCATENATION and RESHAPE."""
    convolutions: list[Operator] = []
    passed: list[Operator] = []
    ahead = [output]
    for _ in range(MAX_STEPS):
        if not ahead:
            return HeadOperators(tuple(convolutions), tuple(passed))
        tensor = ahead.pop()
        op = graph.producer(tensor)
        if op is None:
            return HeadOperators((), (), f"{graph.tensors[tensor]} comes from no operator")
        if op.name in CONVOLUTIONS and len(graph.tensors[tensor].shape) == 4:
            convolutions.append(op)
            continue
        if op.name == "CONCATENATION":
            if not isinstance(op.options, AxisOptions) or op.options.axis not in (1, -2):
                stopped = f"operator {op.index} CONCATENATION is not along the anchors"
                return HeadOperators((), (), stopped)
            ahead.extend(reversed(op.inputs))
        elif op.name in PASSED_THROUGH:
            ahead.append(next(iter(op.inputs), -1))
        else:
            return HeadOperators((), (), f"{graph.tensors[tensor]} comes from {op.name}")
        passed.append(op)
    return HeadOperators((), (), f"more than {MAX_STEPS} operators behind its heads")
