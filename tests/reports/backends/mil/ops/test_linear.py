"""`linear`, `matmul`, `einsum` against coremltools' value inference."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

TERMS = np.array([2048.0, 1.0, 1.0, 1.0], np.float16)  # 2051; term by term in float16 2048


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_linear(check: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    weight = rng.normal(size=(5, 4)).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)
    x = rng.normal(size=shape).astype(np.float32)
    check("linear", {"x": x}, float16=False, weight=weight, bias=bias)
    check("linear", {"x": x}, float16=False, weight=weight)


def test_linear_of_integers(check: Any, rng: np.random.Generator) -> None:
    weight = rng.integers(-9, 9, size=(5, 4)).astype(np.int32)
    x = rng.integers(-9, 9, size=(3, 4)).astype(np.int32)
    check("linear", {"x": x}, weight=weight, bias=np.arange(5, dtype=np.int32))


@pytest.mark.parametrize(
    ("left", "right", "flags"),
    [
        ((3, 4), (4, 5), {}),
        ((2, 3, 4), (4, 5), {}),
        ((6, 1, 3, 4), (2, 4, 5), {}),
        ((4, 3), (4, 5), {"transpose_x": True}),
        ((2, 3, 4), (2, 5, 4), {"transpose_y": True}),
        ((4,), (4, 5), {}),
    ],
)
def test_matmul(
    check: Any,
    rng: np.random.Generator,
    left: tuple[int, ...],
    right: tuple[int, ...],
    flags: dict[str, bool],
) -> None:
    x, y = rng.normal(size=left), rng.normal(size=right)
    operands = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    check("matmul", operands, float16=False, **flags)


def test_matmul_of_integers(check: Any, rng: np.random.Generator) -> None:
    x = rng.integers(-9, 9, size=(2, 3, 4)).astype(np.int32)
    y = rng.integers(-9, 9, size=(4, 2)).astype(np.int32)
    check("matmul", {"x": x, "y": y})


@pytest.mark.parametrize(
    ("equation", "left", "right"),
    [
        ("nchw,nwhu->nchu", (2, 3, 4, 5), (2, 5, 4, 6)),
        ("nchw,nwhu->nchu", (1, 3, 4, 5), (2, 5, 1, 6)),
        ("chw,whr->chr", (3, 4, 5), (5, 4, 6)),
    ],
)
@pytest.mark.parametrize("bound", [False, True])
def test_einsum(
    run: Any,
    rng: np.random.Generator,
    equation: str,
    left: tuple[int, ...],
    right: tuple[int, ...],
    bound: bool,
) -> None:
    """Small integers, so that every accumulator has the exact sums."""
    x = rng.integers(-4, 5, size=left).astype(np.float16)
    y = rng.integers(-4, 5, size=right).astype(np.float16)
    (found,) = run(
        lambda x, y: Builder.einsum(values=(x, y), equation=equation),
        accumulation="float16" if bound else "float32",
        x=x,
        y=y,
    )
    np.testing.assert_array_equal(found, np.einsum(equation, x.astype(int), y.astype(int)))


def test_float16_accumulation(run: Any) -> None:
    weight = np.ones((2, 4), np.float16)
    builds = [
        lambda x: Builder.linear(x=x, weight=weight),
        lambda x: Builder.matmul(x=x, y=weight, transpose_y=True),
        lambda x: Builder.matmul(x=Builder.squeeze(x=x, axes=[0]), y=weight.T.copy()),
    ]
    for build in builds:
        for sums, expected in [("float32", 2052.0), ("float16", 2048.0)]:
            (found,) = run(build, accumulation=sums, x=TERMS.reshape(1, 4))
            assert found.reshape(-1).tolist() == [expected, expected]
