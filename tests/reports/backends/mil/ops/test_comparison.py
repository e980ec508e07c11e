"""Comparisons, logic and `select`, against value inference and by hand."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

X = np.array([[-1.0, 0.5, 2.0], [0.5, 0.5, 3.0]], np.float32)
Y = np.array([0.5, 0.5, 2.5], np.float32)
TRUE = np.array([[True, False, True], [False, False, True]])
ALSO = np.array([True, True, False])
COMPARISONS = ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(check: Any, name: str) -> None:
    check(name, {"x": X, "y": Y})
    check(name, {"x": X.astype(np.int32), "y": Y.astype(np.int32)})


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic(check: Any, name: str) -> None:
    check(name, {"x": TRUE, "y": ALSO})


def test_not(check: Any) -> None:
    check("logical_not", {"x": TRUE})


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32])
def test_select(run: Any, dtype: type) -> None:
    a, b = X.astype(dtype), -X.astype(dtype)
    (found,) = run(lambda c, a, b: Builder.select(cond=c, a=a, b=b), c=TRUE, a=a, b=b)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.where(TRUE, a, b))


def test_select_of_a_constant(run: Any) -> None:
    (found,) = run(lambda c, a: Builder.select(cond=c, a=a, b=np.float32(7)), c=TRUE, a=X)
    np.testing.assert_array_equal(found, [[-1, 7, 2], [7, 7, 3]])


def test_a_float16_constant_is_compared_as_what_it_is(run: Any) -> None:
    """0.1 in float16 is less than 0.1: comparing with it must not use the exact number."""
    x = np.array([np.float16(0.1)])
    (found,) = run(lambda x: Builder.equal(x=x, y=np.float16(0.1)), x=x)
    assert found.tolist() == [True]
