"""Plain trigonometry against C's, and that the renderer uses no other."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from blazepalm.golden.exact import arctan2, cos_sin, dot, product

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "golden"
EPSILON = np.finfo(np.float64).eps


def degrees(count: int) -> list[float]:
    found = np.random.Generator(np.random.PCG64(1)).uniform(-720, 720, count)
    found[::3] /= 60
    return [float(value) for value in found]


def test_cosine_and_sine_are_cs_to_three_digits() -> None:
    """x is rounded twice (1.5 digits, of a value below 1), the series and its product 1.5 more."""
    for angle in degrees(20_000):
        cos, sin = cos_sin(angle)
        # C's of radians: the same angle with no more than a turn's quarter left to round
        quarters = round(angle / 90)
        x = math.radians(angle - 90 * quarters)
        exact = [(math.cos(x), math.sin(x)), (-math.sin(x), math.cos(x))][quarters % 2]
        if quarters % 4 > 1:
            exact = (-exact[0], -exact[1])
        assert abs(cos - exact[0]) <= 3 * EPSILON and abs(sin - exact[1]) <= 3 * EPSILON


def test_quarters_are_whole() -> None:
    found = [cos_sin(90.0 * i) for i in range(-4, 5)]
    expected = [(1, 0), (0, 1), (-1, 0), (0, -1)] * 2 + [(1, 0)]
    assert found == expected


@pytest.mark.parametrize("length", [1e-3, 1.0, 700.0])
def test_directions_are_cs(length: float) -> None:
    """Five halvings of two roundings each, doubled again: within 32 digits of the angle."""
    for angle in np.linspace(-179.9, 179.9, 2001):
        y, x = (length * f(math.radians(angle)) for f in (math.sin, math.cos))
        exact = math.degrees(math.atan2(y, x))
        assert arctan2(y, x) == pytest.approx(exact, rel=1e-13, abs=1e-12)
    assert arctan2(0.0, 1.0) == 0.0
    assert arctan2(1.0, 0.0) == pytest.approx(90.0, rel=1e-14)


def test_products_on_paper() -> None:
    random = np.random.Generator(np.random.PCG64(2))
    for shape in ((3,), (3, 3), (5, 3), (2, 4, 3)):
        a = random.integers(-9, 10, shape).astype(np.float64)
        b = random.integers(-9, 10, (3, 2)).astype(np.float64)
        np.testing.assert_array_equal(product(a, b), np.einsum("...k,km->...m", a, b))
        turned = np.asfortranarray(b)
        np.testing.assert_array_equal(product(a, turned), product(a, b))
    assert dot(np.array([1.0, 2, 3]), np.array([4.0, 5, 6])) == 32


# what a processor, BLAS or a C library rounds its own way; `**` of 2 is a product
FORBIDDEN = {
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "asin", "acos", "atan"),
    *("atan2", "sinh", "cosh", "tanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"),
    *("power", "float_power", "pow", "cbrt", "hypot", "dot", "matmul", "vdot", "inner", "einsum"),
    *("tensordot", "linalg", "fft", "convolve", "correlate", "interp", "GaussianBlur", "resize"),
}
NOT_DRAWN = {"frames.py", "exact.py"}  # videos of others


def calls(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("np", "math", "cv2") and node.attr in FORBIDDEN:
                found.append(f"{path.name}:{node.lineno}: {node.value.id}.{node.attr}")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            found.append(f"{path.name}:{node.lineno}: @")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            whole = isinstance(node.left, ast.Constant)  # 2**63
            if not whole and not (isinstance(node.right, ast.Constant) and node.right.value == 2):
                found.append(f"{path.name}:{node.lineno}: **")
    return sorted(found)


def test_what_is_the_same_everywhere_uses_exact_operations_alone() -> None:
    """Checks the renderer, the palettes of compressed packages, and regions; `c_math` is exempt."""
    paths = sorted(path for path in GOLDEN.glob("*.py") if path.name not in NOT_DRAWN)
    assert len(paths) > 20
    paths += [ROOT / "converter" / "coreml" / "compress.py", ROOT / "models" / "regions.py"]
    assert [call for path in paths for call in calls(path)] == []


def test_what_is_not_exact_is_seen(tmp_path: Path) -> None:
    """The test above must be able to fail."""
    path = tmp_path / "one.py"
    path.write_text("a = np.sin(b)\nc = a @ b\nd = a**3 + a**2 + math.exp(b) + np.sqrt(a)\n")
    assert calls(path) == ["one.py:1: np.sin", "one.py:2: @", "one.py:3: **", "one.py:3: math.exp"]
