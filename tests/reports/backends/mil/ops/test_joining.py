"""`concat`, `stack`, `split`, `tile` against numpy and value inference."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
Y = -np.arange(16, dtype=np.float32).reshape(2, 2, 4)


@pytest.mark.parametrize("axis", [1, -2])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32])
def test_concat(run: Any, axis: int, dtype: type) -> None:
    x, y = X.astype(dtype), Y.astype(dtype)
    (found,) = run(lambda x, y: Builder.concat(values=(x, y, x), axis=axis), x=x, y=y)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.concatenate([x, y, x], axis))


def test_concat_of_scalars(run: Any) -> None:
    build = lambda x: Builder.concat(  # noqa: E731
        values=(Builder.reduce_sum(x=x, axes=[0], keep_dims=False), np.float32(7)), axis=0
    )
    (found,) = run(build, x=np.array([1.0, 2.0], np.float32))
    assert found.tolist() == [3.0, 7.0]


def test_concat_in_turn(run: Any) -> None:
    """The documents' example."""
    a = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    b = np.array([[7, 8], [9, 10], [11, 12]], np.float32)
    (found,) = run(lambda a, b: Builder.concat(values=(a, b), axis=0, interleave=True), a=a, b=b)
    assert found.tolist() == [[1, 2], [7, 8], [3, 4], [9, 10], [5, 6], [11, 12]]


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_stack(run: Any, axis: int) -> None:
    (found,) = run(lambda x, y: Builder.stack(values=(x, y), axis=axis), x=X, y=-X)
    np.testing.assert_array_equal(found, np.stack([X, -X], axis))


def test_split_into_equal_parts(run: Any) -> None:
    found = run(lambda x: Builder.split(x=x, num_splits=2, axis=2), x=X)
    assert len(found) == 2
    for value, expected in zip(found, np.split(X, 2, 2), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_split_into_sizes(run: Any) -> None:
    found = run(lambda x: Builder.split(x=x, split_sizes=[1, 2], axis=-2), x=X)
    np.testing.assert_array_equal(found[0], X[:, :1])
    np.testing.assert_array_equal(found[1], X[:, 1:])


def test_tile(check: Any) -> None:
    check("tile", {"x": X}, reps=np.array([2, 1, 3], np.int32))


def test_tile_by_computed_numbers(run: Any) -> None:
    reps = np.array([1, 2, 1], np.int32)
    (found,) = run(lambda x, reps: Builder.tile(x=x, reps=reps), x=X, reps=reps)
    np.testing.assert_array_equal(found, np.tile(X, reps))
