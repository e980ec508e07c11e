"""`pad`: with a constant, by reflection, or by repeating the edge.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_operation.py. `pad` holds (before, after) for
the last axes. torch reflects only some axes at some ranks, so each axis is indexed here in turn, as
numpy pads.
"""

import torch

from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.convolution_window import Pads, pad, padded_shape
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel

MODES = ("constant", "reflect", "replicate")


@executes("pad")
def pad_axes(call: Call) -> Kernel:
    """Extends the last axes before and after."""
    call.needs("x", "pad")
    mode = call.text("mode", "constant", among=MODES)
    fill = call.number("constant_val", 0.0) if mode == "constant" else 0.0
    known = call.known_integers("pad")
    if known is not None:
        pads = _pairs(known, call.rank("x"))
        return call.kernel(lambda x: _pad(x, pads, mode, fill), "x", rounds=False)
    return call.kernel(
        lambda x, flat: _pad(x, _pairs(flat.tolist(), x.dim()), mode, fill),
        "x",
        "pad",
        rounds=False,
    )


def _pairs(flat: list[int] | tuple[int, ...], rank: int) -> Pads:
    if len(flat) % 2 or len(flat) > 2 * rank or min(flat, default=0) < 0:
        raise ValueError(f"pad is {list(flat)} for a value of rank {rank}")
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def _pad(x: torch.Tensor, pads: Pads, mode: str, fill: float) -> torch.Tensor:
    if mode == "constant":
        return pad(x, pads, fill)
    require_size(padded_shape(x.shape, pads))
    for place, (before, after) in enumerate(pads):
        axis = x.dim() - len(pads) + place
        if before or after:
            x = x.index_select(axis, _source(x.shape[axis], before, after, mode))
    return x


def _source(size: int, before: int, after: int, mode: str) -> torch.Tensor:
    """The index of the source element for each place of the padded axis."""
    if size < 1:
        raise ValueError("pads an axis of length 0 with its own elements")
    places = torch.arange(-before, size + after)
    if mode == "replicate" or size == 1:
        return places.clamp(0, size - 1)
    period = 2 * (size - 1)
    places = places % period
    return torch.minimum(places, period - places)
