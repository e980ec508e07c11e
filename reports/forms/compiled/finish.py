"""What is done to the values of a convolution or a resizing before they are written."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from blazepalm.reports.forms.compiled.steps import Place

Layer = Any  # a readable module's part; torch is not imported here

LIMITS = {"relu": (0.0, np.inf), "relu6": (0.0, 6.0)}  # of activations that clamp
NAMES = {
    "Identity": "none",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "PReLU": "prelu",
    "ScaledMaximum": "maximum",
}


@dataclass(frozen=True)
class Finish:
    """What follows a convolution or a resizing: an activation, the addition of a shortcut (itself
    through an activation), an activation.
    """

    before: Layer = None
    shortcut: Place | None = None
    kind: str = "identity"  # of the shortcut
    shortcut_activation: Layer = None
    after: Layer = None


NOTHING = Finish()


def activation_name(layer: Layer) -> str:
    """Its name in a spec."""
    return "none" if layer is None else NAMES[type(layer).__name__]
