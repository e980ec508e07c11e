"""Pictures, or a batch that is ready for the network → the network's input."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blazepalm.models.crop import Letterbox, Pixels
from blazepalm.models.letterbox import as_pixels, letterbox
from blazepalm.models.spec import Spec

WHOLE = Letterbox(0.0, 0.0)

Prepared = tuple[Tensor, list[Letterbox]]  # (B, 3, H, W), and where each image lies in it


def prepare_image(image: NDArray[Any] | Tensor, spec: Spec, like: Tensor) -> Prepared:
    """One picture, as `as_pixels` takes it, with the device and dtype of `like`. Raises its
    errors, and InvalidImage if a side is too long.
    """
    return _letterboxed([as_pixels(image)], spec, like)


def prepare_batch(images: NDArray[Any] | Tensor, spec: Spec, like: Tensor) -> Prepared:
    """Pictures of one size as uint8, (B, H, W, 3) or (B, 3, H, W); or floating point (B, 3, H, W)
    in the network's own size and value range, which `forward` checks. Raises TypeError or
    ValueError for anything else.
    """
    if not isinstance(images, np.ndarray | Tensor):
        raise TypeError(f"expected a batch as an array or a tensor, got {type(images).__name__}")
    if images.ndim == 4 and images.dtype in (np.uint8, torch.uint8):
        return _letterboxed([as_pixels(image) for image in images], spec, like)
    batch = images if isinstance(images, Tensor) else torch.tensor(images)
    return batch.to(like) if batch.is_floating_point() else batch, [WHOLE] * len(batch)


def _letterboxed(pictures: Sequence[Pixels], spec: Spec, like: Tensor) -> Prepared:
    squares = [letterbox(picture, spec.input_size, spec.value_range) for picture in pictures]
    planes = np.zeros((0, *spec.input_size, 3), np.float32)
    planes = np.concatenate([planes, *(square for square, _ in squares)])
    batch = torch.from_numpy(planes).permute(0, 3, 1, 2)
    return batch.to(like), [box for _, box in squares]
