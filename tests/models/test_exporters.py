"""The readable modules through torch's other ways out: a saved export, TorchScript, ONNX."""

import copy
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.reports.judge.policy import LIMITS
from support.converted import converted, images

RELEASES = ["palm-lite-2021-11", "hand-lite-2022"]


def model_and_image(release: str) -> tuple[PalmDetector | HandLandmarks, torch.Tensor]:
    planes = torch.from_numpy(images(release, 1)).permute(0, 3, 1, 2).contiguous()
    module = converted(release).module
    assert isinstance(module, PalmDetector | HandLandmarks)
    return module, planes


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
    """Either exporter's file, computed by ONNX Runtime.

    It adds up in another order. What an order costs is measured on the same image: torch's distance
    from itself in float64, at least half a spacing at the output's peak. As in parity, ten times
    that passes.
    """
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model, image = model_and_image(release)
    path = tmp_path / "model.onnx"
    names = model.output_names
    torch.onnx.export(
        model, (image,), path, dynamo=dynamo, input_names=["image"], output_names=names
    )
    assert [output.name for output in onnx.load(path).graph.output] == list(names)
    onnx.checker.check_model(str(path), full_check=True)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image.numpy()})
    expected = [value.numpy() for value in outputs(model, image)]
    assert len(found) == len(expected) == len(names) > 0
    exact = [value.numpy() for value in outputs(copy.deepcopy(model).double(), image.double())]
    for a, b, truth in zip(found, expected, exact, strict=True):
        assert a.shape == b.shape
        floor = max(np.abs(b - truth).max(), np.spacing(np.abs(b).max()) / 2)
        assert np.abs(a - truth).max() <= LIMITS.float32_multiple * floor


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.filterwarnings("ignore")  # the tracer's, about checks of the image
def test_torch_script(release: str) -> None:
    """A trace takes any batch; scripting is refused in one sentence."""
    model, image = model_and_image(release)
    traced = torch.jit.trace(model, image)
    batch = torch.cat([image, image.flip(3), image.flip(2)])
    found, expected = outputs(traced, batch), outputs(model, batch)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    with pytest.raises(
        TypeError, match=r"cannot compile .*: use torch\.jit\.trace\(model, images\)"
    ):
        torch.jit.script(model)
