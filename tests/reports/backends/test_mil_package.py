"""A saved package as a backend gives what torch computes, under the file's names."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
import torch
from torch import nn

from blazepalm.errors import CouldNotVerify, UnsupportedOperator
from blazepalm.reports.backends.mil_package import open_executed
from support.packages import convert_module, with_unknown

NAMES = ("Identity", "Identity_1")
SHAPES = ((1, 5, 2, 4), (1, 5))
IMAGES = np.random.Generator(np.random.PCG64(5)).random((3, 4, 6, 3), dtype=np.float32)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 5, 3)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.conv(image)
        return y, torch.relu(y).sum((2, 3))


def save(folder: Path, precision: str = "FLOAT32") -> Path:
    return convert_module(
        folder / f"{precision}.mlpackage",
        Network(),
        [ct.TensorType("image", shape=(1, 3, 4, 6))],
        outputs=[ct.TensorType("map", dtype=np.float32), ct.TensorType("sum", dtype=np.float32)],
        precision=precision,
        metadata={"blazepalm.tflite_outputs": json.dumps(NAMES)},
    )


def eager(images: np.ndarray) -> list[np.ndarray]:
    with torch.no_grad():
        return [y.numpy() for y in Network()(torch.from_numpy(images).permute(0, 3, 1, 2))]


def test_the_numbers_are_torchs(tmp_path: Path) -> None:
    backend = open_executed(save(tmp_path), NAMES, SHAPES)
    assert backend.name == "coreml-mil"
    found = backend.run(IMAGES)
    assert list(found) == list(NAMES)
    for value, expected in zip(found.values(), eager(IMAGES), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_float16_is_near_and_a_float16_accumulator_farther(tmp_path: Path) -> None:
    path = save(tmp_path, "FLOAT16")
    plain = open_executed(path, NAMES, SHAPES, name="coreml-mil-fp16")
    bound = open_executed(path, NAMES, SHAPES, accumulation="float16")
    assert plain.name == "coreml-mil-fp16"
    expected = eager(IMAGES)[0]
    near, far = (
        np.abs(backend.run(IMAGES)["Identity"] - expected).max() for backend in (plain, bound)
    )
    assert 0 < near < 2e-3
    assert near < far < 2e-2


def test_intermediate_values(tmp_path: Path) -> None:
    backend = open_executed(save(tmp_path), NAMES, SHAPES)
    found = backend.intermediates(IMAGES[:1])
    (positive,) = [value for name, value in found.items() if name not in ("map", "sum")]
    np.testing.assert_array_equal(positive, np.maximum(found["map"], 0))
    np.testing.assert_allclose(found["map"], eager(IMAGES[:1])[0], rtol=1e-5, atol=1e-6)
    assert list(backend.intermediates(IMAGES[:1], ["map"])) == ["map"]
    assert list(found) == ["map", *(n for n in found if n not in ("map", "sum")), "sum"]


def test_several_threads_use_one_backend(tmp_path: Path) -> None:
    backend = open_executed(save(tmp_path), NAMES, SHAPES)
    images = [np.full((1, 4, 6, 3), i / 16, np.float32) for i in range(16)]
    alone = [backend.run(image)["Identity_1"] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = [found["Identity_1"] for found in pool.map(backend.run, images)]
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))
    assert len({a.tobytes() for a in alone}) == 16


def test_what_cannot_be_executed_is_told_when_it_is_opened(tmp_path: Path) -> None:
    path = save(tmp_path)

    with pytest.raises(UnsupportedOperator, match=r"no_conv(.|\n)*no_relu"):
        open_executed(with_unknown(path, "conv", "relu"), NAMES, SHAPES)


def test_another_file_is_not_verified(tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="are not those of the TFLite file"):
        open_executed(save(tmp_path), ("other", "Identity_1"), SHAPES)
