"""Runs the readable module in float32: the backend `torch`.

One of images (`PalmDetector`, `HandLandmarks`) takes them channels first and returns a named tuple;
the caller passes which field is which of the file's outputs, as the recognition found. One of
gestures takes one of the file's inputs and returns its output.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from blazepalm.reports.backends.backend import FLOAT32, Backend, Opening, Outputs, Registration
from blazepalm.reports.backends.names import TORCH
from blazepalm.reports.backends.torch_generic import Lowered


@dataclass(frozen=True)
class Readable:
    """`fields[i]` is the module's field that holds the file's output `outputs[i]`."""

    name: str
    module: nn.Module
    outputs: tuple[str, ...]
    fields: tuple[str, ...]

    def run(self, images: np.ndarray) -> Outputs:
        channels_first = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        with torch.inference_mode():
            raw = self.module(channels_first)
        return {
            name: getattr(raw, field).numpy()
            for name, field in zip(self.outputs, self.fields, strict=True)
        }


def readable(module: nn.Module, outputs: tuple[str, ...], fields: tuple[str, ...]) -> Readable:
    """The module as a backend; it must be in eval mode and float32."""
    return Readable(TORCH, module.eval(), outputs, fields)


class _OneInput(nn.Module):
    """A gesture network with the signature of its file: all inputs, of which it reads one."""

    def __init__(self, network: nn.Module, position: int) -> None:
        super().__init__()
        self.network = network.eval()
        self.position = position

    def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.network(given[self.position]),)


def _open(opening: Opening) -> Backend:
    """For a model of no known family, the generic module replaces the readable one."""
    converted = opening.converted
    if converted.gesture is not None:
        module = _OneInput(converted.module, converted.gesture.input)
        return Lowered(TORCH, module, torch.float32, opening.outputs, opening.input_shapes)
    if converted.recognition is None:
        return Lowered(
            TORCH, converted.generic, torch.float32, opening.outputs, opening.input_shapes
        )
    return readable(converted.module, opening.outputs, converted.outputs)


BACKEND = Registration(TORCH, "the readable PyTorch module that convert writes", FLOAT32, _open)
