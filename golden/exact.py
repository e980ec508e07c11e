"""Trigonometry and small products using only + − × ÷ and the square root, which IEEE 754 defines to
the last digit: every processor and C library gives the same pictures.

NumPy's sine and `@` do not: they use the processor's kernels (AVX2, AVX-512, OpenBLAS), and C's
sine differs with and without fused products. Sums here are added in a fixed order.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HALVINGS = 5  # of an angle: its tangent is then below 0.1
# Taylor series in x²: the first omitted term is below 1e-17 of the sum up to 45°, and up to a
# tangent of 0.1
COSINE = tuple((-1) ** k / math.factorial(2 * k) for k in range(9))
SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(9))
ARCTANGENT = tuple((-1) ** k / (2 * k + 1) for k in range(8))


def cos_sin(degrees: float) -> tuple[float, float]:
    """Cosine and sine, accurate to three last digits of 1."""
    quarters = round(degrees / 90.0)
    x = (degrees - 90.0 * quarters) * (math.pi / 180.0)
    cos, sin = _series(COSINE, x * x), x * _series(SINE, x * x)
    return ((cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos))[quarters % 4]


def arctan2(y: float, x: float) -> float:
    """The direction of (x, y) in degrees, strictly between −180 and 180."""
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
    """The dot product of two vectors."""
    return float((a * b).sum())


def _series(terms: tuple[float, ...], x: float) -> float:
    total = 0.0
    for term in reversed(terms):
        total = total * x + term
    return total
