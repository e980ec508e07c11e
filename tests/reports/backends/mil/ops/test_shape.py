"""Operations that change the shape alone, against numpy."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("shape", [[6, 4], [-1, 3], [4, -1, 2], [24]])
def test_reshape(check: Any, shape: list[int]) -> None:
    check("reshape", {"x": X}, shape=np.array(shape, np.int32))


@pytest.mark.parametrize("opset", ["iOS16", "iOS17"])
def test_a_zero_in_reshape_keeps_an_axis(run: Any, opset: str) -> None:
    (found,) = run(lambda x: Builder.reshape(x=x, shape=[0, -1, 0]), opset=opset, x=X)
    assert found.shape == (2, 3, 4)


def test_zeros_are_counted_from_the_right_since_ios_17(run: Any) -> None:
    """The documents' example: (2, 50) to [1, 0, −1, 0] is (1, 1, 2, 50)."""
    x = np.arange(100, dtype=np.float32).reshape(2, 50)
    (found,) = run(lambda x: Builder.reshape(x=x, shape=[1, 0, -1, 0]), opset="iOS17", x=x)
    assert found.shape == (1, 1, 2, 50)
    np.testing.assert_array_equal(found.reshape(2, 50), x)


def test_reshape_to_a_computed_shape(run: Any) -> None:
    (found,) = run(
        lambda x, shape: Builder.reshape(x=x, shape=shape), x=X, shape=np.array([8, -1], np.int32)
    )
    np.testing.assert_array_equal(found, X.reshape(8, 3))


def test_reshape_like(run: Any) -> None:
    """The documents' example: axes 0:2 of (2, 3, 4) and 1: of (1, 5, 6) make (2, 3, 5, 6)."""
    x = np.arange(180, dtype=np.float32)
    (found,) = run(
        lambda x, a, b: Builder.reshape_like(
            x=x, ref_tensors=(a, b), begins=(0, 1), ends=(2, 0), end_masks=(False, True)
        ),
        x=x,
        a=np.zeros((2, 3, 4), np.float32),
        b=np.zeros((1, 5, 6), np.float32),
    )
    np.testing.assert_array_equal(found, x.reshape(2, 3, 5, 6))


@pytest.mark.parametrize("axes", [[0], [1], [-1], [0, 1], [-2, -1], [1, 4]])
def test_expand_dims(check: Any, axes: list[int]) -> None:
    check("expand_dims", {"x": X}, axes=np.array(axes, np.int32))


@pytest.mark.parametrize("axes", [None, [0], [2], [-1, 0]])
def test_squeeze(check: Any, axes: list[int] | None) -> None:
    extra = {} if axes is None else {"axes": np.array(axes, np.int32)}
    check("squeeze", {"x": X.reshape(1, 24, 1)}, **extra)


def test_squeeze_leaves_longer_axes(run: Any) -> None:
    (found,) = run(lambda x: Builder.squeeze(x=x, axes=[0, 1]), x=X.reshape(1, 6, 4))
    assert found.shape == (6, 4)


@pytest.mark.parametrize("perm", [[2, 0, 1], [0, 2, 1], [-1, -3, -2]])
def test_transpose(check: Any, perm: list[int]) -> None:
    check("transpose", {"x": X}, perm=np.array(perm, np.int32))


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_flatten2d(check: Any, axis: int) -> None:
    check("flatten2d", {"x": X}, axis=axis)


def test_shape_and_identity(run: Any) -> None:
    shape, same = run(lambda x: (Builder.shape(x=x), Builder.identity(x=x)), x=X)
    assert shape.dtype == np.int32
    assert shape.tolist() == [2, 3, 4]
    np.testing.assert_array_equal(same, X)


def test_an_output_shares_no_memory_with_an_input(run: Any) -> None:
    x = X.copy()
    (same,) = run(lambda x: Builder.identity(x=x), x=x)
    same[:] = -1
    np.testing.assert_array_equal(x, X)
