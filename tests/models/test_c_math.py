"""C's functions against the C library itself, through ctypes, bit for bit."""

import ast
import ctypes
import ctypes.util
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from blazepalm.models import c_math

Floats = NDArray[np.float32]

pytestmark = pytest.mark.processor

MANY = 1_000_000
F = np.float32
# NumPy's functions that IEEE 754 does not define to the last digit
INEXACT = re.compile(
    "(arc)?(cos|sin|tan)h?|arctan2|exp2?|expm1|log(10|1p|2|addexp2?)?|hypot|cbrt|(float_)?power|pow"
    "|linalg"
)
SPECIAL = np.array([0.0, 1e-45, 1e-38, 1e-20, 0.5, 1, 2, 1e20, 3e38, np.inf, np.nan], F)
SPECIAL = np.concatenate((SPECIAL, -SPECIAL))


def of_c(name: str, *arguments: Floats, kind: Any = ctypes.c_float) -> Floats:
    """A function of the C library, which takes and returns `kind`, on each element."""
    library = ctypes.CDLL(ctypes.util.find_library("m") or ctypes.util.find_library("c"))
    function: Any = getattr(library, name)
    function.restype = kind
    function.argtypes = [kind] * len(arguments)
    return np.fromiter(map(function, *(a.tolist() for a in arguments)), F, arguments[0].size)


def assert_same_bits(found: Floats, expected: Floats) -> None:
    """Equal to the last bit, signed zeros too; NaN is NaN."""
    assert found.dtype == expected.dtype == F
    same = (found.view(np.uint32) == expected.view(np.uint32)) | (
        np.isnan(found) & np.isnan(expected)
    )
    assert same.size and same.all(), f"{(~same).sum()} of {same.size}"


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def every_exponent(random: np.random.Generator, count: int) -> Floats:
    """Any float32 at all: NaN, infinities and subnormal numbers among them."""
    return random.integers(0, 1 << 32, count, dtype=np.uint32).view(F)


def pairs() -> tuple[Floats, Floats]:
    """y and x: pixels of a picture, all exponents, near the axes, on them, special values."""
    random = generator(1)
    third = MANY // 3
    pixels = random.uniform(-700, 700, (2, third)).astype(F)
    wide = np.stack((every_exponent(random, third), every_exponent(random, third)))
    near = random.uniform(-700, 700, (2, third)).astype(F)
    near[0, : third // 2] *= F(1e-6)
    near[1, third // 2 :] *= F(1e-6)
    near[0, ::50], near[1, 1::50] = 0.0, -0.0
    grid = np.stack([part.ravel() for part in np.meshgrid(SPECIAL, SPECIAL)])
    y, x = np.concatenate((pixels, wide, near, grid), axis=1)
    return y, x


def angles() -> Floats:
    """As in regions (−π to π), beyond, and every exponent."""
    random = generator(2)
    turns = random.uniform(-math.pi, math.pi, MANY // 2)
    near = random.uniform(-1, 1, MANY // 4) * 10.0 ** random.uniform(-30, 3, MANY // 4)
    wide = every_exponent(random, MANY // 4)
    axes = np.arange(-8, 9) * (math.pi / 2)
    return np.concatenate((turns.astype(F), near.astype(F), wide, axes.astype(F), SPECIAL))


def exponents() -> Floats:
    random = generator(3)
    clipped = random.uniform(-100, c_math.MAX_EXPONENT, MANY * 3 // 4)
    near = random.uniform(-1, 1, MANY // 4) * 10.0 ** random.uniform(-30, 0, MANY // 4)
    special = SPECIAL[~(SPECIAL > c_math.MAX_EXPONENT) | np.isinf(SPECIAL)]
    edge = np.array([c_math.MAX_EXPONENT, -87.3, -87.4, -103.9, -104.0], F)
    return np.concatenate((clipped.astype(F), near.astype(F), special, edge))


def test_arctan2_is_atan2f() -> None:
    y, x = pairs()
    assert_same_bits(c_math.arctan2(y, x), of_c("atan2f", y, x))


def test_cosine_and_sine_are_cosf_and_sinf() -> None:
    values = angles()
    cos, sin = c_math.cos_sin(values)
    assert_same_bits(cos, of_c("cosf", values))
    assert_same_bits(sin, of_c("sinf", values))


def test_exp_is_expf() -> None:
    values = exponents()
    assert_same_bits(c_math.exp(values), of_c("expf", values))


def test_rounded_functions_are_those_of_double_rounded_once() -> None:
    """What the tasks use: C's functions of double, which are too exact for float32 to tell."""
    double, rounded = ctypes.c_double, c_math.ROUNDED
    y, x = pairs()
    assert_same_bits(rounded.arctan2(y, x), of_c("atan2", y, x, kind=double))
    values = angles()
    cos, sin = rounded.cos_sin(values)
    assert_same_bits(cos, of_c("cos", values, kind=double))
    assert_same_bits(sin, of_c("sin", values, kind=double))
    values = exponents()
    assert_same_bits(rounded.exp(values), of_c("exp", values, kind=double))


def test_the_pipeline_calls_no_other_function() -> None:
    """Between a picture and its hands, whatever is neither + − × ÷ nor the square root goes through
    `c_math`: NumPy's own functions, whose last digit hangs on the processor, occur nowhere else.
    """
    used = set()
    for path in Path(c_math.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "np":
                used.add((path.name, node.attr))
    assert ("decode.py", "maximum") in used
    assert {file for file, name in used if INEXACT.fullmatch(name)} == {"c_math.py"}


def test_exp_beyond_its_limit() -> None:
    """e^88 · e^(x−88): each factor within a digit, and their product rounded."""
    values = np.linspace(c_math.MAX_EXPONENT, 88.7, 1000, dtype=F)
    exact = np.exp(values.astype(np.float64))
    assert (np.abs(c_math.exp(values) / exact - 1) <= 3 * np.finfo(F).eps).all()
    assert c_math.exp(F(100)) == np.inf


@pytest.mark.parametrize(
    ("y", "x", "expected"),
    [
        (0.0, 1.0, 0.0),
        (-0.0, 1.0, -0.0),
        (0.0, -1.0, math.pi),
        (-0.0, -1.0, -math.pi),
        (0.0, 0.0, 0.0),
        (-0.0, -0.0, -math.pi),
        (1.0, 0.0, math.pi / 2),
        (math.inf, -math.inf, 3 * math.pi / 4),
        (math.nan, 1.0, math.nan),
    ],
)
def test_scalars_stay_scalars(y: float, x: float, expected: float) -> None:
    found = c_math.arctan2(F(y), F(x))
    assert isinstance(found, np.float32)
    assert_same_bits(np.array([found]), np.array([expected], F))
    cos, sin = c_math.cos_sin(F(0))
    assert isinstance(cos, np.float32) and isinstance(sin, np.float32)
    assert (cos, sin) == (1, 0)


def test_float64_stays_float64() -> None:
    values = generator(4).uniform(-100, 700, 10_000)
    found = c_math.exp(values)
    assert found.dtype == np.float64
    assert found.tolist() == [math.exp(v) for v in values]  # Python calls C's


def kernels(function: str) -> dict[str, dict[str, str]]:
    """Type → the kernels that NumPy may choose from on processors of this kind."""
    found = np.lib.introspect.opt_func_info(func_name=f"^{function}$")
    return found.get(function, {})


@pytest.mark.parametrize("function", ["log", "exp"])
def test_complex_functions_have_one_kernel_on_every_processor(function: str) -> None:
    by_type = kernels(function)
    assert by_type, "NumPy lists none: this test sees nothing"
    assert not [types for types in by_type if types[0] in "FDG"]


@pytest.mark.skipif(not kernels("arctan2"), reason="this kind of processor has none of NumPy's own")
def test_the_list_of_kernels_tells_them_apart() -> None:
    """What the test above would report if the code used a forbidden function."""
    assert "ff" in kernels("exp") and "fff" in kernels("arctan2")
