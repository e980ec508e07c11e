"""One operator with its operands as stored: what every integer kernel receives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from blazepalm.converter.tflite.graph import Operator, Quantisation, Tensor
from blazepalm.converter.tflite.quantise import clamp, round_away, zero_of

# the real numbers that a fused activation keeps to
ACTIVATIONS = {
    "NONE": (-np.inf, np.inf),
    "RELU": (0.0, np.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Step:
    """`op` on `values` (its operands as stored, None where absent), into the tensor `result`.
    `operands` are their tensors. `lowered(*values)` computes the same operator in float64 on the
    numbers given, without bias and activation.
    """

    op: Operator
    operands: Sequence[Tensor | None]
    result: Tensor
    values: Sequence[np.ndarray | None]
    lowered: Callable[..., np.ndarray]

    @property
    def options(self) -> Any:
        return self.op.options

    def scale(self, slot: int) -> np.float32:
        """An operand's one scale, float32 as in TFLite's structs."""
        return np.float32(self.quantisation(slot).scale[0])

    def quantisation(self, slot: int) -> Quantisation:
        tensor = self.operands[slot]
        assert tensor is not None and tensor.quantisation is not None
        return tensor.quantisation

    def centred(self, slot: int) -> np.ndarray:
        """An operand less its zero point, int64."""
        stored = self.values[slot]
        assert stored is not None
        return stored.astype(np.int64) - zero_of(self.quantisation(slot))

    @property
    def out_scale(self) -> np.float32:
        assert self.result.quantisation is not None
        return np.float32(self.result.quantisation.scale[0])

    def stored(self, values: np.ndarray, activation: str = "NONE") -> np.ndarray:
        """Integers in the result's steps → its stored integers, clamped to the activation."""
        quantisation = self.result.quantisation
        assert quantisation is not None
        zero = zero_of(quantisation)
        low, high = (self._place(edge, zero) for edge in ACTIVATIONS[activation])
        return clamp(np.clip(values + zero, low, high), self.result.dtype)

    def _place(self, edge: float, zero: int) -> float:
        if np.isinf(edge):
            return edge
        steps = np.float32(edge) / self.out_scale
        return float(round_away(np.asarray(steps, np.float64))) + zero
