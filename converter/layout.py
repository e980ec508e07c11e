"""The layout of a graph's images. A graph of no known family takes them as its file does, as a rule
N, H, W, C; `channels_first` gives the same graph for N, C, H, W.
"""

from dataclasses import replace

from blazepalm.converter.normal_form.change import Fresh
from blazepalm.converter.tflite.graph import Graph, Rewrite
from blazepalm.errors import ArtifactError

LAYOUTS = ("nhwc", "nchw")
CHANNELS = 3
REWRITE = "image input channels first"


def check_layout_name(layout: str) -> None:
    """Raises ArtifactError for a name that is not in `LAYOUTS`."""
    if layout not in LAYOUTS:
        raise ArtifactError(f"unknown layout {layout!r}; choose from {', '.join(LAYOUTS)}")


def channels_first(graph: Graph) -> Graph:
    """The graph with a TRANSPOSE before each input of four axes, which then takes N, C, H, W; the
    rewrite `REWRITE` records it. An input whose three channels already come
    first in the file stays; if no input changes, returns `graph` itself.
    """
    for position, index in enumerate(graph.inputs):
        tensor = graph.tensors[index]
        if len(tensor.shape) != 4 or (tensor.shape[1] == CHANNELS != tensor.shape[3]):
            continue
        fresh = Fresh(graph)
        n, h, w, c = tensor.shape
        image = fresh.tensor(tensor, (n, c, h, w))
        order = fresh.integers(tensor, (0, 2, 3, 1), REWRITE)
        transpose = fresh.operator("TRANSPOSE", (image, order), index)
        graph = replace(
            graph,
            tensors=(*graph.tensors, *fresh.tensors),
            operators=(transpose, *graph.operators),
            inputs=(*graph.inputs[:position], image, *graph.inputs[position + 1 :]),
            rewrites=(*graph.rewrites, Rewrite(REWRITE, (transpose.index,))),
        )
    return graph
