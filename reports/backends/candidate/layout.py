"""How a candidate's arrays relate to the file's: the layout, value range and colour order of its
input, and for each output which axis is which.

Nothing is reshaped to fit: an output is laid out by a permutation of its axes, and may then only
drop axes of size 1 or split and join neighbouring ones (63 values as 21×3).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, permutations
from operator import mul

import numpy as np

from blazepalm.converter.evidence.input_range import RANGES
from blazepalm.reports.backends.candidate.model import Input, Range

RGB, BGR = "RGB", "BGR"
AS_IN_FILE = "as in the file"
# layout of an image input → its array from (1, H, W, C)
LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "N×H×W×C": lambda images: images,
    "N×C×H×W": lambda images: images.transpose(0, 3, 1, 2),
    "H×W×C": lambda images: images[0],
    "C×H×W": lambda images: images[0].transpose(2, 0, 1),
}
MAX_AXES = 5  # of an output, without those of size 1


@dataclass(frozen=True)
class Reading:
    """How an image is given: a key of `LAYOUTS` (or `AS_IN_FILE`), the value range, the order of
    the colours.
    """

    layout: str
    value_range: Range
    order: str = RGB

    def given(self, images: np.ndarray, own: Range) -> np.ndarray:
        """(1, H, W, C) float32 in the file's range `own` → the candidate's input."""
        values = images
        if self.value_range != own:
            low, high = self.value_range
            share = (images.astype(np.float64) - own[0]) / (own[1] - own[0])
            values = (low + share * (high - low)).astype(np.float32)
        if self.order == BGR:
            values = values[..., ::-1]
        if self.layout != AS_IN_FILE:
            values = LAYOUTS[self.layout](values)
        return np.ascontiguousarray(values)

    def __str__(self) -> str:
        low, high = self.value_range
        return f"{self.layout} in {low:g}..{high:g}, {self.order}"


def readings(given: Input, shape: tuple[int, ...], own: Range) -> list[Reading]:
    """Every reading that the input allows for the file's input of `shape`, the file's own first;
    empty if it takes no such array.
    """
    image = len(shape) == 4 and shape[0] == 1 and shape[3] == 3
    example = np.empty(shape, np.bool_)
    if not image:
        return [Reading(AS_IN_FILE, own)] if given.allows(shape) else []
    layouts = [name for name, turned in LAYOUTS.items() if given.allows(turned(example).shape)]
    stated = given.value_range
    ranges = (stated,) if stated is not None else tuple(dict.fromkeys((own, *RANGES)))
    orders = (given.order,) if given.order is not None else (RGB, BGR)
    return [Reading(x, r, order) for x in layouts for r in ranges for order in orders]


@dataclass(frozen=True)
class Arrangement:
    """How an output's values become the file's: its axes (without those of size 1) in the order
    `axes`, then the file's `shape`.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def of(self, value: np.ndarray) -> np.ndarray:
        """The value in the file's shape."""
        return value.squeeze().transpose(self.axes).reshape(self.shape)


def arrangements(found: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[Arrangement]:
    """Every way in which an output of shape `found` can be the file's of `shape`, its own order of
    axes first.
    """
    plain = [size for size in found if size != 1]
    if np.prod(plain, dtype=object) != np.prod(shape, dtype=object) or len(plain) > MAX_AXES:
        return
    for axes in permutations(range(len(plain))):
        if _same_order([plain[axis] for axis in axes], shape):
            yield Arrangement(axes, shape)


def _same_order(one: list[int], other: tuple[int, ...]) -> bool:
    """Whether the axes of one are those of the other, neighbours split or joined."""
    ends = [set(accumulate((size for size in sizes if size != 1), mul)) for sizes in (one, other)]
    return ends[0] <= ends[1] or ends[1] <= ends[0]
