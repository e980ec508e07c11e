"""C's own float32 functions: what `atan2f`, `cosf`, `sinf` and `expf` of this machine's C library
return, bit for bit. MediaPipe calls those, and their last digit is seen in its crops.

NumPy's functions of real numbers are not them: on processors with AVX2 or AVX-512 it takes
kernels of its own (`np.lib.introspect.opt_func_info` lists them), a last digit apart. Its
complex logarithm and exponential have none: they are C's `clogf` and `cexpf`, whose parts are
these functions. So where bits are promised, no other function of NumPy's than + − × ÷ and the
square root, which IEEE 754 defines to the last digit, may be used on floats.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MAX_EXPONENT = 88.0  # beyond it C's complex exponential multiplies two powers


def arctan2(y: Any, x: Any) -> Any:
    """`atan2f(y, x)`, element by element: −π to π, signed zeros, infinities and NaN as C has
    them, no warning. float32, a scalar where both are.
    """
    with np.errstate(all="ignore"):  # the real part is the logarithm of a length: of 0 as well
        return np.log(_complex(x, y)).imag


def cos_sin(angle: Any) -> tuple[Any, Any]:
    """`cosf(angle)` and `sinf(angle)`, element by element; NaN of an infinity, no warning."""
    with np.errstate(all="ignore"):
        turned = np.exp(_complex(0.0, angle))
    return turned.real, turned.imag


def exp(x: Any) -> Any:
    """`expf(x)` up to an x of 88, above it within two roundings, infinity where too large for
    the type; of float64 `exp(x)` and 709 likewise. No warning.
    """
    values = np.asarray(x)
    with np.errstate(all="ignore"):
        return np.exp(values.astype(np.result_type(values, np.complex64))).real


def _complex(real: Any, imaginary: Any) -> NDArray[np.complex64]:
    """complex64 of two parts, which keep their bits (a product with 1j would lose −0 and NaN)."""
    values = np.empty(np.broadcast_shapes(np.shape(real), np.shape(imaginary)), np.complex64)
    values.real, values.imag = real, imaginary
    return values
