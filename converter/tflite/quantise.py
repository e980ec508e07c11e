"""Real values → stored integers: round(real / scale) + zero point, within the type's range; halves
round away from zero.

TFLite's kernel is `AffineQuantize` (`kernels/internal/reference/quantize.h`), in float32. The
inverse is `converter.tflite.dequantise`.
"""

import numpy as np

from blazepalm.converter.tflite.graph import Quantisation


def quantise(real: np.ndarray, quantisation: Quantisation, dtype: str) -> np.ndarray:
    """Float values as integers of `dtype`, same shape, by one scale and zero point. NaN becomes
    the zero point.
    """
    steps = np.asarray(real, np.float32) / np.float32(quantisation.scale[0])
    return clamp(round_away(np.nan_to_num(steps.astype(np.float64))) + zero_of(quantisation), dtype)


def round_away(values: np.ndarray) -> np.ndarray:
    """The nearest whole numbers, halves away from zero (C's `round`), as floats."""
    whole = np.trunc(values)
    return np.asarray(
        whole + np.where(np.abs(values - whole) >= 0.5, np.sign(values), 0.0), np.float64
    )


def clamp(values: np.ndarray, dtype: str) -> np.ndarray:
    """Whole numbers as `dtype`, clamped to its range."""
    limits = np.iinfo(dtype)
    stored: np.ndarray = np.clip(values, limits.min, limits.max).astype(dtype)
    return stored


def zero_of(quantisation: Quantisation) -> int:
    """The zero point of a quantisation with one scale."""
    return quantisation.zero_point[0] if quantisation.zero_point else 0
