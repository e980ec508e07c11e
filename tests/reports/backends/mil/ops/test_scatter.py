"""Scatters against their definition: one update after the other, in numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "update": lambda old, new: new,
    "add": lambda old, new: old + new,
    "sub": lambda old, new: old - new,
    "mul": lambda old, new: old * new,
    "div": lambda old, new: old / new,
    "max": np.maximum,
    "min": np.minimum,
}
DATA = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("mode", list(COMBINE))
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scatter(run: Any, mode: str, axis: int) -> None:
    indices = np.array([1, 0, 1] if mode != "update" else [1, 0], np.int32)
    shape = list(DATA.shape)
    shape[axis] = len(indices)
    updates = np.linspace(0.5, 4, int(np.prod(shape))).reshape(shape).astype(np.float32)
    expected = np.moveaxis(DATA.copy(), axis, 0)
    for index, update in zip(indices, np.moveaxis(updates, axis, 0), strict=True):
        expected[index] = COMBINE[mode](expected[index], update)
    (found,) = run(
        lambda data, i, u: Builder.scatter(data=data, indices=i, updates=u, axis=axis, mode=mode),
        data=DATA,
        i=indices,
        u=updates,
    )
    np.testing.assert_allclose(found, np.moveaxis(expected, 0, axis), rtol=1e-5)


def test_the_documents_example(run: Any) -> None:
    data = np.array([[1, 2, 3], [4, 5, 6]], np.int32)
    updates = np.array([[5, 6, 7], [8, 9, 10]], np.int32)
    (found,) = run(
        lambda d, i, u: Builder.scatter(data=d, indices=i, updates=u, axis=0, mode="add"),
        d=data,
        i=np.array([1, 0], np.int32),
        u=updates,
    )
    assert found.dtype == np.int32
    assert found.tolist() == [[9, 11, 13], [9, 11, 13]]


@pytest.mark.parametrize("mode", ["update", "add", "max"])
def test_scatter_along_axis(run: Any, mode: str) -> None:
    indices = np.array([[[2, 0, 1, 1]], [[0, 2, 2, 1]]], np.int32)
    updates = np.linspace(0.5, 40, 8).reshape(2, 1, 4).astype(np.float32)
    expected = DATA.copy()
    for a, b, c in np.ndindex(2, 1, 4):
        place = (a, indices[a, b, c], c)
        expected[place] = COMBINE[mode](expected[place], updates[a, b, c])
    (found,) = run(
        lambda d, i, u: Builder.scatter_along_axis(data=d, indices=i, updates=u, axis=1, mode=mode),
        d=DATA,
        i=indices,
        u=updates,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["update", "sub", "min"])
def test_scatter_nd(run: Any, mode: str) -> None:
    indices = np.array([[0, 2], [1, 1]], np.int32)
    updates = np.linspace(-3, 30, 8).reshape(2, 4).astype(np.float32)
    expected = DATA.copy()
    for index, update in zip(indices, updates, strict=True):
        expected[tuple(index)] = COMBINE[mode](expected[tuple(index)], update)
    (found,) = run(
        lambda d, i, u: Builder.scatter_nd(data=d, indices=i, updates=u, mode=mode),
        d=DATA,
        i=indices,
        u=updates,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
