"""A batch of pictures as an array or a tensor → uint8 pixels on a device."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def pixel_batch(pictures: NDArray[Any] | Tensor) -> Tensor:
    """Pictures (N, H, W, 3) or (N, 3, H, W) → (N, H, W, 3) uint8, contiguous, where they lie. A
    picture is what `letterbox.as_pixels` takes, and is rounded as there. Raises TypeError or
    ValueError for anything else.
    """
    if not isinstance(pictures, np.ndarray | Tensor):
        kind = type(pictures).__name__
        raise TypeError(f"expected a batch of pictures as an array or a tensor, got {kind}")
    if isinstance(pictures, np.ndarray):
        if not (pictures.dtype == np.uint8 or np.issubdtype(pictures.dtype, np.floating)):
            raise ValueError(f"expected uint8 or floating-point pictures, got {pictures.dtype}")
        pictures = torch.from_numpy(np.require(pictures, requirements=("C", "W")))
    pictures = pictures.detach()
    floating, shape = pictures.is_floating_point(), tuple(pictures.shape)
    if len(shape) == 4 and (shape[3] != 3 or (shape[1] == 3 and floating)):
        pictures = pictures.permute(0, 2, 3, 1)
    if pictures.dim() != 4 or pictures.shape[3] != 3 or 0 in shape[1:]:
        raise ValueError(f"expected pictures (N, H, W, 3) or (N, 3, H, W), got shape {shape}")
    if floating:
        pictures = (pictures.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    if pictures.dtype != torch.uint8:
        raise ValueError(f"expected uint8 or floating-point pictures, got {pictures.dtype}")
    return pictures.contiguous()
