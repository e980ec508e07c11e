"""Shape arithmetic that several operator families share, in Python integers."""

import math

# where the axes N, H, W, C of a value held as N, C, H, W are
CHANNELS_FIRST_AXIS = (0, 2, 3, 1)


def elements(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def axis_of(axis: int, channels_first: bool) -> int:
    """TFLite's `axis` in the order in which the value is held."""
    return CHANNELS_FIRST_AXIS[axis] if channels_first else axis


def in_held_order(items: tuple, channels_first: bool) -> tuple:  # type: ignore[type-arg]
    """One item per axis, from TFLite's order into the order in which the value is held."""
    return tuple(items[i] for i in (0, 3, 1, 2)) if channels_first else items
