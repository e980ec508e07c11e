"""Stored integers or halves → float32: real = scale · (stored − zero point), per tensor or along an
axis.

Schema: table QuantizationParameters; TFLite's kernel is `dequantize.cc`. Rounds to float32 once,
like its reference version: 16-bit differences are exact in float32, wider ones are computed in
float64. (The optimised version multiplies out and rounds twice.)
"""

import math

import numpy as np

from blazepalm.converter.tflite.graph import Quantisation
from blazepalm.errors import InvalidModel

INTEGERS = ("int8", "uint8", "int16", "int32", "int64")


def dequantise(stored: np.ndarray, quantisation: Quantisation | None, what: str) -> np.ndarray:
    """The float32 values of float16 or quantised integers, same shape, read-only. InvalidModel
    messages begin with `what`.
    """
    if stored.dtype == np.float16:
        real = stored.astype(np.float32)
    elif stored.dtype.name not in INTEGERS:
        raise InvalidModel(f"{what} is {stored.dtype.name}, which is not a quantised type")
    elif quantisation is None:
        raise InvalidModel(f"{what} is {stored.dtype.name} without a scale: it has no real value")
    else:
        scale, zero_point = _parameters(quantisation, stored.shape, what)
        wide = np.dtype("float64" if stored.dtype.itemsize > 2 else "float32")
        difference = stored.astype(wide) - zero_point.astype(wide)
        with np.errstate(over="ignore"):  # a huge scale gives infinity, as in TFLite
            real = np.multiply(difference, scale.astype(wide)).astype(np.float32, copy=False)
    real.setflags(write=False)
    return real


def _parameters(
    quantisation: Quantisation, shape: tuple[int, ...], what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point, shaped to broadcast over `shape`."""
    scale, zero_point, axis = quantisation.scale, quantisation.zero_point, quantisation.axis
    if not all(math.isfinite(s) and s >= 0 for s in scale):
        raise InvalidModel(f"{what} has a scale that is negative or not finite")
    if len(zero_point) not in (0, 1, len(scale)):
        raise InvalidModel(f"{what} has {len(scale)} scales and {len(zero_point)} zero points")
    zero_point = zero_point or (0,)
    if max(abs(z) for z in zero_point) >= 1 << 16:
        raise InvalidModel(f"{what} has a zero point outside 16 bits")
    if quantisation.block:
        blocks = (*shape[:-1], shape[-1] // quantisation.block) if shape else ()
        if not blocks or math.prod(blocks) != len(scale):
            raise InvalidModel(f"{what} has {len(scale)} scales, expected one for each block")
        each = np.asarray(scale, np.float64).reshape(blocks)
        return np.repeat(each, quantisation.block, axis=-1), np.asarray(zero_point[0], np.int64)
    if len(scale) == 1 and len(zero_point) == 1:
        return np.asarray(scale[0], np.float64), np.asarray(zero_point[0], np.int64)
    if not 0 <= axis < len(shape) or shape[axis] != len(scale):
        raise InvalidModel(
            f"{what} has {len(scale)} scales along axis {axis}, which its shape {list(shape)} "
            "does not have"
        )
    along = [1] * len(shape)
    along[axis] = len(scale)
    zeros = np.asarray(zero_point * (len(scale) if len(zero_point) == 1 else 1), np.int64)
    return np.asarray(scale, np.float64).reshape(along), zeros.reshape(along)
