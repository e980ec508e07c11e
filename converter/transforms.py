"""The one table of axis orders: how TFLite lays out a constant, and how torch does.

A transform changes the order and the number of axes, never a value. Letters name the axes: N batch,
H height, W width, C channels; O and I a kernel's outputs and inputs; 1 an axis of length one.
"""

from collections.abc import Callable

import numpy as np

TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as stored": lambda a: a,
    "NHWC→NCHW": lambda a: a.transpose(0, 3, 1, 2),
    # kernels
    "OHWI→OIHW": lambda a: a.transpose(0, 3, 1, 2),  # CONV_2D
    "1HWO→O1HW": lambda a: a.transpose(3, 0, 1, 2),  # DEPTHWISE_CONV_2D
    "OHWI→IOHW": lambda a: a.transpose(3, 0, 1, 2),  # TRANSPOSE_CONV: torch has inputs first
    # one value per channel, with any number of axes of length one around it
    "11C→C": lambda a: a.reshape(-1),
    # operands of lower rank that TFLite broadcasts against the last axes of N, H, W, C
    "C→C11": lambda a: a.reshape(-1, 1, 1),
    "WC→C1W": lambda a: a.transpose(1, 0)[:, None, :],
    "HWC→CHW": lambda a: a.transpose(2, 0, 1),
}


def apply_transform(stored: np.ndarray, transform: str) -> np.ndarray:
    """The stored array in torch's axis order: a view with unchanged values."""
    return TRANSFORMS[transform](stored)


def undo_transform(value: np.ndarray, transform: str, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `apply_transform`: the array as stored, in `shape`. Raises ValueError if the
    shapes do not fit each other.
    """
    places = apply_transform(np.arange(value.size).reshape(shape), transform)
    if places.shape != value.shape:
        raise ValueError(f"{transform} of {shape} is {places.shape}, not {value.shape}")
    stored = np.empty(value.size, value.dtype)
    stored[places.reshape(-1)] = value.reshape(-1)
    return stored.reshape(shape)
