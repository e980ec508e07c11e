"""An image input of N, C, H, W → N, H, W, C, followed by a TRANSPOSE for other rules to sink.

Recognised by its three channels in second place. The module of the file's graph keeps its input;
the readable module takes N, C, H, W in any case.
"""

from blazepalm.converter.normal_form.change import Change, Fresh
from blazepalm.converter.tflite.graph import Graph, Operator

CHANNELS = 3


def channels_last(graph: Graph, op: Operator) -> Change | None:
    if len(graph.inputs) != 1 or graph.inputs[0] not in op.inputs:
        return None
    image = graph.tensors[graph.inputs[0]]
    if len(image.shape) != 4 or image.shape[1] != CHANNELS or image.shape[3] == CHANNELS:
        return None
    if graph.consumers(image.index)[0] is not op:
        return None  # only at its first reader
    fresh = Fresh(graph)
    n, c, h, w = image.shape
    turned = fresh.tensor(image, (n, h, w, c))
    order = fresh.integers(image, (0, 3, 1, 2), "image input channels last")
    transpose = fresh.operator("TRANSPOSE", (turned, order), image.index)
    return Change((transpose, op), tuple(fresh.tensors), inputs=(turned,))


def is_channels_first(before: Graph, after: Graph) -> bool:
    """Whether the normal form `after` takes channels last but `before` takes them first."""
    return before.inputs != after.inputs
