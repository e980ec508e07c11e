"""`blazepalm export`: a trained state_dict becomes a folder with an ONNX file. Reference: torch and
ONNX Runtime on these weights.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import blazepalm
from blazepalm.converter import onnx_file
from support.cli import Cli
from support.converted import converted

RELEASE = "hand-lite"
TUNED = ["heads.presence.layer.bias", "heads.presence.layer.weight"]

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def tuned() -> blazepalm.HandLandmarks:
    """One step of training on the presence, which moves two weights."""
    hand = blazepalm.HandLandmarks.from_pretrained(RELEASE)
    step = torch.optim.SGD(hand.heads["presence"].parameters(), lr=0.1)
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    hand(images).presence.mean().backward()
    step.step()
    return hand


@pytest.fixture(scope="module")
def weights(tuned: blazepalm.HandLandmarks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "epoch3.safetensors"
    save_file({name: value.contiguous() for name, value in tuned.state_dict().items()}, path)
    return path


def test_weights_go_out(
    tuned: blazepalm.HandLandmarks, weights: Path, tmp_path: Path, blazepalm: Cli
) -> None:
    folder = tmp_path / "out"
    done = blazepalm("export", weights, "--from", RELEASE, "-o", folder, "--onnx", "--json")
    assert done.code == 0
    assert done.json["fine_tuning"]["moved"] == TUNED
    assert {"model.onnx", "model.tflite", "model.safetensors"} <= set(done.json["artifacts"])
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    assert [i.name for i in session.get_inputs()] == ["image"]
    assert session.get_inputs()[0].shape == ["batch", 3, 224, 224]
    assert session.get_inputs()[0].type == "tensor(float)"
    names = [output.name for output in session.get_outputs()]
    assert names == ["landmarks", "presence", "handedness", "world_landmarks"]
    images = np.random.Generator(np.random.PCG64(5)).random((5, 3, 224, 224), np.float32)
    with torch.no_grad():
        expected = tuned(torch.from_numpy(images))
        before = converted("hand-lite-2022").module(torch.from_numpy(images))
    for name, value in zip(names, session.run(None, {"image": images}), strict=True):
        wanted = getattr(expected, name).numpy()
        assert value.shape == wanted.shape
        assert np.abs(value - wanted).max() <= 1e-5 * np.abs(wanted).max() + 1e-6, name
    assert (expected.presence - before.presence).abs().max() > 1e-3  # the step was no noise


def test_the_file_holds_the_weights_under_their_names(tmp_path: Path) -> None:
    """The same bytes twice, no path of this machine, the opset that is promised."""
    model = converted("palm-lite-2021-11")
    for name in ("one.onnx", "two.onnx"):
        onnx_file.write_onnx(model, tmp_path / name)
    content = (tmp_path / "one.onnx").read_bytes()
    assert content == (tmp_path / "two.onnx").read_bytes()
    assert str(tmp_path).encode() not in content and b"site-packages" not in content
    proto = onnx.load_from_string(content)
    onnx.checker.check_model(proto, full_check=True)
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", 18)]
    facts = {entry.key: entry.value for entry in proto.metadata_props}
    assert facts["blazepalm.release"] == "palm-lite-2021-11"
    assert facts["blazepalm.value_range"] == "0,1"
    held = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    parameters = dict(model.module.named_parameters())
    same = [name for name in held if name in parameters]
    assert len(same) >= 0.7 * len(parameters)  # the others are equal to one of these
    for name in same:
        assert held[name].tobytes() == parameters[name].detach().numpy().tobytes(), name


def test_a_file_that_computes_something_else_is_not_written(
    weights: Path, tmp_path: Path, blazepalm: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a limit that float32's own noise exceeds, any file is something else."""
    monkeypatch.setattr(onnx_file, "TOLERANCE", 1e-12)
    done = blazepalm("export", weights, "--from", RELEASE, "-o", tmp_path / "out", "--onnx")
    assert done.code == 2 and not (tmp_path / "out").exists()
    assert "in ONNX Runtime output landmarks is" in " ".join(done.err.split())


def test_what_cannot_go_out_is_one_sentence(weights: Path, tmp_path: Path, blazepalm: Cli) -> None:
    out = tmp_path / "out"
    lonely = blazepalm("export", weights, "-o", out)
    assert lonely.code == 2 and "records no structure" in " ".join(lonely.err.split())
    other = blazepalm("export", weights, "--from", "palm-lite", "-o", out)
    assert other.code == 2 and "does not fit this model" in " ".join(other.err.split())
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(weights.read_bytes()[:1000])
    cut = blazepalm("export", broken, "--from", RELEASE, "-o", out)
    assert cut.code == 2 and "cannot be read as weights" in " ".join(cut.err.split())
    assert not out.exists()


def test_without_onnx_runtime_nothing_is_written(
    weights: Path, tmp_path: Path, blazepalm: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "missing_onnx", lambda: "ONNX Runtime is not installed")
    done = blazepalm("export", weights, "--from", RELEASE, "-o", tmp_path / "out", "--onnx")
    assert done.code == 3 and "ONNX Runtime is not installed" in done.err
    assert not (tmp_path / "out").exists()
