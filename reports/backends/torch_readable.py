"""The readable module (`PalmDetector`, `HandLandmarks`) in float32: the backend `torch`.

It takes channels-first images and returns a named tuple; which field is which of the file's
outputs was found by the recognition, and is handed in here.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from blazepalm.reports.backends.backend import Outputs


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
    return Readable("torch", module.eval(), outputs, fields)
