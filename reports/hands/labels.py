"""Draws a text as a dark tag with rounded corners on a picture, next to its subject."""

from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

INK = (18, 24, 32)
WHITE = (255, 255, 255)
OPACITY = 215  # of the tag, 0 to 255
FINER = 4  # the corners are drawn at this multiple of the size


def put_label(
    canvas: NDArray[np.uint8], words: str, points: NDArray[np.float64], clearance: float = 0.0
) -> None:
    """Writes `words` on (H, W, 3) uint8 RGB, `clearance` pixels above the (n, 2) points, or below
    them if there is no room; draws nothing if the picture is smaller than the tag.
    """
    from PIL import Image

    height, width = canvas.shape[:2]
    tag, mask, pad = _tag(words, max(9, round(min(height, width) / 30)))
    wide, tall = tag.size
    if wide > width or tall > height:
        return
    (west, north), (_, south) = points.min(axis=0), points.max(axis=0)
    gap = pad + clearance
    y = round(north - gap) - tall
    if y < 0 and round(south + gap) + tall <= height:
        y = round(south + gap)
    y = int(np.clip(y, 0, height - tall))
    x = int(np.clip(round(west - gap / 2), 0, width - wide))
    patch = canvas[y : y + tall, x : x + wide]
    under = Image.fromarray(patch)
    under.paste(tag, (0, 0), mask)
    patch[:] = np.asarray(under)


@lru_cache(64)
def _tag(words: str, size: int) -> tuple[Any, Any, int]:
    """The words in white on ink, the mask that rounds the tag's corners, and its padding."""
    from PIL import Image, ImageDraw

    font = _font(size)
    left, top, right, bottom = font.getbbox(words)
    pad = max(2, size // 3)
    wide, tall = int(right - left) + 2 * pad, size + pad
    tag, mask = Image.new("RGB", (wide, tall), INK), Image.new("L", (wide * FINER, tall * FINER), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, wide * FINER - 1, tall * FINER - 1), radius=pad * FINER, fill=OPACITY
    )
    middle = (pad - left, (tall - (top + bottom)) / 2)
    ImageDraw.Draw(tag).text(middle, words, font=font, fill=WHITE)
    return tag, mask.resize((wide, tall)), pad


@cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
