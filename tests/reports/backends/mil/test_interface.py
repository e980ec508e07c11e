"""Flexible shapes, images and defaults, as a description has them."""

from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch

from blazepalm.errors import InvalidImage, InvalidInput, InvalidModel
from blazepalm.reports.backends.mil import load
from support.packages import save_functions


class Doubled(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * 2 + 1


def test_a_range_of_batches(convert: Any) -> None:
    shape = ct.Shape((ct.RangeDim(1, 4, default=1), 3, 5))
    program = load(convert(Doubled(), [ct.TensorType("image", shape=shape)]))
    (feature,) = program.inputs
    assert feature.type.shape == (None, 3, 5)
    assert feature.allowed() == "[1..4, 3, 5]"
    for batch in (1, 2, 4):
        x = np.linspace(-1, 1, batch * 15).reshape(batch, 3, 5).astype(np.float32)
        (found,) = program.run({"image": x}).values()
        np.testing.assert_allclose(found, x * 2 + 1, rtol=1e-6)
    for shape_ in [(5, 3, 5), (0, 3, 5), (1, 3, 4), (3, 5)]:
        with pytest.raises(InvalidInput, match=r"takes shape \[1\.\.4, 3, 5\], found"):
            program.run({"image": np.zeros(shape_, np.float32)})


def test_enumerated_shapes(convert: Any) -> None:
    shapes = ct.EnumeratedShapes(shapes=[(1, 3, 5), (2, 3, 5)], default=(1, 3, 5))
    program = load(convert(Doubled(), [ct.TensorType("image", shape=shapes)]))
    assert program.inputs[0].enumerated == ((1, 3, 5), (2, 3, 5))
    assert next(iter(program.run({"image": np.ones((2, 3, 5))}).values())).shape == (2, 3, 5)
    with pytest.raises(InvalidInput, match=r"\[1, 3, 5\] or \[2, 3, 5\], found \[3, 3, 5\]"):
        program.run({"image": np.ones((3, 3, 5))})


def test_a_default_of_an_optional_input(convert: Any) -> None:
    class Sum(torch.nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a + b

    default = np.full((2, 3), 7.5, np.float32)
    inputs = [
        ct.TensorType("a", shape=(2, 3)),
        ct.TensorType("b", shape=(2, 3), default_value=default),
    ]
    program = load(convert(Sum(), inputs))
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert [feature.optional for feature in program.inputs] == [False, True]
    (found,) = program.run({"a": a}).values()
    np.testing.assert_array_equal(found, a + 7.5)
    (found,) = program.run({"a": a, "b": a}).values()
    np.testing.assert_array_equal(found, a + a)
    with pytest.raises(InvalidInput, match="input 'a' is missing"):
        program.run({"b": a})
    with pytest.raises(InvalidInput, match="has no input 'c'; it takes a, b"):
        program.run({"a": a, "c": a})


@pytest.mark.parametrize("layout", ["RGB", "BGR", "GRAYSCALE"])
def test_an_image_with_scale_and_bias(convert: Any, layout: str) -> None:
    """Range −1..1: pixels · 2/255 − 1, then doubled plus 1. Channels come in the model's order."""
    channels = 1 if layout == "GRAYSCALE" else 3
    bias = [-1.0] * channels if channels == 3 else -1.0
    image = ct.ImageType(
        "image",
        shape=(1, channels, 4, 5),
        scale=2 / 255,
        bias=bias,
        color_layout=getattr(ct.colorlayout, layout),
    )
    program = load(convert(Doubled(), [image]))
    (feature,) = program.inputs
    assert feature.image == layout.replace("GRAYSCALE", "grayscale")
    assert feature.shape == (4, 5)
    rng = np.random.Generator(np.random.PCG64(0))
    pixels = rng.integers(0, 256, size=(4, 5, 3)[: 2 + (channels == 3)]).astype(np.uint8)
    (found,) = program.run({"image": pixels}).values()
    planes = pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
    planes = planes[::-1] if layout == "BGR" else planes
    expected = (planes.astype(np.float64) * (2 / 255) - 1) * 2 + 1
    assert found.shape == (1, channels, 4, 5)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-6)


def test_what_is_no_such_image(convert: Any) -> None:
    from PIL import Image

    program = load(convert(Doubled(), [ct.ImageType("image", shape=(1, 3, 4, 5))]))
    picture = Image.new("RGBA", (5, 4), (10, 20, 30, 40))
    (found,) = program.run({"image": picture}).values()
    assert found[0, :, 0, 0].tolist() == [21.0, 41.0, 61.0]
    tensor = np.full((1, 3, 4, 5), 0.25, np.float32)
    assert next(iter(program.run({"image": tensor}).values())).max() == 1.5
    with pytest.raises(InvalidImage, match=r"H×W \[4, 5\], found \[5, 4\]"):
        program.run({"image": np.zeros((5, 4, 3), np.uint8)})
    with pytest.raises(InvalidImage, match="H×W×3 uint8, found float64"):
        program.run({"image": np.zeros((4, 5, 3))})
    with pytest.raises(InvalidImage, match="H×W×3 uint8, found uint8"):
        program.run({"image": np.zeros((4, 5), np.uint8)})
    with pytest.raises(InvalidImage, match="cannot be read as an image"):
        program.run({"image": "a path"})


class Times(torch.nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * self.factor


def test_several_functions(convert: Any, tmp_path: Path) -> None:
    inputs = [ct.TensorType("image", shape=(2, 3))]
    treble, double = (convert(Times(factor), inputs, target="iOS18") for factor in (3.0, 2.0))
    save_functions(tmp_path / "both.mlpackage", treble=treble, double=double)
    program = load(tmp_path / "both.mlpackage")
    assert sorted(program.functions) == ["double", "treble"]
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    for function, factor in [(None, 3.0), ("double", 2.0), ("treble", 3.0)]:
        (found,) = program.run({"image": x}, function).values()
        np.testing.assert_array_equal(found, x * factor)
    with pytest.raises(InvalidModel, match="no function 'main'; it has double, treble"):
        program.run({"image": x}, "main")
