"""The one table of axis orders: how a constant is laid out in TFLite, and how in torch."""

import numpy as np

# name → permutation of the stored axes, None where the order stays
PERMUTATIONS: dict[str, tuple[int, ...] | None] = {
    "as stored": None,
    "NHWC→NCHW": (0, 3, 1, 2),
    "OHWI→OIHW": (0, 3, 1, 2),  # CONV_2D kernels
    "1HWO→O1HW": (3, 0, 1, 2),  # DEPTHWISE_CONV_2D kernels
    "OHWI→IOHW": (3, 0, 1, 2),  # TRANSPOSE_CONV kernels: torch wants the input channel first
    "11C→C": None,  # PRELU slopes shared over the image
}


def apply_transform(stored: np.ndarray, transform: str) -> np.ndarray:
    """The stored array in torch's order: a view, no value changed."""
    permutation = PERMUTATIONS[transform]
    if transform == "11C→C":
        return stored.reshape(-1)
    return stored if permutation is None else stored.transpose(permutation)
