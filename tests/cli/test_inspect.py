"""`blazepalm inspect` on the screen: its content, its width, and hostile names."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from blazepalm.models.releases import by_name, resolve
from support import decompose
from support.cli import Cli
from support.decompose import Rewriter
from support.models import SHARED, shared_file, shared_model
from support.synthetic import with_unused_buffer
from support.tflite_builder import ModelBuilder


@pytest.mark.parametrize("name", sorted(SHARED.values()))
@pytest.mark.parametrize("width", [80, 160])
def test_fits_the_screen(
    blazepalm: Cli, monkeypatch: pytest.MonkeyPatch, name: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    listings = ["--operators", "--tensors"] if "sparse" in name else []  # slow to lay out
    result = blazepalm("inspect", shared_model(name), *listings)
    assert result.code == 0, result.err
    assert max(map(len, result.out.splitlines())) <= width
    assert result.out.startswith(name)
    assert "CONV_2D" in result.out


def test_says_what_it_is(blazepalm: Cli) -> None:
    out = blazepalm("inspect", "palm-full").out
    for fact in (
        "palm-full-2023-09  palm detector",
        "2,339,846 bytes",
        str(by_name("palm-full").sha256),
        "MLIR Converted.",
        "input_1 1×192×192×3 float32",
        "0 .. 1, as in palm-2021-11",
        "Identity 1×2016×18 float32 → boxes",
        "24×24×2 + 12×12×6 = 2,016 anchors",
        "operators  139 (+ 133 folded)",
        "weights  1,132,536 parameters",
        "float16        133  1,132,536  2,265,072",
    ):
        assert fact in out


def test_operators_are_listed_with_their_options(blazepalm: Cli) -> None:
    out = blazepalm("inspect", "palm-full", "--operators").out
    first = out[out.index("every operator") :].splitlines()[2:5]
    assert first[0].split() == [
        "2",
        "CONV_2D",
        "%0",
        "1×192×192×3,",
        "%387",
        "32×5×5×3,",
        "%346",
        "32",
    ]
    assert "padding=SAME stride_h=2" in first[1]
    assert "→ %141 1×96×96×32" in first[1]


def test_json_is_one_document(blazepalm: Cli) -> None:
    values = blazepalm("inspect", "hand-lite", "--json").json
    (model,) = values["models"]
    assert model["release"] == "hand-lite-2022"
    assert model["spec"]["family"] == "hand"
    assert len(model["operators"]) == sum(model["histogram"].values())
    assert model["tensors"][model["inputs"][0]]["shape"] == [1, 224, 224, 3]


def test_every_model_of_a_bundle(blazepalm: Cli, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.task", "w") as archive:
        archive.writestr("hand_detector.tflite", resolve("palm-full").read_bytes())
        archive.writestr("hand_landmarks_detector.tflite", resolve("hand-full").read_bytes())
    out = blazepalm("inspect", tmp_path / "two.task").out
    assert "bundle  2 models" in out
    assert "palm-full-2023-09  palm detector" in out
    assert "hand-full-2022  hand landmarks" in out


def test_a_bundle_with_a_broken_member_and_a_note(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "three.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hand_detector.tflite", b"no model")
        archive.writestr("notes.txt", b"text")
        archive.writestr("hand_landmarks_detector.tflite", resolve("hand-full").read_bytes())
    result = blazepalm("inspect", path)
    assert result.code == 2
    assert "hand-full-2022  hand landmarks" in result.out
    assert "not models: notes.txt" in result.out
    assert result.err.count("\n") == 1
    assert result.err.startswith(f"error: {path}:hand_detector.tflite: not a TFLite model")


def test_another_file_of_a_known_network(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(with_unused_buffer(shared_model("hand-recrop-2020-07").read_bytes()))
    out = blazepalm("inspect", path).out
    assert out.startswith("hand-recrop-2020-07  hand re-crop")
    assert "a different file of hand-recrop-2020-07" in out
    assert by_name("hand-recrop-2020-07").network_sha256 in out  # type: ignore[union-attr]
    assert "different file" not in blazepalm("inspect", shared_model("hand-recrop-2020-07")).out


def test_what_the_four_numbers_are(blazepalm: Cli) -> None:
    out = blazepalm("inspect", shared_model("hand-recrop-2020-07")).out
    assert "center_x, center_y, scale_x, scale_y" in out
    assert "two points in pixels of the input" in out


HOSTILE = "[bold red]x[/] \x1b]0;title\x07\x1b[2J\r\n\u202e[/nonsense]"


def test_hostile_names_are_printed_as_text(blazepalm: Cli, tmp_path: Path) -> None:
    model = ModelBuilder(description=HOSTILE)
    image = model.tensor((1, 4, 4, 3), name=HOSTILE)
    slope = model.tensor((1, 1, 3), name=HOSTILE, data=np.ones((1, 1, 3), np.float32))
    out = model.tensor((1, 4, 4, 3), name=HOSTILE)
    model.operator("PRELU", [image, slope], [out])
    model.metadata(HOSTILE, b"content")
    path = tmp_path / "[red]name\x1b[31m.tflite"
    path.write_bytes(model.build([image], [out]))
    result = blazepalm("inspect", path, "--operators", "--tensors")
    assert result.code == 0, result.err
    assert "[bold red]x[/] \\x1b]0;title\\x07\\x1b[2J\\r\\n\\u202e[/nonsense]" in result.out
    assert all(c.isprintable() or c == "\n" for c in result.out)
    assert "[red]name\\x1b[31m.tflite" in "".join(line.strip() for line in result.out.splitlines())


def test_rewrites_are_listed(blazepalm: Cli, tmp_path: Path) -> None:
    """The screen and `conversion.json` list as many rewrites as were planted."""
    file = Rewriter(shared_model("palm-lite-2021-11").read_bytes())
    count = decompose.prelu_as_relus(file)
    path = tmp_path / "relus.tflite"
    path.write_bytes(file.build())
    assert re.search(
        rf"^  rewrites +PRELU fused \({count}\) *$", blazepalm("inspect", path).out, re.M
    )
    (model,) = blazepalm("inspect", path, "--json").json["models"]
    (rewrite,) = model["rewrites"]
    assert rewrite["name"] == "PRELU fused" and len(rewrite["operators"]) == count
    assert all(len(operators) == 6 for operators in rewrite["operators"])  # what one became
    assert "rewrites" not in blazepalm("inspect", "palm-lite").out


@pytest.mark.parametrize(
    ("name", "content"),
    [("text.tflite", b"no model\n"), ("empty.tflite", b""), ("cut.tflite", b"\x1c\0\0\0TFL3")],
)
def test_bad_files_are_a_line_and_exit_2(
    blazepalm: Cli, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    result = blazepalm("inspect", tmp_path / name)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert name in result.err


def test_folder_is_no_file(blazepalm: Cli, tmp_path: Path) -> None:
    result = blazepalm("inspect", tmp_path)
    assert result.code == 2
    assert "folder" in result.err


def test_an_integer_file_shows_its_scales_and_counts_its_weights(blazepalm: Cli) -> None:
    """Scale and zero point as LiteRT gives them; parameters: 1,127,072 int8 and 9,176 int32."""
    path = shared_file("palm-full_0_full_integer_quant.tflite")
    interpreter = Interpreter(model_content=path.read_bytes())
    out = " ".join(blazepalm("inspect", path).out.split())
    for detail in (*interpreter.get_input_details(), *interpreter.get_output_details()):
        scale, zero_point = detail["quantization"]
        assert f"int8, scale {scale:.7g}, zero point {zero_point}" in out
    assert "1,136,248 parameters" in out
    values = json.loads(blazepalm("inspect", path, "--json").out)["models"][0]["tensors"][0]
    assert (values["dtype"], values["file_dtype"]) == ("float32", "int8")
    assert values["quantisation"]["zero_point"] == [-128]
