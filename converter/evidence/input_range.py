"""The input's value range as the file itself states it: by the quantisation of an integer input (or
of the one that a float input is quantised to first), else by the metadata.
"""

from collections.abc import Sequence

from blazepalm.converter.evidence.metadata import ENTRY, read_metadata
from blazepalm.converter.tflite.graph import Graph, StoredModel

Range = tuple[float, float]

RANGES: tuple[Range, ...] = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))  # of images, as files use them
LEVELS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}
NEAR = 0.05  # of the range's width: a quantiser's pictures need not reach its ends


def quantised_range(graph: Graph) -> Range | None:
    """The one of `RANGES` that the input's integers span; None if they span two: signed integers
    about zero reach as far below it as above, whether or not any pixel is there. So are all of
    int16.
    """
    model = graph.stored
    if model is None or len(model.inputs) != 1:
        return None
    for index in (model.inputs[0], _quantised_to(model)):
        tensor = None if index is None else model.tensors[index]
        if tensor is None or tensor.dtype not in LEVELS or tensor.quantisation is None:
            continue
        scale, zero = tensor.quantisation.scale, tensor.quantisation.zero_point
        if len(scale) == 1 and len(zero) == 1:
            low, high = ((level - zero[0]) * scale[0] for level in LEVELS[tensor.dtype])
            spanned = {nearest((low, high))}
            if low < 0 and zero[0] == 0:
                spanned.add(nearest((0.0, high)))
            known = spanned - {None}
            return known.pop() if len(known) == 1 else None
    return None


def stated_range(graph: Graph) -> Range | None:
    """The one of `RANGES` that the metadata's normalisation gives."""
    found = read_metadata(graph.metadata.get(ENTRY, b"")).value_range
    return None if found is None else nearest(found)


def nearest(found: Sequence[float]) -> Range | None:
    """The one of `RANGES` whose ends are near; None if there is none."""
    for low, high in RANGES:
        if max(abs(found[0] - low), abs(found[1] - high)) <= NEAR * (high - low):
            return low, high
    return None


def _quantised_to(model: StoredModel) -> int | None:
    """The integers that a float input becomes, if all its readers quantise it."""
    readers = [op for op in model.operators if model.inputs[0] in op.inputs]
    if len(readers) == 1 and readers[0].name == "QUANTIZE" and readers[0].outputs:
        return readers[0].outputs[0]
    return None
