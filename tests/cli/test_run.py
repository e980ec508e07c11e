"""`blazepalm run`: outputs, files, what it says of itself, and what it refuses."""

import sys
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from support.cli import Cli
from support.packages import (
    BREAKS,
    convert_module,
    save_functions,
    with_unknown,
)

PIXELS = np.random.Generator(np.random.PCG64(9)).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(PIXELS).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def tensor_package(folder: Path, *shape: int, **options: Any) -> Path:
    """A package whose output `mean` is the mean over all, and `same` a copy of the input."""

    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x.mean().reshape(1), x * 1.0

    return convert_module(
        folder / "Mean.mlpackage",
        Mean(),
        [ct.TensorType("x", shape=shape)],
        outputs=[ct.TensorType("mean"), ct.TensorType("same")],
        **options,
    )


def test_says_what_it_computed_and_who(blazepalm: Cli, small_package: Path, picture: Path) -> None:
    result = blazepalm("run", small_package, "--image", picture)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0] == "Small.mlpackage  executed by blazepalm, not Apple's runtime"
    assert "picture: resized to 8×6, RGB, 0..255" in result.out
    means = PIXELS.reshape(-1, 3).mean(0)
    assert f"[[{', '.join(f'{mean:.5g}' for mean in means)}]]" in result.out
    assert max(map(len, lines[2:])) <= 80


def test_the_numbers_are_torchs(blazepalm: Cli, small_package: Path, picture: Path) -> None:
    values = blazepalm("run", small_package, "--image", picture, "--json").json
    assert values["executed"] == "executed by blazepalm, not Apple's runtime"
    assert values["function"] == "main"
    assert (values["native"], values["written"], values["intermediates"]) == (None, None, [])
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 3)
    with torch.no_grad():
        planes = torch.from_numpy(PIXELS).permute(2, 0, 1)[None].float()
        expected = torch.relu(conv(planes)).numpy()
    found, means = values["outputs"]
    assert (found["name"], found["dtype"], found["shape"]) == ("map", "float32", [1, 8, 4, 6])
    assert (found["values"], found["not_finite"]) == (None, 0)
    for key in ("min", "max", "mean"):
        np.testing.assert_allclose(found[key], getattr(expected, key)(), rtol=1e-5)
    np.testing.assert_allclose(means["values"], [PIXELS.reshape(-1, 3).mean(0)], rtol=1e-6)


def test_a_tensor_gets_the_range_that_is_asked_for(
    blazepalm: Cli, tmp_path: Path, picture: Path
) -> None:
    mean = PIXELS.mean() / 255
    for shape, layout in [((1, 3, 6, 8), "NCHW"), ((1, 6, 8, 3), "NHWC"), ((3, 6, 8), "CHW")]:
        folder = tmp_path / layout
        folder.mkdir()
        package = tensor_package(folder, *shape)
        for options, expected in [((), mean), (("--range", "-1", "1"), 2 * mean - 1)]:
            values = blazepalm("run", package, "--image", picture, "--json", *options).json
            np.testing.assert_allclose(values["outputs"][0]["values"], [expected], rtol=1e-4)
            assert values["images"][0]["layout"] == layout


def test_a_package_of_ours_says_its_range(blazepalm: Cli, tmp_path: Path, picture: Path) -> None:
    package = tensor_package(
        tmp_path, 1, 3, 6, 8, metadata={"blazepalm.face": "batch", "blazepalm.spec": "nonsense"}
    )
    values = blazepalm("run", package, "--image", picture, "--json").json
    assert values["images"][0]["value_range"] == [0, 255]
    np.testing.assert_allclose(values["outputs"][0]["values"], [PIXELS.mean()], rtol=1e-5)


def test_a_range_is_not_for_images(blazepalm: Cli, small_package: Path, picture: Path) -> None:
    result = blazepalm("run", small_package, "--image", picture, "--range", "0", "1")
    assert result.code == 0
    assert "warning: --range: input 'picture' is an image and takes 0..255" in result.err


def test_proportions_are_kept(blazepalm: Cli, small_package: Path, tmp_path: Path) -> None:
    """A square picture in 8 × 6: a quarter of the width stays black."""
    Image.fromarray(np.full((6, 6, 3), 200, np.uint8)).save(tmp_path / "square.png")
    for options, mean in [((), 200.0), (("--letterbox",), 150.0)]:
        values = blazepalm(
            "run", small_package, "--image", tmp_path / "square.png", "--json", *options
        ).json
        assert values["outputs"][1]["values"] == [[mean] * 3]


def test_arrays_for_other_inputs(blazepalm: Cli, tmp_path: Path, picture: Path) -> None:
    class Scaled(nn.Module):
        def forward(self, image: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
            return image.mean().reshape(1) * factor

    inputs = [ct.TensorType("image", shape=(1, 3, 6, 8)), ct.TensorType("factor", shape=(2,))]
    package = convert_module(
        tmp_path / "s.mlpackage", Scaled(), inputs, outputs=[ct.TensorType("y")]
    )
    np.save(tmp_path / "factor.npy", np.array([2.0, -1.0]))
    np.save(tmp_path / "image.npy", np.full((1, 3, 6, 8), 0.5, np.float32))
    factor = ("--input", f"factor={tmp_path / 'factor.npy'}")
    mean = PIXELS.mean() / 255
    for image, expected in [
        (("--image", picture), mean),
        (("--image", f"image={picture}"), mean),
        (("--input", f"image={tmp_path / 'image.npy'}"), 0.5),
    ]:
        values = blazepalm("run", package, *image, *factor, "--json").json
        found = values["outputs"][0]["values"]
        np.testing.assert_allclose(found, [2 * expected, -expected], rtol=1e-5)
    for options, sentence in [
        (("--image", picture), "missing input factor: FLOAT32[2]"),
        (factor, "missing input image"),
        ((*factor, "--input", f"other={picture}"), "NAME one of image, factor"),
        ((*factor, "--input", "image"), "expected NAME=FILE.npy"),
        (("--input", f"factor={picture}"), "picture.png: cannot be read as a .npy file"),
        (("--image", f"factor={picture}"), "does not look like an image"),
        (("--image", tmp_path / "none.png"), "no such file"),
    ]:
        result = blazepalm("run", package, *options)
        assert (result.code, result.out) == (2, ""), sentence
        assert sentence in result.err.replace("\n", " ")
        assert result.err.count("\n") == 1


def test_values_are_written(blazepalm: Cli, small_package: Path, picture: Path) -> None:
    folder = picture.parent
    common = ("run", small_package, "--image", picture)
    first = blazepalm(*common, "-o", folder / "new" / "x.npz", "--json").json
    assert first["written"]["file"] == str(folder / "new" / "x.npz")
    with np.load(folder / "new" / "x.npz", allow_pickle=False) as found:
        assert sorted(found) == ["map", "means"]
        np.testing.assert_allclose(found["means"][0], PIXELS.reshape(-1, 3).mean(0), rtol=1e-6)
    every = blazepalm(*common, "-o", folder / "out", "--intermediates", "all", "--json").json
    (inner,) = every["intermediates"]  # the map before its ReLU
    with np.load(folder / "out" / "outputs.npz", allow_pickle=False) as found:
        before = found[every["written"]["arrays"][inner["name"]]]
        np.testing.assert_array_equal(np.maximum(before, 0), found["map"])
        assert before.min() < 0
    named = blazepalm(*common, "--intermediates", inner["name"], "--json").json
    assert named["intermediates"] == [inner]
    assert inner["name"] in blazepalm(*common, "--intermediates", "all").out


def test_nothing_is_overwritten(blazepalm: Cli, small_package: Path, picture: Path) -> None:
    target = picture.parent / "x.npz"
    target.write_bytes(b"precious")
    common = ("run", small_package, "--image", picture, "-o", target)
    result = blazepalm(*common)
    assert (result.code, result.out, target.read_bytes()) == (2, "", b"precious")
    assert "exists already" in result.err
    assert blazepalm(*common, "--force").code == 0
    with np.load(target) as found:
        assert "means" in found


def test_a_value_that_is_not_there(blazepalm: Cli, small_package: Path, picture: Path) -> None:
    result = blazepalm("run", small_package, "--image", picture, "--intermediates", "maap")
    assert (result.code, result.out) == (2, "")
    assert "no value 'maap' is computed; did you mean map?" in result.err


def test_functions_by_name(blazepalm: Cli, tmp_path: Path, picture: Path) -> None:
    inputs, outputs = [ct.TensorType("x", shape=(1, 3, 6, 8))], [ct.TensorType("y")]
    packages = {
        name: convert_module(
            tmp_path / f"{name}.mlpackage", module, inputs, outputs=outputs, target="iOS18"
        )
        for name, module in {"negative": nn.Threshold(2.0, -1.0), "positive": nn.ReLU()}.items()
    }
    both = save_functions(tmp_path / "both.mlpackage", **packages)
    for options, function, lowest in [
        ((), "negative", -1.0),
        (("--function", "positive"), "positive", float(PIXELS.min() / 255)),
    ]:
        values = blazepalm("run", both, "--image", picture, "--json", *options).json
        assert values["function"] == function
        np.testing.assert_allclose(values["outputs"][0]["min"], lowest, rtol=1e-6, atol=1e-9)
    result = blazepalm("run", both, "--image", picture, "--function", "none")
    assert result.code == 2
    assert "no function 'none'; it has negative, positive" in result.err


def test_float16_accumulation_is_a_switch(blazepalm: Cli, tmp_path: Path, picture: Path) -> None:
    torch.manual_seed(0)
    package = convert_module(
        tmp_path / "half.mlpackage",
        nn.Conv2d(3, 4, 5),
        [ct.TensorType("x", shape=(1, 3, 6, 8))],
        outputs=[ct.TensorType("y", dtype=np.float32)],
        precision="FLOAT16",
    )
    common = ("run", package, "--image", picture, "--json")
    plain, bound = blazepalm(*common).json, blazepalm(*common, "--accumulation", "float16").json
    assert (plain["accumulation"], bound["accumulation"]) == ("float32", "float16")
    one, other = plain["outputs"][0]["mean"], bound["outputs"][0]["mean"]
    assert 0 < abs(one - other) < 1e-2


def test_numbers_that_are_none(blazepalm: Cli, tmp_path: Path, picture: Path) -> None:
    class Logarithm(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.log(x)

    package = convert_module(
        tmp_path / "log.mlpackage",
        Logarithm(),
        [ct.TensorType("x", shape=(1, 3, 1, 2))],
        outputs=[ct.TensorType("y")],
    )
    Image.fromarray(np.zeros((1, 2, 3), np.uint8)).save(picture)  # the logarithm of −1 is none
    values = blazepalm("run", package, "--image", picture, "--range", "-1", "0", "--json").json
    (row,) = values["outputs"]
    assert row["not_finite"] == 6
    assert row["min"] is row["max"] is row["mean"] is row["values"] is None
    assert "6 not finite" in blazepalm("run", package, "--image", picture, "--range", "-1", "0").out


def test_two_runs_say_and_write_the_same(
    blazepalm: Cli, small_package: Path, picture: Path
) -> None:
    common = ("run", small_package, "--image", picture, "-o", picture.parent / "x.npz", "--force")
    once = blazepalm(*common).out, (picture.parent / "x.npz").read_bytes()
    again = blazepalm(*common).out, (picture.parent / "x.npz").read_bytes()
    assert once == again


@pytest.mark.parametrize("name", list(BREAKS))
def test_a_broken_package_is_a_line_and_exit_2(
    blazepalm: Cli, small_package: Path, picture: Path, name: str
) -> None:
    damage, sentence = BREAKS[name]
    damage(small_package)
    target = picture.parent / "x.npz"
    result = blazepalm("run", small_package, "--image", picture, "-o", target)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert sentence in result.err
    assert not target.exists()


def test_every_lacking_operation_is_named_at_once(
    blazepalm: Cli, small_package: Path, picture: Path
) -> None:
    result = blazepalm("run", with_unknown(small_package, "conv", "relu"), "--image", picture)
    assert (result.code, result.out) == (2, "")
    assert "no_conv" in result.err and "no_relu" in result.err


@pytest.mark.parametrize("suffix", ["", ".mlpackage", ".mlmodel"])
def test_what_is_no_package(blazepalm: Cli, tmp_path: Path, picture: Path, suffix: str) -> None:
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    for path in (folder, tmp_path / f"missing{suffix}"):
        result = blazepalm("run", path, "--image", picture)
        assert (result.code, result.out) == (2, "")
        assert str(path) in result.err and result.err.count("\n") == 1


def test_core_ml_itself_is_beside_it_on_a_mac(
    blazepalm: Cli, small_package: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in for Apple's runtime is off by 0.5 in one number."""

    class StandIn:
        def __init__(self, path: str, compute_units: Any) -> None:
            assert compute_units == ct.ComputeUnit.CPU_ONLY

        def predict(self, data: dict[str, Any]) -> dict[str, Any]:
            pixels = np.asarray(data["picture"])
            np.testing.assert_array_equal(pixels, PIXELS)
            torch.manual_seed(0)
            with torch.no_grad():
                planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
                found = torch.relu(nn.Conv2d(3, 8, 3)(planes)).numpy()
            means = pixels.reshape(-1, 3).mean(0, dtype=np.float64)[None]
            means[0, 1] += 0.5
            return {"map": found, "means": means.astype(np.float32)}

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "coremltools.libcoremlpython", object())
    monkeypatch.setattr(ct, "libcoremlpython", object(), raising=False)
    monkeypatch.setattr(ct.models, "MLModel", StandIn)
    options = ("--native", "--units", "cpu-only")
    values = blazepalm("run", small_package, "--image", picture, *options, "--json").json
    assert values["native"]["units"] == "cpu-only"
    first, second = values["native"]["differences"]
    assert first["name"] == "map" and first["largest"] < 1e-3
    assert second["name"] == "means" and abs(second["largest"] - 0.5) < 1e-3
    out = blazepalm("run", small_package, "--image", picture, *options).out
    assert "largest difference from Core ML (cpu-only)" in out
    assert "means  0.5" in out


def test_without_core_ml_native_is_not_verified(
    blazepalm: Cli, small_package: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    result = blazepalm("run", small_package, "--image", picture, "--native")
    assert (result.code, result.out) == (3, "")
    assert "Core ML's own runtime is part of macOS" in result.err
    result = blazepalm("run", small_package, "--image", picture, "--native", "--units", "gpu")
    assert result.code == 2
    assert "cpu-and-ne" in result.err
