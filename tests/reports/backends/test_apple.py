"""Apple's runtime behind the backend protocol. It exists only on macOS, so a stand-in for
`MLModel` records its inputs and answers as Core ML would; the tests cover the conversions of
inputs and outputs.
"""

import json
import sys
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from blazepalm.errors import CouldNotVerify, InvalidImage, InvalidInput
from blazepalm.reports.backends.apple import UNITS, load_native, open_native
from blazepalm.reports.backends.mil import Program, load
from support.packages import convert_module

PIXELS = np.random.Generator(np.random.PCG64(1)).integers(0, 256, (4, 5, 3), dtype=np.uint8)


class StandIn:
    """`predict` as coremltools has it; it answers `outputs`."""

    def __init__(self, **outputs: Any) -> None:
        self.outputs = outputs
        self.given: list[dict[str, Any]] = []

    def predict(self, data: dict[str, Any]) -> dict[str, Any]:
        self.given.append(dict(data))
        data.clear()  # coremltools changes the dictionary
        return self.outputs


class Network(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


def save(folder: Path, given: Any, returned: Any = None, **options: Any) -> Program:
    returned = returned or ct.TensorType("y", dtype=np.float32)
    path = folder / "x.mlpackage"
    return load(convert_module(path, Network(), [given], outputs=[returned], **options))


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_an_image_goes_in_as_a_picture(tmp_path: Path, layout: str) -> None:
    """A picture is RGB, whatever order of planes the program takes."""
    image = ct.ImageType("x", shape=(1, 3, 4, 5), color_layout=getattr(ct.colorlayout, layout))
    program = save(tmp_path, image)
    stand_in = StandIn(y=np.zeros((1, 3, 4, 5), np.float32))
    native = load_native(program, model=stand_in)
    planes = PIXELS.transpose(2, 0, 1)[None].astype(np.float32)
    given = (PIXELS, Image.fromarray(PIXELS), planes if layout == "RGB" else planes[:, ::-1])
    for value in given:
        native.run({"x": value})
        (picture,) = stand_in.given[-1].values()
        assert picture.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(picture), PIXELS)


def test_a_grey_image_goes_in_as_a_grey_picture(tmp_path: Path) -> None:
    image = ct.ImageType("x", shape=(1, 1, 4, 5), color_layout=ct.colorlayout.GRAYSCALE)
    stand_in = StandIn(y=np.zeros((1, 1, 4, 5), np.float32))
    load_native(save(tmp_path, image), model=stand_in).run({"x": PIXELS[..., 0]})
    (picture,) = stand_in.given[-1].values()
    assert picture.mode == "L"
    np.testing.assert_array_equal(np.asarray(picture), PIXELS[..., 0])


def test_a_float16_grey_image_keeps_its_fractions(tmp_path: Path) -> None:
    layout = ct.colorlayout.GRAYSCALE_FLOAT16
    image = ct.ImageType("x", shape=(1, 1, 4, 5), color_layout=layout)
    program = save(tmp_path, image, ct.TensorType("y"), precision="FLOAT16")
    stand_in = StandIn(y=np.zeros((1, 1, 4, 5), np.float32))
    values = (PIXELS[..., 0] / np.float16(3)).astype(np.float16)
    load_native(program, model=stand_in).run({"x": values})
    (picture,) = stand_in.given[-1].values()
    assert picture.mode == "F"
    np.testing.assert_array_equal(np.asarray(picture), values.astype(np.float32))


def test_planes_that_no_picture_holds_are_refused(tmp_path: Path) -> None:
    native = load_native(save(tmp_path, ct.ImageType("x", shape=(1, 3, 4, 5))), model=StandIn())
    for value in (0.5, -1.0, 256.0):
        with pytest.raises(InvalidImage, match="pictures of 8 bits"):
            native.run({"x": np.full((1, 3, 4, 5), value, np.float32)})


@pytest.mark.parametrize(
    ("stored", "taken"), [(np.float32, np.float32), (np.float16, np.float32), (np.int32, np.int32)]
)
def test_a_tensor_goes_in_as_an_array(tmp_path: Path, stored: Any, taken: Any) -> None:
    returned = ct.TensorType("y", dtype=stored)
    program = save(tmp_path, ct.TensorType("x", shape=(2, 3), dtype=stored), returned)
    stand_in = StandIn(y=np.full((2, 3), 7, np.float32))
    found = load_native(program, model=stand_in).run({"x": np.ones((3, 2), np.int64).T})
    (array,) = stand_in.given[-1].values()
    assert type(array) is np.ndarray
    assert array.dtype == taken and array.flags.c_contiguous
    assert array.tolist() == [[1, 1, 1]] * 2
    assert found["y"].dtype == stored  # Core ML gives float32, the program says another
    assert found["y"].tolist() == [[7, 7, 7]] * 2


def test_an_array_is_checked_before_core_ml_sees_it(tmp_path: Path) -> None:
    program = save(tmp_path, ct.TensorType("x", shape=(2, 3)))
    stand_in = StandIn()
    native = load_native(program, model=stand_in)
    for inputs, sentence in [
        ({"x": np.ones((3, 2))}, "takes shape"),
        ({"x": np.array(["a"])}, "found <U1"),
        ({}, "'x' is missing"),
        ({"x": np.ones((2, 3)), "z": 1}, "has no input 'z'; it takes x"),
    ]:
        with pytest.raises(InvalidInput, match=sentence):
            native.run(inputs)
    assert stand_in.given == []


def test_optional_inputs_are_left_to_core_ml(tmp_path: Path) -> None:
    class Sum(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a + b

    inputs = [
        ct.TensorType("a", shape=(3,)),
        ct.TensorType("b", shape=(3,), default_value=np.ones(3, np.float32)),
    ]
    path = convert_module(tmp_path / "sum.mlpackage", Sum(), inputs, outputs=[ct.TensorType("y")])
    stand_in = StandIn(y=np.zeros(3, np.float32))
    load_native(load(path), model=stand_in).run({"a": np.zeros(3)})
    assert list(stand_in.given[-1]) == ["a"]


def test_a_vector_of_one_is_the_scalar_that_the_program_has(tmp_path: Path) -> None:
    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((0, 1), keepdim=True)

    path = convert_module(
        tmp_path / "mean.mlpackage",
        Mean(),
        [ct.TensorType("x", shape=(2, 3))],
        outputs=[ct.TensorType("y")],
    )
    native = load_native(load(path), model=StandIn(y=np.array([4.0])))
    assert native.run({"x": np.ones((2, 3))})["y"].tolist() == [[4.0]]


@pytest.mark.parametrize("layout", ["RGB", "BGR", "GRAYSCALE"])
def test_a_picture_that_comes_out_is_the_programs_tensor(tmp_path: Path, layout: str) -> None:
    colour = getattr(ct.colorlayout, layout)
    channels = 1 if layout == "GRAYSCALE" else 3
    program = save(
        tmp_path,
        ct.TensorType("x", shape=(1, channels, 4, 5)),
        ct.ImageType("y", color_layout=colour),
    )
    given = PIXELS[..., 0] if channels == 1 else PIXELS
    picture = Image.fromarray(given)
    native = load_native(
        program, model=StandIn(y=picture.convert("RGBA") if channels == 3 else picture)
    )
    found = native.run({"x": np.zeros((1, channels, 4, 5))})["y"]
    expected = {
        "RGB": PIXELS.transpose(2, 0, 1),
        "BGR": PIXELS[..., ::-1].transpose(2, 0, 1),
        "GRAYSCALE": PIXELS[..., :1].transpose(2, 0, 1),
    }[layout]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected[None])


def test_what_core_ml_says_is_one_sentence(tmp_path: Path) -> None:
    class Broken:
        def predict(self, data: dict[str, Any]) -> dict[str, Any]:
            raise RuntimeError("Error in declaring network\nmany\nlines")

    program = save(tmp_path, ct.TensorType("x", shape=(2, 3)))
    given = {"x": np.ones((2, 3))}
    with pytest.raises(CouldNotVerify) as caught:
        load_native(program, units="cpu-only", model=Broken()).run(given)
    assert str(caught.value).endswith(
        "Core ML (cpu-only) cannot run it: Error in declaring network"
    )
    with pytest.raises(CouldNotVerify, match="gives no output 'y'"):
        load_native(program, model=StandIn(z=1)).run(given)


def test_there_is_none_but_on_a_mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = save(tmp_path, ct.TensorType("x", shape=(2, 3)))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(CouldNotVerify, match="Core ML's own runtime is part of macOS") as caught:
        load_native(program)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "coremltools.libcoremlpython", None)
    monkeypatch.delattr(ct, "libcoremlpython", raising=False)
    with pytest.raises(CouldNotVerify, match="no connection to Core ML here") as caught:
        load_native(program)
    assert "\n" not in str(caught.value)


def test_the_compute_units_are_core_mls(tmp_path: Path) -> None:
    assert {ct.ComputeUnit[name] for name in UNITS.values()} == set(ct.ComputeUnit)
    program = save(tmp_path, ct.TensorType("x", shape=(2, 3)))
    with pytest.raises(CouldNotVerify, match="'gpu'; choose all, cpu-only"):
        load_native(program, units="gpu")


def test_as_a_backend_it_answers_by_the_files_names(tmp_path: Path) -> None:
    path = convert_module(
        tmp_path / "raw.mlpackage",
        Network(),
        [ct.TensorType("image", shape=(1, 3, 4, 5))],
        outputs=[ct.TensorType("twice")],
        metadata={"blazepalm.tflite_outputs": json.dumps(["Identity"])},
    )

    class Twice:
        def predict(self, data: dict[str, Any]) -> dict[str, Any]:
            return {"twice": data["image"] * 2}

    backend = open_native(path, ("Identity",), ((1, 3, 4, 5),), units="cpu-and-ne", model=Twice())
    assert backend.name == "coreml-cpu-and-ne"
    images = np.stack([PIXELS, PIXELS[::-1]]).astype(np.float32)
    found = backend.run(images)
    np.testing.assert_array_equal(found["Identity"], 2 * images.transpose(0, 3, 1, 2))
