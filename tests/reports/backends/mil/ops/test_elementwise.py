"""Arithmetic against coremltools' value inference, and integers against arithmetic on paper."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

X = np.array([[-3.5, -2.5, -0.5], [0.5, 1.5, 2.25]], np.float32)
UNIT = np.array([-0.875, -0.25, 0.0, 0.5, 0.75], np.float32)
POSITIVE = np.array([0.125, 0.5, 1.0, 3.0, 40.0], np.float32)
Y = np.array([1.5, -0.75, 4.0], np.float32)
INTEGERS = np.array([-7, -1, 0, 2, 9], np.int32)


@pytest.mark.parametrize(
    "name",
    [
        *["abs", "atan", "ceil", "cos", "cosh", "erf", "exp", "exp2", "floor"],
        *["round", "sign", "sin", "sinh", "square", "tan", "tanh"],
    ],
)
def test_of_each_element(check: Any, name: str) -> None:
    check(name, {"x": X}, rtol=1e-5)


@pytest.mark.parametrize("name", ["acos", "asin", "atanh"])
def test_between_minus_one_and_one(check: Any, name: str) -> None:
    check(name, {"x": UNIT})


@pytest.mark.parametrize("name", ["sqrt", "log", "rsqrt", "inverse"])
def test_above_zero(check: Any, name: str) -> None:
    check(name, {"x": POSITIVE})


@pytest.mark.parametrize("name", ["log", "rsqrt", "inverse"])
def test_with_an_epsilon(check: Any, name: str) -> None:
    check(name, {"x": POSITIVE}, epsilon=np.float32(0.5))


@pytest.mark.parametrize("name", ["abs", "sign", "square"])
def test_of_integers(check: Any, name: str) -> None:
    check(name, {"x": INTEGERS})


def test_powers_of_two_of_integers(run: Any) -> None:
    (found,) = run(lambda x: Builder.exp2(x=x), x=np.array([0, 1, 10], np.int32))
    assert found.dtype == np.int32
    assert found.tolist() == [1, 2, 1024]


def test_halves_round_to_the_even_neighbour(run: Any) -> None:
    (found,) = run(lambda x: Builder.round(x=x), x=np.array([0.5, 1.5, 2.5, -0.5], np.float32))
    assert found.tolist() == [0.0, 2.0, 2.0, 0.0]


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "real_div", "floor_div", "mod", "maximum", "minimum"]
)
def test_of_two_that_broadcast(check: Any, name: str) -> None:
    check(name, {"x": X, "y": Y})
    check(name, {"x": X[:, :1], "y": Y})


def test_a_power(check: Any) -> None:
    check("pow", {"x": POSITIVE, "y": np.float32([2.0, -1.0, 3.0, 0.5, 1.25])})


@pytest.mark.parametrize("name", ["add", "sub", "mul", "floor_div", "mod", "maximum", "minimum"])
def test_of_two_integers(check: Any, name: str) -> None:
    check(name, {"x": INTEGERS, "y": np.array([2, -2, 3, -5, 4], np.int32)})


def test_a_quotient_of_integers_loses_its_fraction(run: Any) -> None:
    x, y = np.array([7, -7, 8], np.int32), np.array([2, 2, -3], np.int32)
    (found,) = run(lambda x, y: Builder.real_div(x=x, y=y), x=x, y=y)
    assert found.dtype == np.int32
    assert found.tolist() == [3, -3, -2]


def test_limits(check: Any) -> None:
    check("clip", {"x": X}, alpha=np.float32(-1.0), beta=np.float32(1.75))
    check("threshold", {"x": X}, alpha=np.float32(0.25))
    check("threshold", {"x": INTEGERS}, alpha=np.int32(1))


@pytest.mark.parametrize("dtype", ["int32", "fp16", "fp32", "bool", "int8", "uint8", "uint16"])
def test_cast_from_float(check: Any, dtype: str) -> None:
    values = np.array([0.0, 1.0, 2.75, 99.5, 100.0], np.float32)
    check("cast", {"x": values}, float16=False, dtype=dtype)


@pytest.mark.parametrize("dtype", ["fp32", "bool", "int16", "int32", "int8"])
def test_cast_from_integers(check: Any, dtype: str) -> None:
    check("cast", {"x": INTEGERS}, dtype=dtype)


def test_cast_rounds_to_float16(run: Any) -> None:
    """2049 lies between two float16 values, 70000 beyond the largest."""
    x = np.array([2049.0, 70000.0, 1e-8], np.float32)
    (found,) = run(lambda x: Builder.cast(x=Builder.cast(x=x, dtype="fp16"), dtype="fp32"), x=x)
    assert found.tolist() == [2048.0, np.inf, 0.0]


def test_float16_is_rounded_after_each_operation(run: Any) -> None:
    """2048 + 1 is 2048 in float16 (the tie goes to even), so adding 1 twice changes nothing;
    in float32 it would.
    """
    x = np.array([2048.0], np.float16)
    one = np.float16(1)
    (found,) = run(lambda x: Builder.add(x=Builder.add(x=x, y=one), y=one), x=x)
    assert found.tolist() == [2048.0]
