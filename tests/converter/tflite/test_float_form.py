"""An integer file's float form in LiteRT, and its inputs and outputs as real values. Reference:
LiteRT on the file itself, and arithmetic on paper.
"""

import numpy as np
import pytest

from blazepalm.converter.tflite.float_form import float_form
from blazepalm.reports.backends.litert import open_litert
from support.tflite_builder import ModelBuilder, schema

SHAPE = (1, 2, 2, 1)
STEP = 0.5  # of the input; its zero point is 3
KERNEL, KERNEL_STEP = 4, 0.25  # the one weight: 1.0
BIAS, BIAS_STEP = 16, 0.125  # 2.0


def halved(dtype: str) -> bytes:
    """y = x + 2 as a quantised convolution; y in steps of 1 from its zero point −2."""
    model = ModelBuilder()
    unsigned = 128 if dtype == "uint8" else 0
    image = model.tensor(SHAPE, dtype, name="x", quantisation=([STEP], [3 + unsigned], 0))
    result = model.tensor(SHAPE, dtype, name="y", quantisation=([1.0], [unsigned - 2], 0))
    kernel = model.tensor(
        (1, 1, 1, 1), dtype, np.full((1, 1, 1, 1), KERNEL + unsigned), "w",
        quantisation=([KERNEL_STEP], [unsigned], 0),
    )  # fmt: skip
    bias = model.tensor(
        (1,), "int32", np.array([BIAS]), "b", quantisation=([STEP * KERNEL_STEP], [0], 0)
    )
    options = schema.Conv2DOptionsT(strideH=1, strideW=1)
    model.operator("CONV_2D", [image, kernel, bias], [result], options, version=3)
    return model.build([image], [result])


IMAGE = np.array([0.2, 0.8, -1.0, 4.9], "f4").reshape(SHAPE)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("plain", [False, True])
def test_a_file_takes_and_gives_real_values(dtype: str, plain: bool) -> None:
    """The image in steps of 0.5 is 0, 1, −1, 5; then + 2."""
    backend = open_litert(halved(dtype), ("y",), source="m", reference_kernels=plain)
    found = backend.run(IMAGE)["y"]
    assert found.dtype == np.float32
    assert found.ravel().tolist() == [2.0, 3.0, 1.0, 7.0]


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_the_float_form_rounds_nothing(dtype: str) -> None:
    content = halved(dtype)
    form = float_form(content, "m")
    found = open_litert(form, ("y",), source="m").run(IMAGE)["y"]
    np.testing.assert_allclose(found, IMAGE + 2, rtol=1e-6)
    assert float_form(form, "m") is form
