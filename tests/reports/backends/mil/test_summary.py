"""Summaries of packages, against what the packages were made from."""

import json
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder
from torch import nn

from blazepalm.models.spec_json import spec_to_dict
from blazepalm.reports.backends.mil.package import is_package
from blazepalm.reports.backends.mil.summary import summarise
from support.converted import converted
from support.packages import convert_module, edit_package, save_functions, with_unknown


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.relu(self.conv(image))
        return y, y.mean((2, 3))


def test_operations_precision_ports_weights(tmp_path: Path) -> None:
    path = convert_module(
        tmp_path / "two.mlpackage",
        Two(),
        [ct.ImageType("image", shape=(1, 3, 8, 10), color_layout=ct.colorlayout.BGR)],
        outputs=[ct.TensorType("map"), ct.TensorType("mean")],
        precision="FLOAT16",
        target="iOS17",
        metadata={"key": "value"},
    )
    summary = summarise(path)
    assert summary.operations == {"cast": 1, "conv": 1, "reduce_mean": 1, "relu": 1}
    assert summary.unpacking == summary.lacking == {}
    assert summary.precision == {"float16": 4}
    assert summary.target == ("iOS 17", "macOS 14")
    assert summary.specification_version == 8
    (function,) = summary.functions
    assert (function.name, function.opset, function.operations) == ("main", "CoreML7", 4)
    (image,) = function.inputs
    assert (image.kind, image.layout, image.shape, image.shapes) == ("image", "BGR", (8, 10), None)
    assert [(o.name, o.kind, o.shape, o.dtype) for o in function.outputs] == [
        ("map", "tensor", (1, 16, 6, 8), "float16"),
        ("mean", "tensor", (1, 16), "float16"),
    ]
    assert [(w.stored_as, w.values) for w in summary.weights] == [("float16", 16 * 27 + 16)]
    assert summary.parameters == 16 * 27 + 16
    assert summary.metadata["key"] == "value"
    assert "description" not in summary.metadata  # it is empty
    files = [p for p in path.rglob("*") if p.is_file() and p.name != "Manifest.json"]
    assert summary.bytes == sum(p.stat().st_size for p in files)
    assert json.loads(json.dumps(summary.to_dict()))["parameters"] == summary.parameters


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (ct.Shape((ct.RangeDim(1, 4, default=1), 3, 6, 6)), "[1..4, 3, 6, 6]"),
        (
            ct.EnumeratedShapes([(1, 3, 6, 6), (1, 3, 8, 8)], default=(1, 3, 6, 6)),
            "[1, 3, 6, 6] or [1, 3, 8, 8]",
        ),
        ((1, 3, 6, 6), None),
    ],
)
def test_flexible_shapes_are_told(tmp_path: Path, shape: Any, said: str | None) -> None:
    path = convert_module(tmp_path / "x.mlpackage", nn.ReLU(), [ct.TensorType("x", shape=shape)])
    assert summarise(path).default.inputs[0].shapes == said


def test_every_function_is_told(tmp_path: Path) -> None:
    inputs = [ct.TensorType("x", shape=(1, 4))]
    first = convert_module(tmp_path / "1.mlpackage", nn.ReLU(), inputs, target="iOS18")
    second = convert_module(
        tmp_path / "2.mlpackage", nn.Sequential(nn.Sigmoid(), nn.Tanh()), inputs, target="iOS18"
    )
    save_functions(tmp_path / "both.mlpackage", small=first, large=second)
    summary = summarise(tmp_path / "both.mlpackage")
    assert {f.name: f.operations for f in summary.functions} == {"small": 1, "large": 2}
    assert summary.default.name == "small"
    assert summary.operations == {"relu": 1, "sigmoid": 1, "tanh": 1}


def test_what_unpacks_weights_stands_apart(save: Any) -> None:
    def build(x: Any) -> Any:
        weight = Builder.constexpr_affine_dequantize(
            quantized_data=np.ones((32, 4), np.int8),
            scale=np.float16(1),
            zero_point=np.int8(0),
            axis=np.int32(0),
        )
        return Builder.linear(x=x, weight=weight)

    summary = summarise(save(build, "iOS16", x=np.ones((1, 4), np.float16)))
    assert summary.operations == {"linear": 1}
    assert summary.unpacking == {"constexpr_affine_dequantize": 1}
    assert summary.precision == {"float16": 1}


def test_all_that_lacks(tmp_path: Path) -> None:
    module = nn.Sequential(nn.ReLU(), nn.Sigmoid(), nn.ReLU())
    path = convert_module(tmp_path / "x.mlpackage", module, [ct.TensorType("x", shape=(1, 4))])

    assert summarise(with_unknown(path, "relu", "sigmoid")).lacking == {
        "no_relu": 2,
        "no_sigmoid": 1,
    }


def test_our_own_claims(tmp_path: Path) -> None:
    recognition = converted("palm-full-2023-09").recognition
    assert recognition is not None
    inputs = [ct.TensorType("x", shape=(1, 4))]
    texts = {
        "good": json.dumps(spec_to_dict(recognition.spec)),
        "cut": json.dumps(spec_to_dict(recognition.spec))[:-5],
        "list": "[1]",
        "number": "3",
        "other": '{"family": "foot"}',
        "wrong": '{"family": "palm", "input_size": "large"}',
        "deep": "[" * 100_000,
    }
    path = convert_module(tmp_path / "x.mlpackage", nn.ReLU(), inputs)
    for name, text in texts.items():
        entries = {"blazepalm.release": "palm-full-2023-09", "blazepalm.spec": text}
        edit_package(path, lambda m, e=entries: m.description.metadata.userDefined.update(e))
        summary = summarise(path)
        assert summary.own("release") == "palm-full-2023-09"
        assert summary.own("face") is None
        assert summary.spec == (recognition.spec if name == "good" else None)


def test_an_entry_cannot_pass_for_the_author(tmp_path: Path) -> None:
    inputs = [ct.TensorType("x", shape=(1, 4))]
    path = convert_module(
        tmp_path / "x.mlpackage", nn.ReLU(), inputs, metadata={"author": "somebody else"}
    )
    edit_package(path, lambda m: setattr(m.description.metadata, "author", "the author"))
    assert summarise(path).metadata["author"] == "the author"


def test_what_is_a_package(tmp_path: Path) -> None:
    for name in ("x.mlpackage", "X.MLMODEL", "x.mlmodelc"):
        assert is_package(tmp_path / name)
    (tmp_path / "folder").mkdir()
    assert not is_package(tmp_path / "folder")
    (tmp_path / "folder" / "Manifest.json").write_text("{}", encoding="utf-8")
    assert is_package(tmp_path / "folder")
    assert not is_package(tmp_path / "x.tflite")
