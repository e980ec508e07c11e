"""Checks made before memory is allocated: the size of a result, and whether an index is in range.

A program may compute sizes and indices as it runs, so the types that the file declares do not bound
them.
"""

from collections.abc import Callable

import torch

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.values import MAX_ELEMENTS

Binary = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def require_size(shape: tuple[int, ...]) -> None:
    """Raises InvalidModel if a value of `shape` is larger than any value may be."""
    elements = 1
    for size in shape:
        if size < 0:
            raise InvalidModel(f"gives a value of shape {list(shape)}")
        elements *= size
    if elements > MAX_ELEMENTS:
        raise InvalidModel(f"gives a value of shape {list(shape)}, which is too large")


def guarded(compute: Binary) -> Binary:
    """`compute` with a check of the size that its two operands broadcast to."""

    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if x.numel() * y.numel() > MAX_ELEMENTS and x.shape != y.shape:
            require_size(torch.broadcast_shapes(x.shape, y.shape))
        return compute(x, y)

    return run


def require_room(values: tuple[torch.Tensor, ...]) -> None:
    """Raises InvalidModel if the values together are too large."""
    elements = sum(value.numel() for value in values)
    if elements > MAX_ELEMENTS:
        raise InvalidModel(f"needs {elements} elements at once, which is too many")


def from_zero(indices: torch.Tensor, size: int) -> torch.Tensor:
    """Indices as int64, negative ones counted from the end. Raises IndexError."""
    places = indices.long()
    places = torch.where(places < 0, places + size, places)
    if places.numel() and not (int(places.min()) >= 0 and int(places.max()) < size):
        raise IndexError(f"an index is outside an axis of length {size}")
    return places
