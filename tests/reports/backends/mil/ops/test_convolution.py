"""`conv` against a convolution written out in numpy, term by term."""

import itertools
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

Pairs = list[tuple[int, int]]


def convolve(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    pads: Pairs,
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    groups: int,
) -> np.ndarray:
    """The definition: float64, one output element after the other."""
    x = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *pads])
    kernel = weight.shape[2:]
    sizes = [
        (x.shape[2 + i] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1
        for i in range(len(kernel))
    ]
    outputs, depth = weight.shape[:2]
    result = np.zeros((x.shape[0], outputs, *sizes))
    for n, o in itertools.product(range(x.shape[0]), range(outputs)):
        first = o // (outputs // groups) * depth
        for place in itertools.product(*(range(s) for s in sizes)):
            total = 0.0 if bias is None else float(bias[o])
            for c, *taps in itertools.product(range(depth), *(range(k) for k in kernel)):
                at = [
                    p * s + t * d
                    for p, s, t, d in zip(place, strides, taps, dilations, strict=True)
                ]
                total += x[(n, first + c, *at)] * weight[(o, c, *taps)]
            result[(n, o, *place)] = total
    return result


@pytest.mark.parametrize(
    ("pad_type", "size", "kernel", "stride", "dilation", "pads"),
    [
        # same: total = (⌈size / stride⌉ − 1)·stride + window − size, the odd one behind
        ("same", (5, 6), (3, 3), (2, 2), (1, 1), [(1, 1), (0, 1)]),
        ("same_lower", (5, 6), (3, 3), (2, 2), (1, 1), [(1, 1), (1, 0)]),
        ("same", (6, 5), (2, 4), (1, 1), (1, 1), [(0, 1), (1, 2)]),
        ("same_lower", (6, 5), (2, 4), (1, 1), (1, 1), [(1, 0), (2, 1)]),
        ("same", (7, 6), (3, 2), (1, 1), (2, 3), [(2, 2), (1, 2)]),
        ("valid", (5, 6), (3, 2), (1, 2), (1, 1), [(0, 0), (0, 0)]),
        ("custom", (5, 6), (3, 3), (2, 1), (1, 1), [(0, 2), (3, 1)]),
        ("custom", (4, 5), (3, 3), (1, 1), (1, 1), [(1, 1), (2, 2)]),
    ],
)
@pytest.mark.parametrize("groups", [1, 2])
def test_every_padding(
    run: Any,
    rng: np.random.Generator,
    pad_type: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    pads: Pairs,
    groups: int,
) -> None:
    x = rng.normal(size=(2, 4, *size)).astype(np.float32)
    weight = rng.normal(size=(6, 4 // groups, *kernel)).astype(np.float32)
    bias = rng.normal(size=6).astype(np.float32)
    parameters: dict[str, Any] = {"strides": stride, "dilations": dilation, "groups": groups}
    if pad_type == "custom":
        parameters["pad"] = [side for pair in pads for side in pair]
    (found,) = run(
        lambda x: Builder.conv(x=x, weight=weight, bias=bias, pad_type=pad_type, **parameters), x=x
    )
    expected = convolve(x, weight, bias, pads, stride, dilation, groups)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dimensions", [1, 3])
def test_other_ranks(run: Any, rng: np.random.Generator, dimensions: int) -> None:
    size, kernel = (7, 5, 4)[:dimensions], (3, 2, 2)[:dimensions]
    pads: Pairs = [(1, 0), (0, 1), (1, 1)][:dimensions]
    x = rng.normal(size=(1, 2, *size)).astype(np.float32)
    weight = rng.normal(size=(3, 2, *kernel)).astype(np.float32)
    flat = [side for pair in pads for side in pair]
    (found,) = run(lambda x: Builder.conv(x=x, weight=weight, pad_type="custom", pad=flat), x=x)
    expected = convolve(x, weight, None, pads, (1,) * dimensions, (1,) * dimensions, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_depthwise_convolution(run: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(1, 3, 5, 4)).astype(np.float32)
    weight = rng.normal(size=(3, 1, 3, 3)).astype(np.float32)
    (found,) = run(lambda x: Builder.conv(x=x, weight=weight, pad_type="same", groups=3), x=x)
    expected = convolve(x, weight, None, [(1, 1), (1, 1)], (1, 1), (1, 1), 3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_computed_weight(run: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(1, 2, 4, 5)).astype(np.float32)
    weight = rng.normal(size=(3, 2, 2, 2)).astype(np.float32)
    (found,) = run(lambda x, w: Builder.conv(x=x, weight=w, pad_type="valid"), x=x, w=weight)
    expected = convolve(x, weight, None, [(0, 0), (0, 0)], (1, 1), (1, 1), 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_float16_is_summed_in_float32_and_rounded_once(run: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(1, 24, 4, 4)).astype(np.float16)
    weight = rng.normal(size=(2, 24, 3, 3)).astype(np.float16)
    bias = np.array([100.0, -3.0], np.float16)
    (found,) = run(lambda x: Builder.conv(x=x, weight=weight, bias=bias, pad_type="valid"), x=x)
    expected = convolve(x, weight, bias, [(0, 0), (0, 0)], (1, 1), (1, 1), 1)
    assert found.dtype == np.float16
    spacing = np.spacing(np.abs(expected).astype(np.float16)).astype(np.float64)
    assert np.abs(found - expected).max() > 0
    assert (np.abs(found - expected) <= 0.501 * spacing).all()


def test_float16_accumulation_by_hand(run: Any) -> None:
    """2048 + 1 + 1 + 1: float16 has no 2049, so the ones are lost one by one; summed in float32
    they make 2051, which is 2052 in float16.
    """
    x = np.array([2048.0, 1.0, 1.0, 1.0], np.float16).reshape(1, 4, 1, 1)
    weight = np.ones((1, 4, 1, 1), np.float16)
    build = lambda x: Builder.conv(x=x, weight=weight, pad_type="valid")  # noqa: E731
    assert run(build, x=x)[0].item() == 2052.0
    assert run(build, accumulation="float16", x=x)[0].item() == 2048.0


@pytest.mark.parametrize("pad_type", ["same", "custom"])
def test_float16_accumulation_of_small_integers_is_exact(
    run: Any, rng: np.random.Generator, pad_type: str
) -> None:
    """Sums that every accumulator holds exactly come out alike, whatever the geometry."""
    x = rng.integers(-3, 4, size=(2, 4, 5, 6)).astype(np.float16)
    weight = rng.integers(-3, 4, size=(6, 2, 3, 2)).astype(np.float16)
    bias = rng.integers(-9, 10, size=6).astype(np.float16)
    parameters: dict[str, Any] = {"strides": (2, 1), "dilations": (1, 2), "groups": 2}
    parameters.update({"pad": [1, 0, 2, 1]} if pad_type == "custom" else {})
    build = lambda x: Builder.conv(  # noqa: E731
        x=x, weight=weight, bias=bias, pad_type=pad_type, **parameters
    )
    (found,) = run(build, accumulation="float16", x=x)
    pads = [(1, 0), (2, 1)] if pad_type == "custom" else [(1, 1), (1, 1)]
    expected = convolve(x, weight, bias, pads, (2, 1), (1, 2), 2)
    np.testing.assert_array_equal(found, expected)
