"""The LiteRT backends on models of one operator, against answers worked out on paper."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.litert import open_litert
from support.tflite_builder import ModelBuilder


def doubling(batch: int = 1) -> bytes:
    """y = x + x and z = relu(x), of (batch, 2, 3, 1)."""
    model = ModelBuilder()
    shape = (batch, 2, 3, 1)
    x, y, z = (model.tensor(shape, name=name) for name in ("x", "double", "positive"))
    model.operator("ADD", [x, x], [y], schema.AddOptionsT())
    model.operator("RELU", [x], [z])
    return model.build([x], [y, z])


@pytest.mark.parametrize("reference_kernels", [False, True])
def test_outputs_come_by_name(reference_kernels: bool) -> None:
    backend = open_litert(
        doubling(), ("double", "positive"), source="x", reference_kernels=reference_kernels
    )
    assert backend.name == ("tflite-ref" if reference_kernels else "tflite")
    x = np.array([-2, -1, 0, 1, 2, 3], np.float32).reshape(1, 2, 3, 1)
    found = backend.run(x)
    np.testing.assert_array_equal(found["double"], 2 * x)
    np.testing.assert_array_equal(found["positive"], np.maximum(x, 0))
    assert list(found) == ["double", "positive"]


def test_results_stay_when_the_next_image_comes() -> None:
    backend = open_litert(doubling(), ("double", "positive"), source="x")
    first = backend.run(np.ones((1, 2, 3, 1), np.float32))
    backend.run(np.zeros((1, 2, 3, 1), np.float32))
    assert (first["double"] == 2).all()


@pytest.mark.parametrize("batch", [1, 2])
def test_several_images_go_through_in_the_files_batch(batch: int) -> None:
    backend = open_litert(doubling(batch), ("double", "positive"), source="x")
    x = np.random.default_rng(0).random((4, 2, 3, 1), dtype=np.float32)
    np.testing.assert_array_equal(backend.run(x)["double"], 2 * x)


def test_a_batch_that_does_not_fit_is_refused() -> None:
    backend = open_litert(doubling(2), ("double", "positive"), source="x")
    for images in (0, 3):
        with pytest.raises(ValueError, match="batches of 2"):
            backend.run(np.zeros((images, 2, 3, 1), np.float32))


def test_it_may_be_called_from_several_threads() -> None:
    backend = open_litert(doubling(), ("double", "positive"), source="x", copies=3)
    images = [np.full((1, 2, 3, 1), i, np.float32) for i in range(60)]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(backend.run, images))
    for i, found in enumerate(results):
        assert (found["double"] == 2 * i).all()


def test_an_image_of_another_shape_is_not_verified() -> None:
    backend = open_litert(doubling(), ("double", "positive"), source="palm.tflite")
    with pytest.raises(CouldNotVerify, match="palm.tflite: LiteRT cannot run"):
        backend.run(np.zeros((1, 3, 2, 1), np.float32))


def test_an_operator_without_a_kernel_is_not_verified() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 4))
    model.operator("Nobody'sOperator", [x], [y])
    with pytest.raises(CouldNotVerify, match="palm.tflite: LiteRT cannot load.*Nobody's"):
        open_litert(model.build([x], [y]), ("y",), source="palm.tflite")


def test_another_number_of_outputs_is_not_verified() -> None:
    with pytest.raises(CouldNotVerify, match="sees 2 outputs where the file has 1"):
        open_litert(doubling(), ("double",), source="x")


def test_a_missing_litert_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(CouldNotVerify, match=r"pip install 'blazepalm\[tflite\]'"):
        open_litert(doubling(), ("double", "positive"), source="x")


@pytest.mark.parametrize("beside", [False, True])
def test_the_terminal_stays_clean(beside: bool) -> None:
    """LiteRT writes to file descriptor 2 itself, so the test needs its own process; it
    also runs beside another thread, after `hush_litert`.
    """
    code = (
        "import sys, threading; from blazepalm.reports.backends import litert; "
        "left = threading.Event(); thread = threading.Thread(target=left.wait); "
        f"{'litert.hush_litert(); thread.start(); ' if beside else ''}"
        "litert.open_litert(sys.stdin.buffer.read(), ('a', 'b'), source='x'); left.set(); "
        "print('still here', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=doubling(), capture_output=True, check=True
    )
    assert done.stderr.decode().split("\n") == ["still here", ""]
