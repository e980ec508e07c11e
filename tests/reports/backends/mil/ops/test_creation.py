"""Operations that create values, against value inference and by hand."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

from blazepalm.errors import InvalidModel


@pytest.mark.parametrize("value", [np.float32(2.5), np.int32(-3), np.float16(0.5)])
def test_fill(run: Any, value: np.generic) -> None:
    shape = np.array([2, 3], np.int32)
    (found,) = run(lambda shape: Builder.fill(shape=shape, value=value), shape=shape)
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, np.full((2, 3), value))


def test_fill_like(check: Any) -> None:
    reference = np.zeros((2, 3), np.int32)
    check("fill_like", {"ref_tensor": reference}, value=np.float32(1.25))


def test_a_shape_too_large_is_refused_before_it_is_made(run: Any) -> None:
    shape = np.array([1 << 20, 1 << 20], np.int32)
    with pytest.raises(InvalidModel, match=r"operation fill .*too large"):
        run(lambda shape: Builder.fill(shape=shape, value=np.float32(1)), shape=shape)


@pytest.mark.parametrize(
    ("start", "end", "step", "expected"),
    [
        (np.int32(2), np.int32(11), np.int32(3), [2, 5, 8]),
        (np.float32(1), np.float32(-1), np.float32(-0.5), [1.0, 0.5, 0.0, -0.5]),
        (np.float16(0), np.float16(1.25), np.float16(0.5), [0.0, 0.5, 1.0]),
    ],
)
def test_range_1d(run: Any, start: Any, end: Any, step: Any, expected: list[float]) -> None:
    (found,) = run(
        lambda end: Builder.range_1d(start=start, end=Builder.squeeze(x=end), step=step),
        end=np.array([end]),
    )
    assert found.dtype == end.dtype
    assert found.tolist() == expected


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(run: Any, axis: int) -> None:
    indices = np.array([[1, 0, 3], [2, 2, 9]], np.int32)  # 9 is no place: all off
    (found,) = run(
        lambda i: Builder.one_hot(
            indices=i,
            one_hot_vector_size=4,
            axis=axis,
            on_value=np.float32(5),
            off_value=np.float32(-1),
        ),
        i=indices,
    )
    expected = np.where(indices[..., None] == np.arange(4), 5.0, -1.0)
    np.testing.assert_array_equal(found, np.moveaxis(expected, -1, axis))


def test_non_zero(check: Any) -> None:
    check("non_zero", {"x": np.array([[0.0, 3.0, 0.0], [-1.0, 0.0, 2.0]], np.float32)})


@pytest.mark.parametrize(("lower", "upper"), [(0, -1), (-1, 0), (0, 0), (1, 0), (-1, -1), (2, 1)])
def test_band_part(check: Any, lower: int, upper: int) -> None:
    x = np.arange(1, 41, dtype=np.float32).reshape(2, 4, 5)
    check("band_part", {"x": x}, lower=lower, upper=upper)
