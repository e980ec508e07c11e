"""What every backend is: a name, and images in, named raw outputs out.

Images are (N, H, W, C) float32 in the release's value range, outputs are keyed by the names
of the TFLite file's outputs, in its shapes (first axis N where the file's counts images),
axis order and units. A backend may be called from several threads at once.
"""

from collections import Counter
from typing import Protocol

import numpy as np

from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import CouldNotVerify

Outputs = dict[str, np.ndarray]


class Backend(Protocol):
    """`name` is what reports call it: `oracle`, `generic`, `torch`, `tflite`, `tflite-ref`."""

    @property
    def name(self) -> str: ...

    def run(self, images: np.ndarray) -> Outputs: ...


def output_names(graph: Graph) -> tuple[str, ...]:
    """The graph's outputs by name, in the file's order; a name that is empty or comes twice
    gets its position behind it, so that no output can hide another.
    """
    names = [graph.tensors[t].name for t in graph.outputs]
    count = Counter(names)
    return tuple(
        name if name and count[name] == 1 else f"{name or 'output'}#{i}"
        for i, name in enumerate(names)
    )


def input_shape(graph: Graph) -> tuple[int, ...]:
    """The shape of the one float32 input that parity feeds.

    Raises CouldNotVerify for a graph with another number or kind of inputs.
    """
    if len(graph.inputs) != 1:
        raise CouldNotVerify(
            f"{graph.source} has {len(graph.inputs)} inputs; parity feeds models of one image"
        )
    tensor = graph.tensors[graph.inputs[0]]
    if tensor.dtype != "float32" or not tensor.shape or min(tensor.shape) < 1:
        raise CouldNotVerify(
            f"{graph.source}: input {tensor} is {tensor.dtype} of shape {list(tensor.shape)}; "
            "parity feeds float32 inputs of a fixed shape"
        )
    return tensor.shape
