"""TFLite's hybrid kernels ("dynamic range"): float values in and out, int8 weights between.

https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/internal/portable_tensor_utils.cc
Each image (each row of FULLY_CONNECTED) is quantised to int8 by its own range, multiplied in
integers, and scaled back. Which range depends on the kernel: convolutions with scales per channel
take zero point and range from the values, the others are symmetric. XNNPACK rounds differently.
Weights with a scale for each block of values are for XNNPACK alone, which takes a zero point, too;
LiteRT's own kernels read them as if they had one scale.
"""

import numpy as np

from blazepalm.converter.tflite.quantise import round_away
from blazepalm.reports.backends.integer.kernels import KERNEL, bias_of
from blazepalm.reports.backends.integer.step import ACTIVATIONS, Step

HYBRID = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def hybrid(step: Step) -> np.ndarray:
    """The float32 result of a linear operator on float32 values with int8 weights."""
    given = step.values[0]
    assert given is not None
    weights = step.operands[KERNEL]
    assert weights is not None
    dense = step.op.name == "FULLY_CONNECTED"
    rows = given.reshape(-1, weights.shape[-1]) if dense else given
    steps = step.quantisation(KERNEL)
    centre = bool(steps.block) or (len(steps.scale) > 1 and not dense)
    pairs = [(_centred if centre else _symmetric)(row) for row in rows]
    stored = np.stack([integers for integers, _ in pairs]).reshape(given.shape)
    sums = step.lowered(stored)  # of blocks: with their scales
    sums = (sums if steps.block else np.rint(sums)).astype(np.float32)
    along = (-1,) + (1,) * (sums.ndim - 1)
    own = np.asarray([scale for _, scale in pairs], np.float32)
    if dense:  # leading axes may be kept
        own, along = own.reshape(*sums.shape[:-1], 1), (*sums.shape[:-1], 1)
    scale = np.float32(1) if steps.block else np.asarray(steps.scale, np.float32)
    found = sums * own.reshape(along) * scale
    bias = bias_of(step)
    found = found if bias is None else found + bias
    low, high = ACTIVATIONS[getattr(step.options, "activation", "NONE")]
    clipped: np.ndarray = np.clip(found, low, high).astype(np.float32)
    return clipped


def _symmetric(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Integers −127 … 127, and their scale."""
    peak = float(np.abs(values).max(initial=0.0))
    if peak == 0.0:
        return np.zeros_like(values), 1.0
    steps = round_away((values * np.float32(127.0 / peak)).astype(np.float64))
    return np.clip(steps, -127, 127), peak / 127.0


def _centred(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Integers −128 … 127 less their zero point, and their scale."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    if low == high:
        return np.zeros_like(values), 1.0
    scale = (high - low) / 255.0
    from_low, from_high = -128 - low / scale, 127 - high / scale
    low_error, high_error = 128 + abs(low / scale), 127 + abs(high / scale)
    zero = from_low if low_error < high_error else from_high
    zero = float(np.clip(round_away(np.asarray(zero)), -128, 127))
    steps = (np.float32(zero) + values * np.float32(1.0 / np.float32(scale))).astype(np.float64)
    return np.clip(round_away(steps), -128, 127) - zero, float(np.float32(scale))
