"""Seeded inputs: uniform noise over the release's value range, one at a time.

Noise reaches every weight and every border, and anyone can make the same numbers again:
`numpy.random.Generator(PCG64(seed))`, float32 in [0, 1) in C order, scaled to the range.
What it cannot show is what an image of a hand does to scores and landmarks.
"""

from collections.abc import Iterator

import numpy as np


def seeded_inputs(
    shape: tuple[int, ...], value_range: tuple[float, float], count: int, seed: int
) -> Iterator[np.ndarray]:
    """Yields `count` float32 arrays of `shape` (N, H, W, C) in `value_range`, in an order and
    with values that only `seed` decides.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    low, high = (np.float32(bound) for bound in value_range)
    for _ in range(count):
        yield generator.random(shape, dtype=np.float32) * (high - low) + low
