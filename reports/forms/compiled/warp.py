"""`warp.cpp` as another `models.crop.warp`: the same bytes in half the time.

Compiling it takes a third of a second, once for a machine, and saves some half a millisecond for
each hand; so it is for those who look at many pictures (`open_finder`).
"""

import ctypes
from functools import cache

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import CouldNotVerify
from blazepalm.models import crop
from blazepalm.models.crop import Pixels, Warp, check_sides, inverse_of
from blazepalm.reports.forms.compiled.build import Compiler, Source, find_compiler, kept_library

# without contraction, positions are rounded as NumPy rounds them; no floating-point trap is set
SOURCE = Source(
    "warp.cpp", (), ("warp", "most_columns"), ("-ffp-contract=off", "-fno-trapping-math")
)


def quickest_warp() -> Warp:
    """`compiled_warp`, or without a C++ compiler that works `models.crop.warp`."""
    try:
        return compiled_warp()
    except CouldNotVerify:
        return crop.warp


def compiled_warp() -> Warp:
    """The function that samples by `warp.cpp`. Raises CouldNotVerify where it cannot be compiled or
    loaded.
    """
    return _compiled(find_compiler())


@cache
def _compiled(compiler: Compiler) -> Warp:
    library = kept_library(compiler, SOURCE)
    library.most_columns.restype = number = ctypes.c_int64
    address = ctypes.c_void_p
    library.warp.argtypes = [address, number, number, address, number, number, address]
    library.warp.restype = None
    most, sample = library.most_columns(), library.warp

    def warp(image: Pixels, source: NDArray[np.float32], size: tuple[int, int]) -> Pixels:
        (height, width), (rows, columns) = image.shape[:2], size
        if min(height, width) < 2 or columns > most:
            return crop.warp(image, source, size)
        check_sides(height, width)
        image, matrix = np.ascontiguousarray(image), inverse_of(source, size)
        found = np.empty((rows, columns, 3), np.uint8)
        pixels, into = image.ctypes.data, found.ctypes.data
        sample(pixels, height, width, matrix.ctypes.data, rows, columns, into)
        return found

    return warp
