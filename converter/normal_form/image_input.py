"""An image input of N, C, H, W → N, H, W, C, with a TRANSPOSE behind it for the rest to sink.

Recognised by its three channels in second place. The file's own module keeps its input; the
readable one takes N, C, H, W in any case.
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
        return None  # before the first that reads it
    fresh = Fresh(graph)
    n, c, h, w = image.shape
    turned = fresh.tensor(image, (n, h, w, c))
    order = fresh.integers(image, (0, 3, 1, 2), "image input channels last")
    transpose = fresh.operator("TRANSPOSE", (turned, order), image.index)
    return Change((transpose, op), tuple(fresh.tensors), inputs=(turned,))


def is_channels_first(before: Graph, after: Graph) -> bool:
    """Whether the normal form `after` takes channels last where `before` takes them first."""
    return before.inputs != after.inputs
