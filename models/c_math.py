"""C's own float32 functions: the bits that `atan2f`, `cosf`, `sinf` and `expf` of this machine's C
library return. MediaPipe calls those, and their last digit shows in its crops.

NumPy's real functions differ: on processors with AVX2 or AVX-512 NumPy uses its own kernels
(`np.lib.introspect.opt_func_info` lists them), one last digit apart. Its complex logarithm and
exponential have no such kernels: they are C's `clogf` and `cexpf`, whose parts are these functions.
So code that promises exact bits may use no other NumPy functions on floats than + − × ÷ and the
square root, which IEEE 754 defines to the last digit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MAX_EXPONENT = 88.0  # beyond it C's complex exponential multiplies two powers


def arctan2(y: Any, x: Any) -> Any:
    """`atan2f(y, x)`, element by element: −π to π, with C's signed zeros, infinities and NaN,
    without warnings. float32, a scalar if both arguments are.
    """
    with np.errstate(all="ignore"):  # the real part is the logarithm of a length: of 0 as well
        return np.log(_complex(x, y)).imag


def cos_sin(angle: Any) -> tuple[Any, Any]:
    """`cosf(angle)` and `sinf(angle)`, element by element; NaN for infinity, without warnings."""
    with np.errstate(all="ignore"):
        turned = np.exp(_complex(0.0, angle))
    return turned.real, turned.imag


def exp(x: Any) -> Any:
    """`expf(x)` up to x = 88, above that within two roundings, infinity if too large for the type;
    for float64 likewise `exp(x)` up to 709. No warnings.
    """
    values = np.asarray(x)
    with np.errstate(all="ignore"):
        return np.exp(values.astype(np.result_type(values, np.complex64))).real


def _complex(real: Any, imaginary: Any) -> NDArray[np.complex64]:
    """complex64 of two parts, which keep their bits (multiplying by 1j would lose −0 and NaN)."""
    values = np.empty(np.broadcast_shapes(np.shape(real), np.shape(imaginary)), np.complex64)
    values.real, values.imag = real, imaginary
    return values
