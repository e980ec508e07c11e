"""A file is tried in LiteRT in another process: what LiteRT refuses or dies of is one sentence."""

from pathlib import Path

import numpy as np
import pytest

import blazepalm as package
from blazepalm.converter import litert_probe
from blazepalm.converter.litert_probe import refusal
from blazepalm.errors import CouldNotVerify, InvalidModel
from blazepalm.models.releases import resolve
from blazepalm.reports.backends.litert import open_litert
from support.cli import Cli
from support.tflite_builder import ModelBuilder, schema
from support.tiny import doubling

REFUSED = "Tensor 1 is a variable tensor with buffer"


def variable() -> bytes:
    """A constant that says it is a variable: it reads well, and LiteRT does not load it."""
    model = ModelBuilder()
    x = model.tensor((1, 4))
    one = model.tensor((4,), data=np.ones(4, np.float32))
    y = model.tensor((1, 4))
    model.graph.tensors[one].isVariable = True
    model.operator("ADD", [x, one], [y], schema.AddOptionsT())
    return model.build([x], [y])


def deadly() -> bytes:
    """A depthwise convolution without its third operand: LiteRT 2.3 reads beyond its list."""
    model = ModelBuilder()
    x, y = model.tensor((1, 4, 4, 2)), model.tensor((1, 4, 4, 2))
    kernel = model.tensor((1, 3, 3, 2), data=np.ones((1, 3, 3, 2), np.float32))
    options = schema.DepthwiseConv2DOptionsT(
        strideH=1, strideW=1, depthMultiplier=1, dilationHFactor=1, dilationWFactor=1
    )
    model.operator("DEPTHWISE_CONV_2D", [x, kernel], [y], options)
    return model.build([x], [y])


def test_what_litert_runs_is_not_refused_and_a_known_release_not_even_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert refusal(doubling()) is None
    monkeypatch.setattr(litert_probe, "Child", None)
    monkeypatch.setattr(litert_probe, "_process", None)
    assert refusal(doubling()) is None  # tried already
    assert refusal(resolve("palm-lite").read_bytes()) is None


def test_convert_refuses_what_litert_refuses(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(variable())
    command = ("convert", path, "--no-coreml", "-o", tmp_path / "out")
    found = blazepalm(*command)
    assert found.code == 2
    assert found.err.count("error: ") == 1 and found.err.endswith("all the same\n")
    assert f"{path}: LiteRT refuses this file: {REFUSED}" in found.err
    assert not (tmp_path / "out").exists()
    assert blazepalm(*command, "--anyway").code == 0
    with pytest.raises(InvalidModel, match="give anyway=True to convert it"):
        package.convert(path, tmp_path / "again", coreml=None)


def test_a_file_that_litert_dies_of_takes_only_the_other_process_along() -> None:
    content = deadly()
    with pytest.raises(CouldNotVerify, match="x: LiteRT cannot load the model: LiteRT: its proce"):
        open_litert(content, ("y",), source="x")
    assert refusal(doubling()) is None
    assert refusal(variable()) is not None  # a new process serves the next file


def test_parity_keeps_the_others_result(blazepalm: Cli, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.tflite", tmp_path / "good.tflite"
    bad.write_bytes(deadly())
    good.write_bytes(doubling())
    found = blazepalm("parity", bad, good, "--no-golden", "--inputs", "2", "--no-coreml")
    assert found.code == 3
    said = " ".join(found.out.split())
    assert "good in 0..1" in said and "1 source without a verdict" in said
    assert "LiteRT cannot load the model: LiteRT: its process was" in said
