"""Letterboxes an image of any size to a network's square input, and maps points back.

The image keeps its aspect ratio and is centred on black; it is sampled as in MediaPipe (see
`crop`): pixel j of the square reads position j · scale of the image, rounded to 1/32 pixel, with no
half-pixel shift and no low-pass filter, and is rounded to a whole grey level.
Source: mediapipe/calculators/tensor/image_to_tensor_calculator.cc, v0.10.21.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.crop import Letterbox, Pixels, crop_whole, to_range

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Letterbox", "as_pixels", "letterbox"]


def letterbox(
    image: Pixels, size: tuple[int, int], value_range: tuple[float, float]
) -> tuple[NDArray[np.float32], Letterbox]:
    """(H, W, 3) uint8 → (1, *size, 3) float32 in `value_range`, and the image's place in it; `size`
    is (height, width). Raises InvalidImage if a side is longer than 32766 pixels.
    """
    square, box = crop_whole(image, size)
    return to_range(square, value_range)[None], box


def as_pixels(image: "NDArray[Any] | Tensor") -> Pixels:
    """An H×W×3 uint8 array or tensor, or a 3×H×W tensor → H×W×3 uint8, contiguous.

    A floating-point image is taken as 0..1 and rounded to whole grey levels; a float image
    whose first axis is 3 is 3×H×W. Raises ValueError or TypeError for anything else.
    """
    if not isinstance(image, np.ndarray) and not hasattr(image, "detach"):
        raise TypeError(f"expected an image as an array or a tensor, got {type(image).__name__}")
    array = np.asarray(image if isinstance(image, np.ndarray) else image.detach().cpu())
    floating = np.issubdtype(array.dtype, np.floating)
    shape = tuple(array.shape)
    last = len(shape) == 3 and shape[2] == 3 and not (shape[0] == 3 and floating)
    if len(shape) == 3 and not last:
        array = array.transpose(1, 2, 0)
    if len(shape) != 3 or array.shape[2] != 3 or 0 in shape:
        raise ValueError(f"expected an H×W×3 or 3×H×W image, got shape {shape}")
    if floating:
        array = np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)
    if array.dtype != np.uint8:
        raise ValueError(f"expected a uint8 or floating-point image, got {array.dtype}")
    return np.ascontiguousarray(array)
