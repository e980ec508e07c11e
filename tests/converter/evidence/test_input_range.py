"""The range that an input's integers span. Expected: the quantiser's rule on paper, scale × (level
− zero point), and that symmetric integers reach as far below zero as above.
"""

import pytest

from blazepalm.converter.evidence.input_range import quantised_range
from blazepalm.converter.tflite.read import read_bytes
from support.tflite_builder import ModelBuilder

SHAPE = (1, 4, 4, 3)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero", "expected"),
    [
        ("uint8", 1 / 255, 0, (0.0, 1.0)),
        ("uint8", 2 / 255, 128, (-1.0, 1.0)),
        ("uint8", 1.0, 0, (0.0, 255.0)),
        ("int8", 1 / 255, -128, (0.0, 1.0)),
        ("int8", 2 / 255, -1, (-1.0, 1.0)),
        ("int8", 1.0, -128, (0.0, 255.0)),
        ("int8", 1 / 127, 0, None),  # 0..1 by symmetric steps, or -1..1
        ("int8", 255 / 127, 0, (0.0, 255.0)),
        ("int16", 1 / 32767, 0, None),
        ("int16", 255 / 32767, 0, (0.0, 255.0)),
        ("int16", 7 / 32767, 0, None),
    ],
)
def test_what_integers_span(
    dtype: str, scale: float, zero: int, expected: tuple[float, float] | None
) -> None:
    model = ModelBuilder()
    stored = model.tensor(SHAPE, dtype, quantisation=([scale], [zero], 0))
    real = model.tensor(SHAPE)
    model.operator("DEQUANTIZE", [stored], [real], version=3)
    assert quantised_range(read_bytes(model.build([stored], [real]), "net")) == expected
