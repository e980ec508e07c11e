"""`blazepalm inspect` of Core ML packages: what it says, that it fits, that it stays quick."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import coremltools as ct
import pytest
from torch import nn

from blazepalm.models.spec_json import spec_to_dict
from support.cli import Cli
from support.converted import converted
from support.packages import (
    BREAKS,
    block_of,
    convert_module,
    edit_package,
    save_functions,
    with_unknown,
)


def test_says_what_it_is(blazepalm: Cli, small_package: Path) -> None:
    result = blazepalm("inspect", small_package)
    assert result.code == 0, result.err
    words = re.sub(r"\s+", " ", result.out)
    for fact in (
        "Small Core ML program",
        "target iOS 16, macOS 13 or newer, specification version 7",
        "precision float32 in 3 of 3 values",
        "input picture RGB image 8×6",
        "output map 1×8×4×6 float32 means 1×3 float32",
        "executor blazepalm run supports every operation",
        "operations 3 conv 1",
        "weights 216 parameters",  # 3·8·3·3; eight biases lie in the program
        "float32 1 216 864",
    ):
        assert fact in words


def test_a_file_of_its_own_is_a_package_too(blazepalm: Cli, tmp_path: Path) -> None:
    """A bare .mlmodel, whose weight file would be beside it, but is missing."""
    inputs = [ct.TensorType("x", shape=(1, 4))]
    package = convert_module(tmp_path / "x.mlpackage", nn.ReLU(), inputs)
    (model,) = package.rglob("model.mlmodel")
    result = blazepalm("inspect", model.rename(tmp_path / "bare.mlmodel"))
    assert result.code == 0, result.err
    assert result.out.startswith("bare  Core ML program")


def field(number: int, content: bytes) -> bytes:
    """A field of a Protocol Buffer: its number and wire type 2, the length, the content."""
    words = b""
    for value in (number << 3 | 2, len(content)):
        while value > 127:
            words, value = words + bytes([value & 127 | 128]), value >> 7
        words += bytes([value])
    return words + content


SPECIFIED = b"\x08\x08"  # field 1, the version: 8
PROGRAM = field(502, b"\x08\x01")  # an ML program of version 1, with no function


@pytest.mark.parametrize(
    ("content", "size", "said"),
    [
        # the kind of model lies behind a description of 2 MB
        (SPECIFIED + field(2, bytes(2_000_000)) + PROGRAM, 0, "not a Core ML model"),
        (SPECIFIED + field(2, field(100, field(1, b"x" * 2_000_000))) + PROGRAM, 0, "no function"),
        (SPECIFIED + PROGRAM, (32 << 20) + 1, "has 33554433 bytes, at most 33554432 are read"),
        (b"", (32 << 20) + 1, "has 33554433 bytes, at most 33554432 are read"),
        (b"", 0, "holds no model"),
        (b"\xff\xfe\xfd", 0, "not a Core ML model, or cut off"),
        (b"\x89PNG\r\n\x1a\n", 0, "but a picture"),
    ],
)
def test_a_bare_model_that_cannot_be_read_has_a_sentence_of_core_ml(
    blazepalm: Cli, tmp_path: Path, content: bytes, size: int, said: str
) -> None:
    model = tmp_path / "x.mlmodel"
    model.write_bytes(content)
    if size:
        os.truncate(model, size)
    result = blazepalm("inspect", model)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {model}: ")
    assert said in result.err
    assert "blazepalm inspect" not in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("width", [80, 160])
def test_fits_the_screen(
    blazepalm: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, width: int
) -> None:
    """The package states everything that blazepalm's own packages do, and all listings
    are printed.
    """
    monkeypatch.setenv("COLUMNS", str(width))
    package = ours(tmp_path)
    result = blazepalm("inspect", package, "--operators", "--tensors")
    assert result.code == 0, result.err
    assert max(map(len, result.out.splitlines())) <= width
    words = re.sub(r"\s+", " ", result.out)
    assert words.startswith("palm-full-2023-09 Core ML program, app face, fp16, palettize8")
    assert "spec palm detector, 192×192 pixels, values 0 .. 1, 2,016 anchors, 7 keypoints" in words
    assert "source 1b14e942" in words
    assert "other = entry" in words
    assert "every operation of main, in execution order" in words
    assert "every stored constant of main" in words


def ours(folder: Path) -> Path:
    recognition = converted("palm-full-2023-09").recognition
    assert recognition is not None
    claims = {
        "release": "palm-full-2023-09",
        "face": "app",
        "precision": "fp16",
        "compress": "palettize8",
        "source_sha256": "1b14e942" + 56 * "0",
        "spec": json.dumps(spec_to_dict(recognition.spec)),
    }
    metadata = {f"blazepalm.{key}": value for key, value in claims.items()}
    return convert_module(
        folder / "Palm.mlpackage",
        nn.Conv2d(3, 8, 3),
        [ct.TensorType("x", shape=(1, 3, 6, 6))],
        metadata={**metadata, "other": "entry"},
    )


def test_json_is_one_document(blazepalm: Cli, tmp_path: Path) -> None:
    values = blazepalm("inspect", ours(tmp_path), "--json").json
    assert values["operations"] == {"conv": 1}
    assert values["metadata"]["blazepalm.face"] == "app"
    assert values["spec"]["family"] == "palm"
    assert values["target"] == ["iOS 16", "macOS 13"]
    assert values["functions"][0]["inputs"][0]["shape"] == [1, 3, 6, 6]
    assert values["lacking"] == {}


def test_flexible_shapes_and_several_functions(blazepalm: Cli, tmp_path: Path) -> None:
    inputs = [ct.TensorType("x", shape=ct.Shape((ct.RangeDim(1, 4, default=1), 3)))]
    first = convert_module(tmp_path / "1.mlpackage", nn.ReLU(), inputs, target="iOS18")
    second = convert_module(tmp_path / "2.mlpackage", nn.Sigmoid(), inputs, target="iOS18")
    both = save_functions(tmp_path / "both.mlpackage", small=first, large=second)
    words = re.sub(r"\s+", " ", blazepalm("inspect", both).out)
    assert "function small: 1 operation, the default input x ?×3 float32, takes [1..4, 3]" in words
    assert "function large: 1 operation input x" in words


def test_what_the_executor_lacks_is_a_line_and_no_error(
    blazepalm: Cli, small_package: Path
) -> None:
    result = blazepalm("inspect", with_unknown(small_package, "conv", "relu"))
    assert result.code == 0, result.err
    words = re.sub(r"\s+", " ", result.out)
    assert "executor lacks no_conv (1), no_relu (1): blazepalm cannot run it" in words


@pytest.mark.parametrize("name", list(BREAKS))
def test_a_broken_package_is_a_line_and_exit_2(
    blazepalm: Cli, small_package: Path, name: str
) -> None:
    damage, sentence = BREAKS[name]
    damage(small_package)
    result = blazepalm("inspect", small_package)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert sentence in result.err
    assert str(small_package) in result.err


HOSTILE = "[bold red]x[/] \x1b]0;title\x07\x1b[2J\r\n\u202e[/nonsense]"


def test_hostile_texts_are_printed_as_text(blazepalm: Cli, small_package: Path) -> None:
    def lie(model: object) -> None:
        description = model.description  # type: ignore[attr-defined]
        description.metadata.shortDescription = HOSTILE
        description.metadata.userDefined[HOSTILE] = HOSTILE
        description.metadata.userDefined["blazepalm.release"] = HOSTILE
        description.metadata.userDefined["long"] = "x" * 10_000
        description.input[0].shortDescription = HOSTILE
        block_of(model).operations[-1].type = HOSTILE

    result = blazepalm("inspect", edit_package(small_package, lie), "--operators", "--tensors")
    assert result.code == 0, result.err
    assert all(c.isprintable() or c == "\n" for c in result.out)
    assert "[bold red]x[/] \\x1b]0;title\\x07\\x1b[2J\\r\\n\\u202e[/nonsense]" in result.out
    assert "… (10,000 characters)" in re.sub(r"\s+", " ", result.out)
    assert max(map(len, result.out.splitlines())) <= 80


def test_torch_is_not_imported(small_package: Path) -> None:
    code = (
        "import sys; from blazepalm.cli.app import main; "
        f"assert main(['inspect', {str(small_package)!r}]) == 0; "
        "print('loaded:', {'torch', 'coremltools'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: set()"
