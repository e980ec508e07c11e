"""`quantize` against value inference, `dequantize` by hand."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

X = np.array([[-3.0, -0.25, 0.25, 0.75], [1.25, 60.0, -100.0, 2.0]], np.float32)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_quantize_with_one_scale(check: Any, dtype: type) -> None:
    check(
        "quantize",
        {"input": X},
        float16=False,
        scale=np.float32(0.5),
        zero_point=dtype(3),
        output_dtype=np.dtype(dtype).name,
    )


def test_quantize_along_an_axis(check: Any) -> None:
    scale = np.array([0.5, 0.25, 2.0, 1.0], np.float32)
    zero = np.array([0, 1, -5, 100], np.int8)
    check(
        "quantize",
        {"input": X},
        float16=False,
        scale=scale,
        zero_point=zero,
        axis=1,
        output_dtype="int8",
    )


def test_quantize_without_a_zero_point(check: Any) -> None:
    check("quantize", {"input": X}, float16=False, scale=np.float32(0.5), output_dtype="int8")


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_there_and_back(run: Any, dtype: type) -> None:
    """Steps of ½ (of 2 in the second row); halves go to the even step; 127 is the end."""
    scale = np.array([0.5, 2.0], dtype)
    zero = np.array([3, -2], np.int8)

    def build(x: Any) -> Any:
        steps = Builder.quantize(input=x, scale=scale, zero_point=zero, axis=0, output_dtype="int8")
        return Builder.dequantize(input=steps, scale=scale, zero_point=zero, axis=0)

    (found,) = run(build, x=np.array([[0.6, -0.75, 100.0], [2.9, -3.0, 5.0]], dtype))
    assert found.dtype == dtype
    assert found.tolist() == [[0.5, -1.0, 62.0], [2.0, -4.0, 4.0]]


def test_dequantize_along_an_axis(run: Any) -> None:
    steps = np.array([[1, 200, 3], [4, 5, 255]], np.uint8)
    scale = np.array([0.5, 0.25, 2.0], np.float32)
    zero = np.array([0, 100, 255], np.uint8)

    def build(x: Any) -> Any:
        stored = Builder.cast(x=x, dtype="uint8")
        return Builder.dequantize(input=stored, scale=scale, zero_point=zero, axis=1)

    (found,) = run(build, x=steps.astype(np.float32))
    np.testing.assert_array_equal(found, scale * (steps.astype(np.float32) - zero))
