"""Pooling against its definition, window by window, in numpy; and facts of Core ML itself."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

Pairs = list[tuple[int, int]]
POOLS = {"max_pool": Builder.max_pool, "avg_pool": Builder.avg_pool, "l2_pool": Builder.l2_pool}


def pool(
    x: np.ndarray,
    reduce: Callable[[np.ndarray], float],
    windows: tuple[int, ...],
    strides: tuple[int, ...],
    pads: Pairs,
    sizes: tuple[int, ...],
    keep_padding: bool,
) -> np.ndarray:
    """`reduce` of the elements of each window: those of the input, and the zeros of its padding
    where `keep_padding`.
    """
    result = np.zeros((*x.shape[:2], *sizes))
    for n, c, *place in itertools.product(*(range(s) for s in result.shape)):
        inside, elements = [], 1
        for axis, at in enumerate(place):
            first = at * strides[axis] - pads[axis][0]
            last = min(first + windows[axis], x.shape[2 + axis] + pads[axis][1])
            elements *= last - first
            inside.append(slice(max(first, 0), min(last, x.shape[2 + axis])))
        values = x[(n, c, *inside)].reshape(-1).astype(np.float64)
        if keep_padding:
            values = np.concatenate([values, np.zeros(elements - values.size)])
        result[(n, c, *place)] = reduce(values)
    return result


def norm(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).sum()))


GEOMETRIES = [
    # pad_type, pad, ceil_mode, (pads, output size) of 5×6 with windows 3×2, strides 2×3
    ("valid", None, False, [(0, 0), (0, 0)], (2, 2)),
    ("valid", None, True, [(0, 0), (0, 0)], (2, 3)),
    ("custom", [1, 1, 1, 1], False, [(1, 1), (1, 1)], (3, 3)),
    ("custom", [0, 2, 1, 0], False, [(0, 2), (1, 0)], (3, 2)),
    ("custom", [2, 2, 1, 1], False, [(2, 2), (1, 1)], (4, 3)),
    ("custom", [1, 1, 1, 1], True, [(1, 1), (1, 1)], (3, 3)),
    ("same", None, False, [(1, 1), (0, 0)], (3, 2)),
    ("same_lower", None, False, [(1, 1), (0, 0)], (3, 2)),
]


@pytest.mark.parametrize(("pad_type", "pad", "ceil", "pads", "sizes"), GEOMETRIES)
@pytest.mark.parametrize("name", ["max_pool", "avg_pool", "avg_pool excluding", "l2_pool"])
def test_every_padding(
    run: Any,
    rng: np.random.Generator,
    name: str,
    pad_type: str,
    pad: list[int] | None,
    ceil: bool,
    pads: Pairs,
    sizes: tuple[int, int],
) -> None:
    x = rng.normal(size=(2, 3, 5, 6)).astype(np.float32)
    if pad_type == "valid" and ceil:
        x = x[:, :, :, :5].copy()  # 5 columns: ⌈(5 − 2) / 3⌉ + 1 = 2, and 2·3 < 5
        sizes = (2, 2)
    kind, _, exclude = name.partition(" ")
    parameters: dict[str, Any] = {} if pad is None else {"pad": pad}
    if exclude:
        parameters["exclude_padding_from_average"] = True
    (found,) = run(
        lambda x: POOLS[kind](
            x=x,
            kernel_sizes=[3, 2],
            strides=[2, 3],
            pad_type=pad_type,
            ceil_mode=ceil,
            **parameters,
        ),
        x=x,
    )
    reduce = {"max_pool": np.max, "avg_pool": np.mean, "l2_pool": norm}[kind]
    keep = kind == "avg_pool" and not exclude
    expected = pool(x, reduce, (3, 2), (2, 3), pads, sizes, keep)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [("max_pool", 1), ("avg_pool", 1), ("l2_pool", 1), ("max_pool", 3), ("avg_pool", 3)],
)
def test_other_ranks(run: Any, rng: np.random.Generator, name: str, dimensions: int) -> None:
    x = rng.normal(size=(1, 2, *(6, 5, 4)[:dimensions])).astype(np.float32)
    windows, pads = (3, 2, 2)[:dimensions], [(1, 0), (0, 1), (1, 1)][:dimensions]
    sizes = (5, 5, 5)[:dimensions]
    (found,) = run(
        lambda x: POOLS[name](
            x=x,
            kernel_sizes=windows,
            pad_type="custom",
            pad=[side for pair in pads for side in pair],
        ),
        x=x,
    )
    reduce = {"max_pool": np.max, "avg_pool": np.mean, "l2_pool": norm}[name]
    ones = (1,) * dimensions
    expected = pool(x, reduce, windows, ones, pads, sizes, name == "avg_pool")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "windows", "expected"),
    [
        ((1, 1, 2), (2,), [1, 2.236068]),
        ((1, 1, 2, 2), (2, 2), [1, 2.236068, 3.162278, 5.477226]),
    ],
)
def test_l2_pool_as_core_ml_has_it(
    run: Any, shape: tuple[int, ...], windows: tuple[int, ...], expected: list[float]
) -> None:
    """The values of coremltools' own test, which runs on Core ML: padded in front, √Σx²."""
    x = np.arange(1, np.prod(shape) + 1).reshape(shape).astype(np.float32)
    (found,) = run(
        lambda x: Builder.l2_pool(x=x, kernel_sizes=windows, pad_type="same_lower"),
        opset="iOS16",
        x=x,
    )
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-6)


def test_a_padded_maximum_can_be_negative(run: Any) -> None:
    x = np.full((1, 1, 2, 2), -5.0, np.float32)
    (found,) = run(
        lambda x: Builder.max_pool(x=x, kernel_sizes=[3, 3], strides=[1, 1], pad_type="same"), x=x
    )
    assert (found == -5.0).all()


def test_float16_accumulation(run: Any) -> None:
    """The window 2048, 1, 1, 1 has the mean 512.75, which float16 rounds to 513 (spacing ½:
    512.75 → 513 by the tie to even); its terms added one by one in float16 make 2048.
    """
    x = np.array([2048.0, 1.0, 1.0, 1.0], np.float16).reshape(1, 1, 2, 2)
    build = lambda x: Builder.avg_pool(x=x, kernel_sizes=[2, 2], pad_type="valid")  # noqa: E731
    assert run(build, x=x)[0].item() == 513.0
    assert run(build, accumulation="float16", x=x)[0].item() == 512.0
