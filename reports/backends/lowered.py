"""The generic torch lowering of a graph: in float64 it is the `oracle`, in float32 `generic`.

One lowering, two precisions. The oracle shares the lowering's idea of every operator, so it
says what float32 costs, not whether the idea is right; that is LiteRT's part.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from blazepalm.reports.backends.backend import Outputs


@dataclass(frozen=True)
class Lowered:
    """A generic module, fed in its own precision. Its outputs are in TFLite's axis order."""

    name: str
    module: nn.Module
    dtype: torch.dtype
    outputs: tuple[str, ...]

    def run(self, images: np.ndarray) -> Outputs:
        with torch.inference_mode():
            values = self.module(torch.from_numpy(images).to(self.dtype))
        return {name: value.numpy() for name, value in zip(self.outputs, values, strict=True)}


def generic(module: nn.Module, outputs: tuple[str, ...]) -> Lowered:
    """The float32 lowering as it is."""
    return Lowered("generic", module, torch.float32, outputs)


def oracle(module: nn.Module, outputs: tuple[str, ...]) -> Lowered:
    """A float64 copy of the float32 lowering."""
    return Lowered("oracle", copy.deepcopy(module).double(), torch.float64, outputs)
