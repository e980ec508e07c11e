"""TFLite's fixed-point multiplication of integers by a real factor, bit for bit.

https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/lite/kernels/internal/common.cc
The factor becomes a 31-bit multiplier and a power of two; products round to nearest, twice in most
kernels (`scaled`), once in some (`scaled_once`).
"""

import math
from collections.abc import Sequence

import numpy as np

ONE = 1 << 31
LEAST, MOST = -ONE, ONE - 1


def fixed_point(real: float) -> tuple[int, int]:
    """(multiplier, shift) with real ≈ multiplier · 2^(shift − 31): `QuantizeMultiplier`."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * ONE + 0.5)  # the fraction is positive
    if multiplier == ONE:
        multiplier, shift = multiplier // 2, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def scaled(values: np.ndarray, factors: Sequence[float] | float) -> np.ndarray:
    """int64 values (of 32 bits) times the factor, or times one for each entry of the last axis, as
    int64: `MultiplyByQuantizedMultiplier`.
    """
    multiplier, shift = _fixed_points(factors)
    left = np.maximum(shift, 0)
    return _divided(_high_product(values << left, multiplier), np.maximum(-shift, 0))


def scaled_once(values: np.ndarray, factors: Sequence[float] | float) -> np.ndarray:
    """The same, rounded once, halves up, as with TFLITE_SINGLE_ROUNDING."""
    multiplier, shift = _fixed_points(factors)
    half = np.int64(1) << (30 - shift)
    return np.asarray((values * multiplier + half) >> (31 - shift), np.int64)


def scaled_wide(values: np.ndarray, factors: Sequence[float] | float) -> np.ndarray:
    """The same for 48-bit sums of int16 networks, by a 16-bit multiplier."""
    multiplier, shift = _fixed_points(factors)
    reduced = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    total = 15 - shift
    return np.asarray((values * reduced + (np.int64(1) << (total - 1))) >> total, np.int64)


def _fixed_points(factors: Sequence[float] | float) -> tuple[np.ndarray, np.ndarray]:
    pairs = [fixed_point(f) for f in (factors if isinstance(factors, Sequence) else (factors,))]
    multiplier, shift = np.asarray(pairs, np.int64).T
    return multiplier, shift


def _high_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The upper half of 2ab, to nearest: `SaturatingRoundingDoublingHighMul`."""
    product = np.clip(a, LEAST, MOST) * b
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    whole = np.where(nudged >= 0, nudged >> 31, -(-nudged >> 31))  # C divides toward zero
    return np.asarray(whole, np.int64)


def _divided(values: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """values / 2^exponent, to nearest, halves away from zero: `RoundingDivideByPOT`."""
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (values < 0)
    return np.asarray((values >> exponent) + ((values & mask) > threshold), np.int64)
