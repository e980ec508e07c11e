"""C's own float32 functions: the bits that `atan2f`, `cosf`, `sinf` and `expf` of this machine's C
library return. MediaPipe calls those, and their last digit shows in its crops.

NumPy's real functions differ: on processors with AVX2 or AVX-512 NumPy uses its own kernels
(`np.lib.introspect.opt_func_info` lists them), one last digit apart. Its complex logarithm and
exponential have no such kernels: they are C's `clogf` and `cexpf`, whose parts are these functions.
So code that promises exact bits may use no other NumPy functions on floats than + − × ÷ and the
square root, which IEEE 754 defines to the last digit.

MediaPipe 1 links a C library of its own whose float32 functions are rounded correctly (LLVM's):
`ROUNDED` computes those in double, from the same complex functions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

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


class Functions(NamedTuple):
    """`arctan2`, `cos_sin` and `exp` as above, from one library."""

    arctan2: Callable[[Any, Any], Any]
    cos_sin: Callable[[Any], tuple[Any, Any]]
    exp: Callable[[Any], Any]


def _rounded_arctan2(y: Any, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.float32(np.log(_complex(x, y, np.complex128)).imag)


def _rounded_cos_sin(angle: Any) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        turned = np.exp(_complex(0.0, angle, np.complex128))
        return np.float32(turned.real), np.float32(turned.imag)


def _rounded_exp(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.float32(np.exp(np.asarray(x, np.complex128)).real)


LIBRARY = Functions(arctan2, cos_sin, exp)  # this machine's C library
ROUNDED = Functions(_rounded_arctan2, _rounded_cos_sin, _rounded_exp)  # correctly, in float32


def _complex(real: Any, imaginary: Any, dtype: Any = np.complex64) -> NDArray[Any]:
    """Complex of two parts, which keep their bits (multiplying by 1j would lose −0 and NaN)."""
    values = np.empty(np.broadcast(real, imaginary).shape, dtype)
    values.real, values.imag = real, imaginary
    return values
