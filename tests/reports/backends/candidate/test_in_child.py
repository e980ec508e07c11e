"""A stranger's `.tflite` or `.onnx` runs in a process of its own: the same bits, and no crash or
hang of ours.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from blazepalm.child import ChildLimits
from blazepalm.errors import CouldNotVerify, InvalidModel, ProcessDied
from blazepalm.reports.backends.backend import FLOAT32
from blazepalm.reports.backends.candidate import in_child
from blazepalm.reports.backends.candidate.onnx_file import open_onnx
from blazepalm.reports.backends.candidate.tflite_file import open_tflite
from blazepalm.reports.backends.litert import open_litert
from support.models import shared_file, shared_model


def test_the_same_bits() -> None:
    path = shared_model("hand-lite-2022")
    model = open_tflite(path)
    image = np.random.default_rng(0).random((1, 224, 224, 3), np.float32)
    here = open_litert(path.read_bytes(), model.outputs, source="here").run(image)
    found = model.run(image)
    assert list(found) == list(here) and len(found) == 4
    assert all(found[name].tobytes() == value.tobytes() for name, value in here.items())


def test_a_file_that_kills_litert() -> None:
    """It dies of the file, or of the first image."""
    path = shared_file("hostile/crash.tflite")
    with pytest.raises(ProcessDied, match=r"crash.tflite: its process was killed by SIG"):
        open_tflite(path).run(np.zeros((1, 4, 4, 1), np.float32))


def onnx_file(
    path: Path, operators: list[onnx.NodeProto], outputs: list[str], **facts: int
) -> Path:
    """A file that takes `image`, N×4×4×3; `facts`: scalars by name."""
    graph = helper.make_graph(
        operators,
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 4, 4, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [helper.make_tensor(name, TensorProto.INT64, (), [value]) for name, value in facts.items()],
    )
    opset = [helper.make_opsetid("", 18)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    )
    return path


def endless() -> onnx.NodeProto:
    """Doubles the image 2^62 times."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Add", ["v", "v"], ["twice"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("twice", TensorProto.FLOAT, None),
        ],
    )
    return helper.make_node("Loop", ["times", "", "image"], ["out"], body=body)


def test_an_onnx_file_gives_what_it_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On paper: x + x, and the maximum of x and 0. This process does not parse the file."""
    operators = [
        helper.make_node("Add", ["image", "image"], ["twice"]),
        helper.make_node("Relu", ["image"], ["positive"]),
    ]
    path = onnx_file(tmp_path / "m.onnx", operators, ["twice", "positive"])
    monkeypatch.setattr("onnx.load", lambda *_, **__: pytest.fail("was parsed here"))
    model = open_onnx(path)
    assert (model.computes, model.stores) == (FLOAT32, FLOAT32)
    assert model.input.allows((5, 4, 4, 3)) and not model.input.allows((1, 3, 4, 4))
    image = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype(np.float32)
    found = model.run(image)
    assert list(found) == ["twice", "positive"]
    assert found["twice"].tobytes() == (image + image).tobytes()
    assert found["positive"].tobytes() == np.maximum(image, 0).tobytes()
    with pytest.raises(CouldNotVerify, match=r"m\.onnx: ONNX Runtime cannot run it: "):
        model.run(image[0])


def test_an_onnx_file_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_child, "LIMITS", ChildLimits(opening=60.0, call=0.5, memory=4.0))
    path = onnx_file(tmp_path / "loop.onnx", [endless()], ["out"], times=1 << 62)
    model = open_onnx(path)
    with pytest.raises(ProcessDied, match=r"loop\.onnx: did not answer within its time"):
        model.run(np.zeros((1, 4, 4, 3), np.float32))


def test_a_cut_onnx_file(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "cut.onnx", [helper.make_node("Relu", ["image"], ["o"])], ["o"])
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InvalidModel, match=r"cut\.onnx: ONNX Runtime cannot load it") as failure:
        open_onnx(path)
    assert "\n" not in str(failure.value)
