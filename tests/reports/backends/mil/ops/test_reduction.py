"""Reductions against coremltools' value inference."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

NAMES = ["reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum", "reduce_log_sum_exp", "reduce_max"]
NAMES += ["reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "reduce_sum_square"]
X = np.linspace(0.25, 2.0, 24).reshape(2, 3, 4).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("axes", [[1], [0, 2], [-1]])
@pytest.mark.parametrize("keep_dims", [False, True])
def test_over_axes(check: Any, name: str, axes: list[int], keep_dims: bool) -> None:
    check(name, {"x": X}, rtol=1e-5, axes=np.array(axes, np.int32), keep_dims=keep_dims)


@pytest.mark.parametrize("name", NAMES)
def test_over_all(check: Any, name: str) -> None:
    x = X[:, :, :2]
    check(name, {"x": x}, float16=False, rtol=1e-5, keep_dims=True)
    check(name, {"x": x}, float16=False, rtol=1e-5, keep_dims=False)


@pytest.mark.parametrize(
    "name", ["reduce_l1_norm", "reduce_max", "reduce_min", "reduce_prod", "reduce_sum"]
)
def test_of_integers(check: Any, name: str) -> None:
    x = np.array([[3, -5, 2], [7, 1, -4]], np.int32)
    check(name, {"x": x}, axes=np.array([1], np.int32))


def test_a_mean_of_integers_loses_its_fraction(check: Any) -> None:
    x = np.array([[3, 4], [-3, -4]], np.int32)
    check("reduce_mean", {"x": x}, axes=np.array([1], np.int32))


@pytest.mark.parametrize("name", ["reduce_argmax", "reduce_argmin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keep_dims", [False, True])
def test_where_the_extreme_lies(check: Any, name: str, axis: int, keep_dims: bool) -> None:
    x = np.random.Generator(np.random.PCG64(1)).permutation(24).reshape(2, 3, 4)
    check(name, {"x": x.astype(np.float32)}, axis=axis, keep_dims=keep_dims)


def test_where_it_lies_as_a_short(run: Any) -> None:
    x = np.array([1.0, 5.0, 2.0], np.float32)
    (found,) = run(lambda x: Builder.reduce_argmax(x=x, axis=0, output_dtype="uint16"), x=x)
    assert found.dtype == np.uint16
    assert found == 1


def test_float16_sums_in_float32(run: Any) -> None:
    """4096 ones after 2048: a float16 accumulator would stay at 2048."""
    x = np.array([2048.0] + [1.0] * 4096, np.float16)
    build = lambda x: Builder.reduce_sum(x=x, axes=[0])  # noqa: E731
    assert run(build, x=x)[0] == 6144.0
    assert run(build, accumulation="float16", x=x)[0] == 2048.0


@pytest.mark.parametrize("keep_dims", [False, True])
def test_a_float16_mean_is_the_sum_divided(run: Any, keep_dims: bool) -> None:
    """Small integers over two of three axes: every accumulator has the exact sums."""
    x = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
    (found,) = run(
        lambda x: Builder.reduce_mean(x=x, axes=[0, 2], keep_dims=keep_dims),
        accumulation="float16",
        x=x,
    )
    np.testing.assert_array_equal(found, x.astype(float).mean((0, 2), keepdims=keep_dims))
