"""Normalisations against value inference, or the formulas of the documents in numpy."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

GAMMA = np.array([1.5, -0.5, 2.0], np.float32)
BETA = np.array([0.25, 1.0, -3.0], np.float32)
MEAN = np.array([0.5, -1.0, 2.0], np.float32)
VARIANCE = np.array([4.0, 0.25, 1.0], np.float32)


def column(values: np.ndarray, rank: int = 4) -> np.ndarray:
    """One value a channel, as float64 that broadcasts."""
    return values.astype(np.float64).reshape(-1, *(1,) * (rank - 2))


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(2, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("shift", [False, True])
def test_batch_norm(run: Any, x: np.ndarray, shift: bool) -> None:
    extra = {"gamma": GAMMA, "beta": BETA} if shift else {}
    (found,) = run(
        lambda x: Builder.batch_norm(
            x=x, mean=MEAN, variance=VARIANCE, epsilon=np.float32(0.125), **extra
        ),
        x=x,
    )
    expected = (x - column(MEAN)) / np.sqrt(column(VARIANCE) + 0.125)
    if shift:
        expected = expected * column(GAMMA) + column(BETA)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 4, 5)])
def test_instance_norm(run: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    x = rng.normal(size=shape).astype(np.float32)
    (found,) = run(
        lambda x: Builder.instance_norm(x=x, gamma=GAMMA, beta=BETA, epsilon=np.float32(1e-3)), x=x
    )
    axes = tuple(range(2, len(shape)))
    centred = x - x.mean(axes, keepdims=True, dtype=np.float64)
    expected = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + 1e-3)
    expected = expected * column(GAMMA, len(shape)) + column(BETA, len(shape))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axes", [[3], [2, 3], [1, 3], [-2]])
def test_layer_norm(check: Any, x: np.ndarray, rng: np.random.Generator, axes: list[int]) -> None:
    shape = [x.shape[axis] for axis in axes]
    check(
        "layer_norm",
        {"x": x},
        float16=False,
        rtol=1e-5,
        axes=np.array(axes, np.int32),
        gamma=rng.normal(size=shape).astype(np.float32),
        beta=rng.normal(size=shape).astype(np.float32),
        epsilon=np.float32(1e-4),
    )


def test_layer_norm_without_gamma(check: Any, x: np.ndarray) -> None:
    check("layer_norm", {"x": x}, rtol=1e-5, axes=np.array([2, 3], np.int32))


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5), (2, 2, 3, 4, 2)])
def test_l2_norm(check: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    x = rng.normal(size=shape).astype(np.float32)
    check("l2_norm", {"x": x}, rtol=1e-5, epsilon=np.float32(1e-3))


def test_local_response_norm(run: Any, rng: np.random.Generator) -> None:
    """Three neighbouring channels: the one before, itself, the one behind."""
    x = rng.normal(size=(2, 5, 3, 4)).astype(np.float32)
    (found,) = run(
        lambda x: Builder.local_response_norm(
            x=x, size=3, alpha=np.float32(0.5), beta=np.float32(0.75), k=np.float32(2.0)
        ),
        x=x,
    )
    squares = np.pad(x.astype(np.float64) ** 2, [(0, 0), (1, 1), (0, 0), (0, 0)])
    total = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    np.testing.assert_allclose(found, x / (2.0 + 0.5 / 3 * total) ** 0.75, rtol=1e-5)


def test_float16_statistics_are_taken_in_float32(run: Any) -> None:
    """The square of 300 is beyond float16; the variance must not become infinite."""
    x = np.array([-300.0, 300.0] * 8, np.float16).reshape(1, 1, 4, 4)
    (found,) = run(lambda x: Builder.instance_norm(x=x), x=x)
    np.testing.assert_array_equal(np.abs(found), 1.0)
