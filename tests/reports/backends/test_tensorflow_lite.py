"""TensorFlow's interpreter behind the backend protocol. A stand-in takes its place: LiteRT's own,
under TensorFlow's name, so that what comes out is known.
"""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.tensorflow_lite import missing_tensorflow, open_tensorflow
from blazepalm.reports.parity import parity
from support.tiny import OUTPUT, SHAPE, doubling

SENTENCE = r"pip install 'blazepalm\[tensorflow\]'"


def put(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", module)


def test_it_answers_as_the_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, SimpleNamespace(lite=SimpleNamespace(Interpreter=Interpreter)))
    backend = open_tensorflow(doubling(), (OUTPUT,), source="tiny.tflite", copies=2)
    assert missing_tensorflow() is None and backend.name == "tensorflow"
    image = np.random.default_rng(1).random(SHAPE, dtype=np.float32)
    np.testing.assert_array_equal(backend.run(image)[OUTPUT], 2 * image)


def test_parity_judges_it_by_the_floor(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    put(monkeypatch, SimpleNamespace(lite=SimpleNamespace(Interpreter=Interpreter)))
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    report = parity(file, noise=2, coreml=False)
    found = [row for row in report.rows if row.backend == "tensorflow"]
    assert report.passed and [row.reference for row in found] == ["oracle", "tflite"]
    assert all(row.judge == "floor" and row.status == "pass" for row in found)


@pytest.mark.parametrize("module", [None, SimpleNamespace()])
def test_without_it_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    put(monkeypatch, module)
    with pytest.raises(CouldNotVerify, match=SENTENCE):
        open_tensorflow(doubling(), (OUTPUT,), source="tiny.tflite")


def test_what_is_not_installed_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    put(monkeypatch, None)
    assert missing_tensorflow() is not None
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    report = parity(file, noise=2, coreml=False)
    assert "tensorflow" not in [backend.name for backend in report.models[0].backends]


def test_a_model_that_it_cannot_take_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, SimpleNamespace(lite=SimpleNamespace(Interpreter=Interpreter)))
    with pytest.raises(CouldNotVerify, match=r"bad\.tflite: TensorFlow cannot load the model"):
        open_tensorflow(b"TFL3 no model", (OUTPUT,), source="bad.tflite")
    with pytest.raises(CouldNotVerify, match="sees 1 outputs where the file has 2"):
        open_tensorflow(doubling(), ("a", "b"), source="tiny.tflite")
