"""`conv_transpose` against its definition, written out in numpy."""

import itertools
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder


def spread(
    x: np.ndarray, weight: np.ndarray, strides: tuple[int, ...], dilations: tuple[int, ...]
) -> np.ndarray:
    """The whole result, nothing cropped: each kernel added where its element lies."""
    kernel, dimensions = weight.shape[2:], len(strides)
    sizes = [
        (x.shape[2 + i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
        for i in range(dimensions)
    ]
    result = np.zeros((x.shape[0], weight.shape[1], *sizes))
    for place in itertools.product(*(range(s) for s in x.shape[2:])):
        for taps in itertools.product(*(range(k) for k in kernel)):
            at = [p * s + t * d for p, s, t, d in zip(place, strides, taps, dilations, strict=True)]
            result[(slice(None), slice(None), *at)] += (
                x[(slice(None), slice(None), *place)] @ weight[(slice(None), slice(None), *taps)]
            )
    return result


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(2, 3, 4, 5)).astype(np.float32)


@pytest.fixture
def weight(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(3, 2, 3, 2)).astype(np.float32)


BIAS = np.array([0.5, -2.0], np.float32)


def test_valid(run: Any, x: np.ndarray, weight: np.ndarray) -> None:
    (found,) = run(
        lambda x: Builder.conv_transpose(
            x=x, weight=weight, bias=BIAS, pad_type="valid", strides=[2, 1], dilations=[1, 2]
        ),
        x=x,
    )
    expected = spread(x, weight, (2, 1), (1, 2)) + BIAS.reshape(1, 2, 1, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_custom_pads_crop(run: Any, x: np.ndarray, weight: np.ndarray) -> None:
    (found,) = run(
        lambda x: Builder.conv_transpose(
            x=x, weight=weight, pad_type="custom", pad=[1, 0, 0, 2], strides=[2, 3]
        ),
        x=x,
    )
    expected = spread(x, weight, (2, 3), (1, 1))[:, :, 1:, :-2]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_same_is_as_long_as_the_strides_say(run: Any, x: np.ndarray, weight: np.ndarray) -> None:
    """Rows: 9 of which 8 stay, 0 cropped before and 1 behind. Columns: 14 of 15, the last of
    them beyond every kernel, where only the bias is.
    """
    (found,) = run(
        lambda x: Builder.conv_transpose(
            x=x, weight=weight, bias=BIAS, pad_type="same", strides=[2, 3]
        ),
        x=x,
    )
    whole = spread(x, weight, (2, 3), (1, 1))
    expected = np.zeros((2, 2, 8, 15))
    expected[..., :14] = whole[:, :, :8]
    expected += BIAS.reshape(1, 2, 1, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_an_output_shape(run: Any, x: np.ndarray, weight: np.ndarray) -> None:
    (found,) = run(
        lambda x: Builder.conv_transpose(
            x=x, weight=weight, pad_type="same", strides=[2, 2], output_shape=[2, 2, 7, 9]
        ),
        x=x,
    )
    expected = spread(x, weight, (2, 2), (1, 1))[:, :, 1:8, 0:9]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_groups(run: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(1, 4, 3, 4)).astype(np.float32)
    weight = rng.normal(size=(4, 3, 2, 2)).astype(np.float32)
    (found,) = run(
        lambda x: Builder.conv_transpose(x=x, weight=weight, strides=[2, 2], groups=2), x=x
    )
    halves = [spread(x[:, i : i + 2], weight[i : i + 2], (2, 2), (1, 1)) for i in (0, 2)]
    np.testing.assert_allclose(found, np.concatenate(halves, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dimensions", [1, 3])
def test_other_ranks(run: Any, rng: np.random.Generator, dimensions: int) -> None:
    size, kernel, stride = (4, 3, 2)[:dimensions], (3, 2, 2)[:dimensions], (2, 1, 2)[:dimensions]
    x = rng.normal(size=(1, 2, *size)).astype(np.float32)
    weight = rng.normal(size=(2, 3, *kernel)).astype(np.float32)
    (found,) = run(
        lambda x: Builder.conv_transpose(x=x, weight=weight, pad_type="valid", strides=stride), x=x
    )
    expected = spread(x, weight, stride, (1,) * dimensions)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_float16_accumulation_of_small_integers_is_exact(
    run: Any, rng: np.random.Generator
) -> None:
    x = rng.integers(-3, 4, size=(1, 4, 3, 4)).astype(np.float16)
    weight = rng.integers(-3, 4, size=(4, 3, 3, 2)).astype(np.float16)
    build = lambda x: Builder.conv_transpose(  # noqa: E731
        x=x, weight=weight, strides=[2, 1], dilations=[1, 2], groups=2, pad_type="valid"
    )
    halves = [spread(x[:, i : i + 2], weight[i : i + 2], (2, 1), (1, 2)) for i in (0, 2)]
    for bound in (False, True):
        (found,) = run(build, accumulation="float16" if bound else "float32", x=x)
        np.testing.assert_array_equal(found, np.concatenate(halves, 1))
