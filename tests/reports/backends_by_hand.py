"""Backends whose numbers are chosen by the test: a line through the image's mean, plus an
error that each backend is given. What the verdict must say follows on paper.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Chosen:
    """A backend that answers with `function(images)`."""

    name: str
    function: Callable[[np.ndarray], Outputs]

    def run(self, images: np.ndarray) -> Outputs:
        return self.function(images)


def truth(images: np.ndarray) -> Outputs:
    """boxes (1, 2, 3) about 8, scores (1, 2, 1) about 1, multiples of 1/64."""
    mean = np.round(images.astype(np.float64).mean() * 64) / 64
    boxes = 8.0 + mean * np.arange(6.0).reshape(1, 2, 3)
    return {"boxes": boxes, "scores": boxes[..., :1] / 8}


def off_by(error: float) -> Callable[[np.ndarray], Outputs]:
    """The truth in float32 with `error` added to the first element of boxes."""

    def run(images: np.ndarray) -> Outputs:
        outputs = {name: values.astype(np.float32) for name, values in truth(images).items()}
        outputs["boxes"][0, 0, 0] += np.float32(error)
        return outputs

    return run


def backends(**replaced: Callable[[np.ndarray], Outputs]) -> list[Chosen]:
    """All five, LiteRT 2⁻¹⁴ and its reference kernels 2⁻¹³ off, so the floor is 2⁻¹³."""
    functions = {
        "oracle": truth,
        "tflite": off_by(2**-14),
        "tflite_ref": off_by(2**-13),
        "generic": off_by(2**-14),
        "torch": off_by(2**-14),
        **replaced,
    }
    return [Chosen(name.replace("_", "-"), function) for name, function in functions.items()]
