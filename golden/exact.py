"""Trigonometry and small products of + − × ÷ and the square root alone, which IEEE 754 defines to
the last digit: every processor and C library gives the same pictures.

NumPy's sine and `@` do not: they take the processor's kernels (AVX2, AVX-512, OpenBLAS), and C's
sine is another one with fused products than without. What is added here is added in order.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HALVINGS = 5  # of an angle: its tangent is then below 0.1
# Taylor's, of x²: the first term left out is below 1e-17 of the sum up to 45°, and to a tangent
# of 0.1
COSINE = tuple((-1) ** k / math.factorial(2 * k) for k in range(9))
SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(9))
ARCTANGENT = tuple((-1) ** k / (2 * k + 1) for k in range(8))


def cos_sin(degrees: float) -> tuple[float, float]:
    """Cosine and sine, within three last digits of 1."""
    quarters = round(degrees / 90.0)
    x = (degrees - 90.0 * quarters) * (math.pi / 180.0)
    cos, sin = _series(COSINE, x * x), x * _series(SINE, x * x)
    return ((cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos))[quarters % 4]


def arctan2(y: float, x: float) -> float:
    """The direction of (x, y) in degrees, between −180 and 180, both left out."""
    for _ in range(HALVINGS):
        x += math.sqrt(x * x + y * y)
    tangent = y / x
    angle = tangent * _series(ARCTANGENT, tangent * tangent)
    return angle * 2.0**HALVINGS * (180.0 / math.pi)


def product(a: Array, b: Array) -> Array:
    """a @ b: (…, K) with (K, M) → (…, M)."""
    found: Array = (a[..., None] * b).sum(axis=-2)
    return found


def dot(a: Array, b: Array) -> float:
    """Of two vectors."""
    return float((a * b).sum())


def _series(terms: tuple[float, ...], x: float) -> float:
    total = 0.0
    for term in reversed(terms):
        total = total * x + term
    return total
