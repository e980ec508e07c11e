"""What a conversion proves before anything is written.

The readable module gives the bits of the normal form, lowered operator by operator. The normal
form gives the bits of the file's graph; or, where a rewrite rounds otherwise (a fused LOGISTIC,
a bias that a kernel adds first), both are run in float64 and must agree there.

How closely: two graphs that are equal but for rounding differ in float64 by about what either
rounds, which is 2⁻²⁹ of what it rounds in float32 (units of 2⁻⁵³ and 2⁻²⁴). The file's graph
tells the latter itself, as the distance of its float32 from its float64 outputs, at least half
a spacing at their peak. Each way of adding up has its own luck, so 2⁹ of slack is given: the
bound is 2⁻²⁰ of the distance, a millionth of what float32 can show.
"""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.tflite.graph import Graph, Rewrite
from blazepalm.errors import WeightTransferError

if TYPE_CHECKING:
    from torch import Tensor

    from blazepalm.converter.lowering import LoweredGraph

FLOAT64_SHARE = 2.0**-20
HALF_SPACING = 2.0**-24  # of float32 at 1


@dataclass(frozen=True)
class Preserved:
    """What became of the file's graph on the way to its normal form. `bitwise`: all outputs on
    the proof's images have the same bits; else `largest` is how far they were apart in float64,
    as a share of the bound for each output (1 would be the most), and `float32` how far in
    float32.
    """

    rewrites: tuple[Rewrite, ...] = ()
    bitwise: bool = True
    largest: float = 0.0
    float32: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Rewrites by name, each with the operators of every application."""
        names: dict[str, list[list[int]]] = {}
        for rewrite in self.rewrites:
            names.setdefault(rewrite.name, []).append(list(rewrite.operators))
        return {
            "rewrites": [{"name": name, "operators": done} for name, done in names.items()],
            "equals_file": "bitwise" if self.bitwise else "in float64",
            "share_of_float64_bound": self.largest,
            "float32_difference": self.float32,
        }


def prove_normal_form(
    graph: Graph, generic: "LoweredGraph", normal: Graph, module: "LoweredGraph", nhwc: "Tensor"
) -> Preserved:
    """Raises WeightTransferError where the normal form, lowered to `module`, does not mean what
    the file's graph, lowered to `generic`, does.
    """
    import torch

    with torch.no_grad():
        files, ours = generic(nhwc), module(nhwc)
        if all(torch.equal(a, b) for a, b in zip(files, ours, strict=True)):
            return Preserved(normal.rewrites)
        exact = copy.deepcopy(generic).double()(nhwc.double())
        exact_ours = copy.deepcopy(module).double()(nhwc.double())
    largest = difference = 0.0
    for name, file, our, truth, ours64 in zip(
        generic.outputs, files, ours, exact, exact_ours, strict=True
    ):
        peak = float(truth.abs().max())
        floor = max(float((file.double() - truth).abs().max()), peak * HALF_SPACING)
        apart = float((ours64 - truth).abs().max())
        share = apart / (floor * FLOAT64_SHARE) if floor else float(apart > 0) * np.inf
        if not share <= 1:
            raise WeightTransferError(
                f"{graph.source}: the normal form's {name} differ from the graph's by "
                f"{apart:.3g} in float64; this is a fault of a rewrite, not of the file"
            )
        largest = max(largest, share)
        difference = max(difference, float((file - our).abs().max()))
    return Preserved(normal.rewrites, False, largest, difference)
