"""Files that are no TFLite models are recognised by content; the message names their command."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.converter.tflite import read, read_all
from blazepalm.converter.tflite.foreign import described, is_core_ml
from blazepalm.errors import InvalidModel
from support.cli import Cli
from support.models import shared_model


def field(number: int, content: bytes | int) -> bytes:
    """One field of a Protocol Buffer, as its specification writes it."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    key, length = number << 3 | 2, len(content)
    return _varint(key) + _varint(length) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def onnx() -> bytes:
    """ModelProto: ir_version, producer_name, graph, opset_import (onnx.proto)."""
    return field(1, 8) + field(2, b"pytorch") + field(7, b"graph" * 99) + field(8, field(2, 17))


def core_ml() -> bytes:
    """Model: specificationVersion, description, mlProgram = 502 (Model.proto)."""
    return field(1, 7) + field(2, field(1, b"image")) + field(502, b"program" * 99)


def saved_model() -> bytes:
    """SavedModel: schema version, meta_graphs (saved_model.proto)."""
    return field(1, 1) + field(2, b"graph" * 99)


def frozen_graph() -> bytes:
    """GraphDef: node (name, op, attr), versions (graph.proto, node_def.proto)."""
    node = field(1, b"input") + field(2, b"Placeholder") + field(5, b"dtype")
    return field(1, node) + field(1, node * 40) + field(4, field(1, 21))


def safetensors() -> bytes:
    import torch
    from safetensors.torch import save

    return save({"weight": torch.zeros(3)})


def pth(legacy: bool = False) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save({"weight": torch.zeros(3)}, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((9, 8, 3), np.uint8)).save(stream, kind)
    return stream.getvalue()


def array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros((2016, 4), np.float32))
    return stream.getvalue()


def arrays() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros(3))
    return stream.getvalue()


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


KINDS: dict[str, tuple[Callable[[], bytes], str, str]] = {  # what it is, what takes it
    "onnx": (onnx, "an ONNX model", "blazepalm parity --candidate"),
    "core ml": (core_ml, "a Core ML model", "`blazepalm inspect` shows it"),
    "saved model": (saved_model, "a TensorFlow SavedModel", "give the .tflite"),
    "frozen graph": (frozen_graph, "a frozen TensorFlow graph", "give the .tflite"),
    "safetensors": (safetensors, "a safetensors file", "`blazepalm.load`"),
    "pth": (pth, "a PyTorch checkpoint", "`blazepalm.load`"),
    "old pth": (lambda: pth(True), "a Python pickle", "never loads pickles"),
    "pickle": (lambda: pickle.dumps({"a": 1}), "a Python pickle", "never loads pickles"),
    "npy": (array, "a NumPy array", "anchors --check"),
    "npz": (arrays, "NumPy arrays", "no command takes"),
    "png": (lambda: picture("PNG"), "a picture", "`blazepalm detect`"),
    "jpeg": (lambda: picture("JPEG"), "a picture", "`blazepalm detect`"),
    "webp": (lambda: picture("WEBP"), "a picture", "`blazepalm detect`"),
    "bmp": (lambda: picture("BMP"), "a picture", "`blazepalm detect`"),
    "tiff": (lambda: picture("TIFF"), "a picture", "`blazepalm detect`"),
    "gif": (lambda: picture("GIF"), "a picture", "`blazepalm detect`"),
    "mp4": (lambda: struct.pack(">I", 32) + b"ftypisom" + bytes(99), "a video", "detect"),
    "keras": (lambda: zipped("config.json", "model.weights.h5"), "a Keras model", ".tflite"),
    "h5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(99), "a Keras model", "give the .tflite"),
    "package": (
        lambda: zipped("P.mlpackage/Manifest.json", "P.mlpackage/Data/a/model.mlmodel"),
        "a Core ML package in a ZIP",
        "unpack it",
    ),
    "executorch": (lambda: struct.pack("<I", 28) + b"ET12" + bytes(99), "ExecuTorch", ".tflite"),
    "ort": (lambda: struct.pack("<I", 28) + b"ORTM" + bytes(99), "ONNX Runtime", ".tflite"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(99), "packed by gzip", "unpack it"),
    "tar": (lambda: b"m.tflite".ljust(257, b"\0") + b"ustar\x0000", "a tar archive", "unpack"),
    "page": (lambda: b"\n<!DOCTYPE html>\n<html>", "a web page", "fetch it again"),
    "error": (lambda: b"<?xml version='1.0'?><Error>", "an XML document", "fetch the file again"),
    "json": (lambda: json.dumps({"a": 1}).encode(), "JSON", "`blazepalm report`"),
    "lfs": (lambda: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "fetch"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model.tflite", "model.task", "model"])
def test_what_it_is_and_what_takes_it(tmp_path: Path, kind: str, name: str) -> None:
    make, what, advice = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(make())
    for reader in (read, read_all):
        with pytest.raises(InvalidModel) as caught:
            reader(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: not a TFLite model but ") and "\n" not in message
        assert what in message and advice in message


@pytest.mark.parametrize("kind", ["onnx", "safetensors", "core ml", "pth", "png"])
@pytest.mark.parametrize(
    "command", [("convert", "--no-coreml"), ("anchors",), ("parity", "--no-golden"), ("inspect",)]
)
def test_every_command_says_so(
    blazepalm: Cli, tmp_path: Path, kind: str, command: tuple[str, ...]
) -> None:
    if (kind, command) == ("core ml", ("inspect",)):
        pytest.skip("inspect shows Core ML models")
    if command[0] == "parity":
        pytest.importorskip("torch")  # without it, that is what parity says
    make, what, _ = KINDS[kind]
    path = tmp_path / "model.tflite"
    path.write_bytes(make())
    done = blazepalm(*command, path)
    assert done.code == 2
    assert what in " ".join((done.out + done.err).split())
    assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (
            lambda: shared_model("hand-recrop-2020-07").read_bytes(),
            "but a TFLite model; `blazepalm",
        ),
        (
            lambda: bytes(2) + zipped("m.tflite"),
            "but a ZIP; `blazepalm convert` converts a bundle of TFLite models",
        ),
        (onnx, "but an ONNX model"),
        (lambda: picture("PNG"), "but a picture"),
    ],
)
def test_in_place_of_a_core_ml_package(
    blazepalm: Cli, tmp_path: Path, make: Callable[[], bytes], what: str
) -> None:
    path = tmp_path / "model.mlmodel"
    path.write_bytes(make())
    done = blazepalm("run", path, "--image", tmp_path / "photo.png")
    assert done.code == 2 and done.err.count("\n") == 1
    assert f"not a Core ML model {what}" in done.err


def test_folders(tmp_path: Path) -> None:
    for name, held, what in (
        ("a", "Manifest.json", "not a TFLite model but a Core ML model"),
        ("b", "saved_model.pb", "not a TFLite model but a TensorFlow SavedModel"),
        ("c", "conversion.json", "a folder that `blazepalm convert` wrote"),
        ("d", "coremldata.bin", "a compiled Core ML model"),
        ("e", "other", "this is a folder, expected a .tflite file"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / held).write_bytes(b"{}")
        with pytest.raises(InvalidModel) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: {what}")


def test_core_ml_is_told_by_content(tmp_path: Path) -> None:
    path = tmp_path / "anything.tflite"
    path.write_bytes(core_ml())
    assert is_core_ml(path)
    for content in (onnx(), b"", b"\x08", shared_model("hand-recrop-2020-07").read_bytes()):
        path.write_bytes(content)
        assert not is_core_ml(path)
    assert not is_core_ml(tmp_path / "nothing.mlmodel")


def test_noise_is_nothing_known() -> None:
    """Random bytes are almost never mistaken for a format, and checking them is quick."""
    rng = np.random.default_rng(3)
    known = [described(rng.bytes(300)) for _ in range(2000)]
    assert sum(found is not None for found in known) < 40


@pytest.mark.parametrize("length", [*range(80), 500])
def test_what_is_cut_short_is_told_or_not(length: int) -> None:
    for make in (onnx, core_ml, safetensors):
        described(make()[:length])
