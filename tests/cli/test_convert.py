"""`blazepalm convert`: what it prints, and every kind of bad input: exit code 2, one
message, no traceback, nothing written.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Outcome

from support.models import shared_model
from support.tflite_builder import ModelBuilder

Command = Callable[..., Outcome]

SMALL = "hand-recrop-2020-07"


def graph(*operators: tuple[str, list[int], list[int]]) -> bytes:
    """A model of four 1×4×4×2 tensors; tensor 0 is the input, 3 the output."""
    model = ModelBuilder()
    for _ in range(4):
        model.tensor((1, 4, 4, 2))
    for name, inputs, outputs in operators:
        model.operator(name, inputs, outputs)
    return model.build([0], [3])


RELU = graph(("RELU", [0], [3]))


def _zip(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def _bomb() -> bytes:
    """A small archive whose directory promises a member of 10 GB (less than 4 GiB fits the
    field, so the extended one of ZIP64 says it).
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("model.tflite")
        archive.writestr(info, b"\0" * (1 << 20))
        info.file_size = 10 * 10**9
    return target.getvalue()


# name → the bytes (None: a folder), and words that the message must hold
BAD: dict[str, tuple[Callable[[], bytes | None], list[str]]] = {
    "empty.tflite": (lambda: b"", []),
    "text.tflite": (lambda: b"Dear diary,\n" * 99, []),
    "folder.tflite": (lambda: None, []),
    "noise.tflite": (lambda: np.random.Generator(np.random.PCG64(0)).bytes(5000), []),
    "index.tflite": (lambda: graph(("RELU", [9999], [3])), ["9999"]),
    "cycle.tflite": (
        lambda: graph(("ADD", [0, 2], [1]), ("RELU", [1], [2]), ("RELU", [2], [3])),
        ["ADD", "%2"],
    ),
    "odd.tflite": (
        lambda: graph(("FFT_3D", [0], [1]), ("CUMSUM", [1], [2]), ("CUMSUM", [2], [3])),
        ["FFT_3D (custom", "CUMSUM (builtin 128", "2 times", "help:"],
    ),
    "climbs.task": (lambda: _zip({"../../out.tflite": graph()}), ["../../out.tflite"]),
    "bomb.task": (lambda: _bomb(), []),
    "nothing.zip": (lambda: _zip({"readme.txt": b"no model"}), []),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(
    name: str, blazepalm: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words = BAD[name]
    content = make()
    source = tmp_path / "in" / name
    source.parent.mkdir()
    if content is None:
        source.mkdir()
    else:
        source.write_bytes(content)
    desk = tmp_path / "desk"
    desk.mkdir()
    monkeypatch.chdir(desk)
    done = blazepalm("convert", "--no-coreml", source, "-o", desk / "out")
    assert done.code == 2
    assert done.out == ""
    lines = [line for line in done.err.splitlines() if not line.startswith("converting ")]
    assert lines[0].startswith("error: ")
    assert len(lines) == 1 or "unsupported operator" in done.err
    assert "Traceback" not in done.err
    for word in [name, *words]:
        assert word in done.err
    assert list(desk.iterdir()) == []
    assert [p.name for p in source.parent.iterdir()] == [name]


def test_truncated_at_every_kilobyte(blazepalm: Command, tmp_path: Path) -> None:
    content = shared_model(SMALL).read_bytes()
    source = tmp_path / "cut.tflite"
    for size in range(0, len(content), 1024):
        source.write_bytes(content[:size])
        done = blazepalm("convert", "--no-coreml", source, "-o", tmp_path / "out")
        assert done.code == 2, f"{size} bytes: {done.err}"
        assert done.err.count("error: ") == 1 and "Traceback" not in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["cut.tflite"]


def test_an_existing_folder_needs_force(blazepalm: Command, tmp_path: Path) -> None:
    source = shared_model(SMALL)
    out = tmp_path / "out"
    assert blazepalm("convert", "--no-coreml", source, "-o", out).code == 0
    before = (out / "conversion.json").read_bytes()
    done = blazepalm("convert", "--no-coreml", source, "-o", out)
    assert done.code == 2
    assert "exists already" in done.err and "--force" in done.err
    assert blazepalm("convert", "--no-coreml", source, "-o", out, "--force").code == 0
    assert (out / "conversion.json").read_bytes() == before


def test_json_and_screen_tell_the_same(blazepalm: Command, tmp_path: Path) -> None:
    done = blazepalm("convert", "palm-lite", "--no-coreml", "-o", tmp_path / "a", "--json")
    assert done.code == 0
    (summary,) = done.json
    assert summary["release"] == "palm-lite-2021-11"
    assert summary["spec"]["family"] == "palm"
    card = {"LICENSE", "NOTICE", "README.md"}
    assert set(summary["artifacts"]) == {"anchors.npy", "model.pth", "model.safetensors"} | card
    record = json.loads((tmp_path / "a" / "conversion.json").read_text(encoding="utf-8"))
    assert summary["tensors"] == len(record["tensor_map"])
    shown = blazepalm("convert", "palm-lite", "--no-coreml", "-o", tmp_path / "b")
    assert shown.code == 0
    assert "palm-lite-2021-11" in shown.out and "bit for bit" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_an_unrecognised_graph_says_so(blazepalm: Command, tmp_path: Path) -> None:
    done = blazepalm("convert", "--no-coreml", shared_model(SMALL), "-o", tmp_path / "out")
    assert done.code == 0
    assert "no known family" in done.err
    assert "operator by operator" in done.out
    assert "output_crop: center_x, center_y, scale_x, scale_y" in done.out
    record = json.loads((tmp_path / "out" / "conversion.json").read_text(encoding="utf-8"))
    assert record["outputs"][0]["values"] == ["center_x", "center_y", "scale_x", "scale_y"]


def test_a_bundle_is_a_folder_a_model(blazepalm: Command, tmp_path: Path) -> None:
    """The bundle is like the official ones: two bytes before `PK`, and one model in an inner
    bundle.
    """
    model = shared_model(SMALL).read_bytes()
    inner = bytes(3) + _zip({"crop.tflite": model, "labels.txt": b"text"})
    source = tmp_path / "hands.task"
    source.write_bytes(bytes(2) + _zip({"inner.task": inner, "relu.tflite": RELU}))
    done = blazepalm("convert", "--no-coreml", source, "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert f"{source}: skipped members that are not models: inner.task:labels.txt" in done.err
    assert [Path(entry["folder"]).name for entry in done.json] == ["crop", "relu"]
    assert done.json[0]["release"] == SMALL
    one = blazepalm("convert", "--no-coreml", f"{source}:inner.task", "-o", tmp_path / "one")
    assert one.code == 0 and (tmp_path / "one" / "conversion.json").is_file()


def test_members_of_one_name_get_folders_of_their_own(blazepalm: Command, tmp_path: Path) -> None:
    source = tmp_path / "hands.task"
    bundles = {f"{side}.task": _zip({"m.tflite": RELU}) for side in ("left", "right")}
    source.write_bytes(_zip({**bundles, "a/n.tflite": RELU}))
    done = blazepalm("convert", "--no-coreml", source, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"left-m", "right-m", "n"}


def test_a_member_that_cannot_be_converted_keeps_no_other(
    blazepalm: Command, tmp_path: Path
) -> None:
    odd = graph(("FFT_3D", [0], [1]), ("RELU", [1], [3]))
    source = tmp_path / "hands.task"
    members = {"odd.tflite": odd, "text.tflite": b"Dear diary, " * 9, "relu.tflite": RELU}
    source.write_bytes(_zip(members))
    done = blazepalm("convert", "--no-coreml", source, "-o", tmp_path / "out", "--json")
    assert done.code == 2
    assert [Path(entry["folder"]).name for entry in done.json] == ["relu"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["relu"]
    assert done.err.count("error: ") == 2 and "Traceback" not in done.err
    assert f"{source}:text.tflite: not a TFLite model" in done.err and "FFT_3D" in done.err


def test_a_file_in_integers_needs_int8(blazepalm: Command, tmp_path: Path) -> None:
    for options in (["--tflite"], ["--tflite", "--quantize", "auto"]):
        done = blazepalm("convert", "palm-lite", *options, "-o", tmp_path / "out")
        assert done.code == 2 and "give --quantize int8 with" in done.err
    done = blazepalm("convert", "palm-lite", "--quantize", "int8", "--no-coreml", "-o", tmp_path)
    assert done.code == 2 and "--tflite writes a TFLite file" in done.err


def test_core_ml_options(blazepalm: Command, tmp_path: Path) -> None:
    """Uses the file of no known family, which converts quickly."""
    source = shared_model(SMALL)
    done = blazepalm("convert", source, "--precision", "fp32", "-o", tmp_path / "out", "--json")
    assert done.code == 0
    package = done.json[0]["coreml"]
    assert (package["face"], package["precision"]) == ("raw", "fp32")
    assert (tmp_path / "out" / package["name"] / "Manifest.json").is_file()
    for option in ("--coreml-face", "--precision", "--target", "--compress"):
        done = blazepalm("convert", source, option, "nonsense", "-o", tmp_path / "bad")
        assert done.code == 2 and "'nonsense'; choose" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
