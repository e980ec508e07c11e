"""Gathers against value inference and against their definitions in numpy."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

from blazepalm.errors import InvalidModel

X = np.arange(60, dtype=np.float32).reshape(3, 4, 5)


def whole(values: Any) -> np.ndarray:
    return np.array(values, np.int32)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("indices", [[1, 0, 2, 1], [[2, 0], [1, 1]]])
def test_gather(check: Any, axis: int, indices: Any) -> None:
    check("gather", {"x": X, "indices": whole(indices)}, axis=axis)


@pytest.mark.parametrize("axis", [0, -2])
def test_one_index_drops_the_axis(check: Any, axis: int) -> None:
    check("gather", {"x": X}, indices=np.int32(2), axis=axis)


def test_negative_indices_count_from_the_end(check: Any) -> None:
    check("gather", {"x": X, "indices": whole([-1, 0, -3])}, opset="iOS16", axis=1)


@pytest.mark.parametrize(("axis", "batch"), [(1, 1), (2, 1), (2, 2)])
def test_gather_in_batches(check: Any, axis: int, batch: int) -> None:
    shape = (3, 4)[:batch]
    indices = np.random.Generator(np.random.PCG64(0)).integers(0, 4, size=(*shape, 2))
    check("gather", {"x": X, "indices": whole(indices)}, axis=axis, batch_dims=batch)


def test_gather_along_axis(check: Any) -> None:
    indices = whole([[[1, 3, 2, 0, 0]], [[0, 0, 3, 3, 1]], [[2, 2, 2, 1, 1]]])
    check("gather_along_axis", {"x": X, "indices": indices}, axis=1)


def test_gather_nd(run: Any) -> None:
    indices = whole([[0, 1], [2, 3], [1, 0]])
    (found,) = run(lambda x, i: Builder.gather_nd(x=x, indices=i), x=X, i=indices)
    np.testing.assert_array_equal(found, np.stack([X[0, 1], X[2, 3], X[1, 0]]))


def test_gather_nd_in_batches(run: Any) -> None:
    indices = whole([[[1], [0]], [[3], [3]], [[2], [1]]])
    (found,) = run(lambda x, i: Builder.gather_nd(x=x, indices=i, batch_dims=1), x=X, i=indices)
    expected = np.stack([X[n][indices[n, :, 0]] for n in range(3)])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.int32, np.float16])
def test_types_are_kept(run: Any, dtype: type) -> None:
    (found,) = run(lambda x, i: Builder.gather(x=x, indices=i), x=X.astype(dtype), i=whole([2]))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, X[[2]])


def test_an_index_outside_is_an_error_that_names_the_operation(run: Any) -> None:
    with pytest.raises(InvalidModel, match=r"operation gather .*outside an axis of length 3"):
        run(lambda x, i: Builder.gather(x=x, indices=i), x=X, i=whole([3]))
