"""Activations against coremltools' value inference, which computes them in numpy."""

from typing import Any

import numpy as np
import pytest

X = np.array([-7.5, -3.25, -1.0, -0.125, 0.0, 0.25, 1.0, 2.5, 6.5, 9.0], np.float32)
PLANE = np.linspace(-4, 4, 2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(np.float32)
THREE = np.array([0.25, -0.5, 2.0], np.float32)
HALF, TWO = np.float32(0.5), np.float32(2.0)


@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("clamped_relu", {"alpha": HALF, "beta": TWO}),
        ("elu", {"alpha": HALF}),
        ("gelu", {"mode": "EXACT"}),
        ("gelu", {"mode": "TANH_APPROXIMATION"}),
        ("gelu", {"mode": "SIGMOID_APPROXIMATION"}),
        ("leaky_relu", {"alpha": HALF}),
        ("linear_activation", {"alpha": HALF, "beta": TWO}),
        ("relu", {}),
        ("relu6", {}),
        ("scaled_tanh", {"alpha": TWO, "beta": HALF}),
        ("sigmoid", {}),
        ("sigmoid_hard", {"alpha": np.float32(0.25), "beta": HALF}),
        ("softplus", {}),
        ("softsign", {}),
        ("tanh", {}),
        ("thresholded_relu", {"alpha": HALF}),
    ],
)
def test_of_each_element(check: Any, name: str, constants: dict[str, Any]) -> None:
    check(name, {"x": X.reshape(2, 5)}, **constants)


def test_silu_is_x_times_sigmoid(run: Any, infer: Any) -> None:
    from coremltools.converters.mil import Builder

    (found,) = run(lambda x: Builder.silu(x=x), x=X)
    np.testing.assert_allclose(found, X * infer("sigmoid", x=X), rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_along_an_axis(check: Any, axis: int) -> None:
    check("softmax", {"x": PLANE}, axis=axis)


def test_one_slope_a_channel(check: Any) -> None:
    check("prelu", {"x": PLANE}, alpha=THREE)


def test_one_pair_a_channel(check: Any) -> None:
    check("softplus_parametric", {"x": PLANE}, alpha=THREE, beta=np.abs(THREE))


def test_a_large_input_overflows_nowhere(run: Any) -> None:
    from coremltools.converters.mil import Builder

    x = np.array([-200.0, 200.0], np.float32)
    softplus, sigmoid = run(lambda x: (Builder.softplus(x=x), Builder.sigmoid(x=x)), x=x)
    np.testing.assert_array_equal(softplus, [0.0, 200.0])
    np.testing.assert_allclose(sigmoid, [0.0, 1.0], atol=1e-30)


def test_a_constant_of_the_other_precision(run: Any) -> None:
    """iOS 17: float16 values, float32 slope; 1.1 is not rounded to float16 first."""
    from coremltools.converters.mil import Builder

    x = np.array([-10.0], np.float16)
    (found,) = run(lambda x: Builder.leaky_relu(x=x, alpha=np.float32(0.33337)), x=x)
    assert found.dtype == np.float16
    assert found[0] == np.float16(-3.3337)
