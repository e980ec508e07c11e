"""`topk`, `argsort`, `cumsum` against coremltools' value inference."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    """No two elements alike: ties have no defined order."""
    return rng.permutation(60).reshape(3, 4, 5).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("ascending", [False, True])
def test_topk(check: Any, x: np.ndarray, axis: int, ascending: bool) -> None:
    check("topk", {"x": x}, k=2, axis=axis, ascending=ascending)


def test_topk_without_indices(check: Any, x: np.ndarray) -> None:
    check("topk", {"x": x}, k=3, axis=1, return_indices=False)


def test_topk_with_short_indices(run: Any, x: np.ndarray) -> None:
    values, indices = run(
        lambda x: Builder.topk(x=x, k=2, axis=-1, output_indices_dtype="uint16"), x=x
    )
    assert indices.dtype == np.uint16
    np.testing.assert_array_equal(values, np.sort(x)[..., :-3:-1])


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("ascending", [False, True])
def test_argsort(check: Any, x: np.ndarray, axis: int, ascending: bool) -> None:
    check("argsort", {"x": x}, axis=axis, ascending=ascending)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumsum(check: Any, x: np.ndarray, axis: int, reverse: bool) -> None:
    check("cumsum", {"x": x}, axis=axis, reverse=reverse)
    check("cumsum", {"x": x.astype(np.int32)}, axis=axis, reverse=reverse)


def test_an_exclusive_sum_begins_with_nothing(run: Any) -> None:
    x = np.array([[1.0, 2.0, 3.0]], np.float32)
    forwards, backwards = run(
        lambda x: (
            Builder.cumsum(x=x, axis=1, exclusive=True),
            Builder.cumsum(x=x, axis=1, exclusive=True, reverse=True),
        ),
        x=x,
    )
    assert forwards.tolist() == [[0.0, 1.0, 3.0]]
    assert backwards.tolist() == [[5.0, 3.0, 0.0]]


def test_float16_accumulation(run: Any) -> None:
    x = np.array([2048.0, 1.0, 1.0, 1.0], np.float16)
    build = lambda x: Builder.cumsum(x=x, axis=0)  # noqa: E731
    assert run(build, x=x)[0].tolist() == [2048.0, 2048.0, 2050.0, 2052.0]
    assert run(build, accumulation="float16", x=x)[0].tolist() == [2048.0] * 4
