"""Blocks moved into channels or the batch, against their definitions element by element."""

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder

X = np.arange(2 * 12 * 2 * 3, dtype=np.float32).reshape(2, 12, 2, 3)
PLANE = np.arange(2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6)


def test_pixel_shuffle_has_the_channel_outermost(run: Any) -> None:
    (found,) = run(lambda x: Builder.pixel_shuffle(x=x, upscale_factor=2), x=X)
    assert found.shape == (2, 3, 4, 6)
    for n, c, h, w in np.ndindex(*found.shape):
        assert found[n, c, h, w] == X[n, c * 4 + (h % 2) * 2 + w % 2, h // 2, w // 2]


def test_pixel_unshuffle_undoes_it(run: Any) -> None:
    (found,) = run(
        lambda x: Builder.pixel_unshuffle(
            x=Builder.pixel_shuffle(x=x, upscale_factor=2), downscale_factor=np.uint32(2)
        ),
        x=X,
    )
    np.testing.assert_array_equal(found, X)


def test_depth_to_space_has_the_channel_innermost(run: Any) -> None:
    (found,) = run(lambda x: Builder.depth_to_space(x=x, block_size=2), x=X)
    assert found.shape == (2, 3, 4, 6)
    for n, c, h, w in np.ndindex(*found.shape):
        assert found[n, c, h, w] == X[n, ((h % 2) * 2 + w % 2) * 3 + c, h // 2, w // 2]


def test_depth_to_space_as_core_ml_has_it(run: Any) -> None:
    """The values of coremltools' own test."""
    x = np.array([9.0, 5.0, 1.0, 3.0], np.float32).reshape(1, 4, 1, 1)
    (found,) = run(lambda x: Builder.depth_to_space(x=x, block_size=2), x=x)
    assert found.tolist() == [[[[9.0, 5.0], [1.0, 3.0]]]]


def test_space_to_depth_undoes_it(run: Any) -> None:
    (found,) = run(
        lambda x: Builder.space_to_depth(x=Builder.depth_to_space(x=x, block_size=2), block_size=2),
        x=X,
    )
    np.testing.assert_array_equal(found, X)


BATCHED = [[0, 1, 3], [0, 9, 11], [0, 2, 4], [0, 10, 12]]
BATCHED += [[0, 5, 7], [0, 13, 15], [0, 6, 8], [0, 14, 16]]


def test_space_to_batch_as_core_ml_has_it(run: Any) -> None:
    """The values of coremltools' own tests, there and back."""
    x = np.arange(1, 17, dtype=np.float32).reshape(2, 1, 2, 4)
    (there,) = run(
        lambda x: Builder.space_to_batch(
            x=x, block_shape=[2, 2], paddings=np.array([[0, 0], [2, 0]], np.int32)
        ),
        x=x,
    )
    assert there.reshape(8, 3).tolist() == BATCHED
    (back,) = run(
        lambda x: Builder.batch_to_space(
            x=x, block_shape=[2, 2], crops=np.array([[0, 0], [2, 0]], np.int32)
        ),
        x=there,
    )
    np.testing.assert_array_equal(back, x)


def test_blocks_that_are_not_square(run: Any) -> None:
    (found,) = run(
        lambda x: Builder.space_to_batch(
            x=x, block_shape=[2, 3], paddings=np.zeros((2, 2), np.int32)
        ),
        x=PLANE,
    )
    assert found.shape == (12, 3, 2, 2)
    for m, c, h, w in np.ndindex(*found.shape):
        row, column, n = m // 6, m // 2 % 3, m % 2
        assert found[m, c, h, w] == PLANE[n, c, 2 * h + row, 3 * w + column]
