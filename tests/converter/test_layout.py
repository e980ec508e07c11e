"""Graphs of no known family for images of N, C, H, W: module, folder, Core ML package."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from blazepalm.converter.convert import convert, module_of
from blazepalm.converter.coreml import CoreMLOptions
from blazepalm.converter.loading import load
from blazepalm.errors import ArtifactError
from blazepalm.reports.backends.mil import load as load_package
from support.compare import Case, run_litert
from support.models import shared_model

RECROP = "hand-recrop-2020-07"
SIZE = (1, 256, 256, 3)


def quiet(message: str) -> None:
    pass


def test_channels_first(tmp_path: Path) -> None:
    """The outputs are the file's; LiteRT computes them from N, H, W, C."""
    path = shared_model(RECROP)
    coreml = CoreMLOptions(face="raw", precision="fp32")
    (folder,) = convert(path, tmp_path / "out", layout="nchw", coreml=coreml, notice=quiet)
    module, plain = load(folder), module_of(path, quiet).module
    nhwc = np.random.default_rng(2).uniform(0, 1, (2, *SIZE[1:])).astype(np.float32)
    nchw = torch.from_numpy(nhwc).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        (found,), (expected,) = module(nchw), plain(torch.from_numpy(nhwc))
        (exact,) = module_of(path, quiet).module.double()(torch.from_numpy(nhwc[:1]).double())
    assert found.shape == (2, 1, 1, 4) and torch.equal(found, expected)
    (litert,) = run_litert(Case(path.read_bytes(), (SIZE,)), [nhwc[:1]], reference=False)
    floor = max(np.abs(litert - exact.numpy()).max(), float(exact.abs().max()) * 2.0**-24)
    assert np.abs(found[:1].numpy() - exact.numpy()).max() <= 4 * floor
    with pytest.raises(ValueError, match=r"takes shape \(N, 3, 256, 256\), got"):
        module(torch.from_numpy(nhwc))
    record = json.loads((folder / "conversion.json").read_text("utf-8"))
    (rewrite,) = record["normal_form"]["rewrites"]
    assert rewrite["name"] == "image input channels first"
    (port,) = record["coreml"]["inputs"]
    assert port["shape"] == [1, 3, 256, 256]
    assert record["coreml"]["tflite_operators"] == 63  # the file's, which fuse no activation
    used = {i for layer in record["coreml"]["layers"] for i in layer["operators"]}
    assert used and max(used) < 63
    package = load_package(folder / record["coreml"]["name"])
    (value,) = package.run({port["name"]: nchw[:1].numpy()}).values()
    # LiteRT and the package round on their own: parity allows the package ten floors
    assert np.abs(value - exact.numpy()).max() <= 10 * floor


def test_a_known_family_takes_them_anyway() -> None:
    told: list[str] = []
    path = shared_model("hand-lite-2022")
    found = module_of(path, told.append, layout="nchw")
    assert found.preserved.rewrites == () and told == []


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="unknown layout 'chw'; choose from nhwc, nchw"):
        convert(shared_model(RECROP), tmp_path / "out", layout="chw")
    assert not (tmp_path / "out").exists()
