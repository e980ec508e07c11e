"""Which packages match the TFLite file, and which of their outputs is which."""

import json
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from torch import nn

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.mil import load
from blazepalm.reports.backends.package_outputs import RawPackage, match
from support.packages import convert_module

NAMES = ("Identity", "Identity_1")
SHAPES = ((1, 4, 6), (1, 2))
IMAGES = np.random.Generator(np.random.PCG64(3)).random((3, 4, 6, 3), dtype=np.float32)


class Network(nn.Module):
    """Planes → the sum of the channels, and the mean and maximum of all."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = image.mean((1, 2, 3))
        return image.sum(1), torch.stack((mean, image.amax((1, 2, 3))), 1)


def save(path: Path, outputs: tuple[str, ...] = ("sums", "two"), **metadata: str) -> Path:
    return convert_module(
        path / "raw.mlpackage",
        Network(),
        [ct.TensorType("image", shape=(1, 3, 4, 6))],
        outputs=[ct.TensorType(name) for name in outputs],
        metadata={f"blazepalm.{key}": value for key, value in metadata.items()},
    )


def listed(*names: str) -> dict[str, str]:
    return {"tflite_outputs": json.dumps(names), "face": "raw"}


def matched(path: Path, names: tuple[str, ...] = NAMES, shapes: Any = SHAPES) -> RawPackage:
    return match(load(path), names, shapes)


def test_outputs_go_by_the_place_that_the_metadata_say(tmp_path: Path) -> None:
    package = matched(save(tmp_path, **listed(*NAMES)))
    assert package.own == ("sums", "two")
    asked: list[np.ndarray] = []

    def execute(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        (image,) = given.values()
        asked.append(image)
        return {
            "two": np.array([[image.mean(), image.max()]], np.float16),
            "sums": image.sum(1),
        }

    found = package.run(IMAGES, execute)
    assert [image.shape for image in asked] == [(1, 3, 4, 6)] * 3
    assert list(found) == list(NAMES)
    np.testing.assert_allclose(found["Identity"], IMAGES.sum(3), rtol=1e-6)
    assert found["Identity_1"].shape == (3, 2)
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(found["Identity_1"][:, 1], IMAGES.max((1, 2, 3)), rtol=1e-3)


def test_names_that_come_twice_have_their_place_behind_them(tmp_path: Path) -> None:
    path = save(tmp_path, **listed("same", "same"))
    assert matched(path, ("same#0", "same#1")).own == ("sums", "two")
    with pytest.raises(CouldNotVerify, match="are not those of the TFLite file"):
        matched(path, ("same#1", "same#0"))


def test_a_strangers_package_goes_by_name(tmp_path: Path) -> None:
    """Its outputs have the file's names in a different order."""
    path = save(tmp_path, ("second", "first"))
    assert matched(path, ("first", "second"), SHAPES[::-1]).own == ("first", "second")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"tflite_outputs": "no JSON"},
        {"tflite_outputs": "{}"},
        {"tflite_outputs": "[" * 100_000},
        listed("Identity"),
        listed("Identity_1", "Identity"),
        listed(*NAMES, "Identity_2"),
    ],
)
def test_other_outputs_are_not_verified(tmp_path: Path, metadata: dict[str, str]) -> None:
    with pytest.raises(CouldNotVerify, match=r"\(sums, two\) are not those of the TFLite file"):
        matched(save(tmp_path, **metadata))


def test_other_shapes_are_not_verified(tmp_path: Path) -> None:
    """Not even other shapes with as many elements are accepted."""
    path = save(tmp_path, **listed(*NAMES))
    with pytest.raises(CouldNotVerify, match=r"'Identity' has shape \[1, 4, 6\], .* \[1, 6, 4\]"):
        matched(path, shapes=((1, 6, 4), (1, 2)))
    package = matched(path)
    with pytest.raises(CouldNotVerify, match=r"'Identity_1' has shape \[2\]"):
        package.run(
            IMAGES, lambda given: {"sums": np.zeros((1, 4, 6)), "two": np.zeros(2, np.float32)}
        )


def test_another_face_is_not_verified(tmp_path: Path) -> None:
    path = save(tmp_path, tflite_outputs=json.dumps(NAMES), face="app")
    with pytest.raises(CouldNotVerify, match="has face app"):
        matched(path)


def test_an_image_input_is_not_verified(tmp_path: Path) -> None:
    path = convert_module(
        tmp_path / "image.mlpackage", Network(), [ct.ImageType("image", shape=(1, 3, 4, 6))]
    )
    with pytest.raises(CouldNotVerify, match="takes image: RGB image 6×4; expected tensors"):
        matched(path)


def test_images_of_another_size_are_not_verified(tmp_path: Path) -> None:
    package = matched(save(tmp_path, **listed(*NAMES)))
    for shape in [(1, 6, 4, 3), (1, 4, 6, 4), (4, 6, 3)]:
        with pytest.raises(CouldNotVerify, match=r"takes FLOAT32\[1, 3, 4, 6\], the images are"):
            package.given(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="0 images"):
        package.run(IMAGES[:0], lambda given: {})


def test_pixels_are_given_as_they_are_to_who_takes_them(tmp_path: Path) -> None:
    class Pixels(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image * 2

    path = convert_module(
        tmp_path / "pixels.mlpackage",
        Pixels(),
        [ct.TensorType("image", shape=(1, 4, 6, 3))],
        outputs=[ct.TensorType("twice")],
    )
    package = matched(path, ("twice",), ((1, 4, 6, 3),))
    found = package.run(IMAGES, lambda given: {"twice": given["image"] * 2})
    np.testing.assert_array_equal(found["twice"], IMAGES * 2)
