"""The readable modules through torch's other ways out: a saved export, TorchScript, ONNX."""

import copy
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from blazepalm.reports.judge.policy import LIMITS
from support.converted import converted, images

RELEASES = ["palm-lite-2021-11", "hand-lite-2022"]


def model_and_image(release: str) -> tuple[nn.Module, torch.Tensor]:
    planes = torch.from_numpy(images(release, 1)).permute(0, 3, 1, 2).contiguous()
    return converted(release).module, planes


def outputs(module: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        return [value for value in module(image) if value is not None]


@pytest.mark.parametrize("release", RELEASES)
def test_a_saved_export_computes_the_same_bits(release: str) -> None:
    model, image = model_and_image(release)
    stream = io.BytesIO()
    torch.export.save(torch.export.export(model, (image,)), stream)
    stream.seek(0)
    found = outputs(torch.export.load(stream).module(), image)
    expected = outputs(model, image)
    assert len(found) == len(expected) > 0
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.filterwarnings("ignore")  # torch calls its own exporter and the tracer old
@pytest.mark.parametrize("dynamo", [False, True], ids=["TorchScript", "torch.export"])
def test_onnx(release: str, dynamo: bool, tmp_path: Path) -> None:
    """Either exporter's file, computed by ONNX's own reference evaluator.

    It adds up in another order. What an order costs is measured on the same image: torch's distance
    from itself in float64, at least half a spacing at the output's peak. As in parity, ten times
    that passes.
    """
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator

    model, image = model_and_image(release)
    path = tmp_path / "model.onnx"
    torch.onnx.export(model, (image,), path, dynamo=dynamo, input_names=["image"])
    onnx.checker.check_model(str(path), full_check=True)
    found = ReferenceEvaluator(str(path)).run(None, {"image": image.numpy()})
    expected = [value.numpy() for value in outputs(model, image)]
    assert len(found) == len(expected) > 0
    exact = [value.numpy() for value in outputs(copy.deepcopy(model).double(), image.double())]
    for a, b, truth in zip(found, expected, exact, strict=True):
        assert a.shape == b.shape
        floor = max(np.abs(b - truth).max(), np.spacing(np.abs(b).max()) / 2)
        assert np.abs(a - truth).max() <= LIMITS.float32_multiple * floor
