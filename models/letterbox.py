"""An image of any size becomes the square that a network takes, and points come back.

The image keeps its aspect ratio, is centred, and the border is zero (black). Sampling is
bilinear at the positions where MediaPipe samples: pixel j of the square reads position
j · scale of the image, with no half-pixel shift, and no low-pass filter.
Source: mediapipe/calculators/tensor/image_to_tensor_converter_opencv.cc, v0.10.21.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Letterbox:
    """Where the image lies in the square: margins as fractions of the square's side."""

    left: float
    top: float

    def to_image(self, points: Tensor) -> Tensor:
        """(…, 2k) x, y pairs normalised to the square → normalised to the image."""
        pairs = points.unflatten(-1, (-1, 2))
        offset = pairs.new_tensor((self.left, self.top))
        extent = pairs.new_tensor((1 - 2 * self.left, 1 - 2 * self.top))
        moved: Tensor = (pairs - offset) / extent
        return moved.flatten(-2)

    def depth_to_image(self, z: Tensor) -> Tensor:
        """z in units of the square's width → in units of the image's width."""
        return z / (1 - 2 * self.left)


def as_planes(image: object) -> Tensor:
    """An H×W×3 uint8 array or tensor, or a 3×H×W tensor → 3×H×W float32, 0..255.

    A floating-point image is taken as 0..1. Raises ValueError for anything else.
    """
    tensor = image if isinstance(image, Tensor) else torch.tensor(image)  # may be read-only
    if (
        tensor.dim() == 3
        and tensor.shape[-1] == 3
        and not (tensor.shape[0] == 3 and tensor.is_floating_point())
    ):
        tensor = tensor.permute(2, 0, 1)
    if tensor.dim() != 3 or tensor.shape[0] != 3 or 0 in tensor.shape:
        raise ValueError(f"expected an H×W×3 or 3×H×W image, got shape {tuple(tensor.shape)}")
    if tensor.is_floating_point():
        return tensor.float() * 255
    if tensor.dtype != torch.uint8:
        raise ValueError(f"expected a uint8 or floating-point image, got {tensor.dtype}")
    return tensor.float()


def letterbox(
    image: Tensor, size: tuple[int, int], value_range: tuple[float, float]
) -> tuple[Tensor, Letterbox]:
    """3×H×W in 0..255 → (1, 3, *size) in `value_range`, and where it lies."""
    height, width = image.shape[1:]
    rows, columns = size
    scale = max(height / rows, width / columns)  # image pixels per pixel of the square
    box = Letterbox(left=(1 - width / (columns * scale)) / 2, top=(1 - height / (rows * scale)) / 2)
    x = (torch.arange(columns, device=image.device) - box.left * columns) * scale
    y = (torch.arange(rows, device=image.device) - box.top * rows) * scale
    # grid_sample counts −1 as the outer edge of the first pixel, 1 as that of the last
    grid_x = ((2 * x + 1) / width - 1).expand(rows, columns)
    grid_y = ((2 * y + 1) / height - 1)[:, None].expand(rows, columns)
    grid = torch.stack((grid_x, grid_y), dim=-1)[None]  # (1, rows, columns, 2)
    square = F.grid_sample(image[None], grid, padding_mode="zeros", align_corners=False)
    low, high = value_range
    return square * ((high - low) / 255) + low, box  # (1, 3, rows, columns)
