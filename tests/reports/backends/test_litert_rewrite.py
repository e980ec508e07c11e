"""Runs the rewritten copy in LiteRT against the operator's definition in float64 NumPy."""

import struct
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter.tflite.repack import pack
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.litert import open_litert
from blazepalm.reports.backends.litert_rewrite import without_custom_operators
from support.models import SHARED, shared_model
from support.synthetic import synthetic_palm, with_unused_buffer
from support.tflite_builder import ModelBuilder

OUTPUTS = ("regressors", "classificators")


def image(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (1, 256, 256, 3)).astype(np.float32)


@pytest.mark.parametrize("transposed_kernel", [2, 3])
@pytest.mark.parametrize("activation", ["RELU", "PRELU"])
def test_a_rewritten_detector_computes_what_numpy_computes(
    activation: str, transposed_kernel: int
) -> None:
    model = synthetic_palm(activation=activation, transposed_kernel=transposed_kernel)
    rewritten = without_custom_operators(model.content, "synthetic")
    assert rewritten.operators == model.custom_operators == 2
    expected = model.evaluate(image(5))
    for reference_kernels in (False, True):
        backend = open_litert(
            rewritten.content, OUTPUTS, source="x", reference_kernels=reference_kernels
        )
        found = backend.run(image(5))
        for name in OUTPUTS:
            assert np.ptp(expected[name]) > 1
            np.testing.assert_allclose(found[name], expected[name], atol=2e-4, rtol=0)


def one_operator(
    height: int, width: int, kernel: tuple[int, int], stride: tuple[int, int], padding: int
) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A model of the custom operator alone, an image, and the operator's definition on it."""
    rng = np.random.default_rng(height * 100 + width)
    x = rng.standard_normal((1, height, width, 3)).astype(np.float32)
    weights = rng.standard_normal((5, *kernel, 3)).astype(np.float32)
    bias = rng.standard_normal(5).astype(np.float32)
    expected = scattered(x, weights, bias, stride, padding)
    model = ModelBuilder()
    image = model.tensor(x.shape)
    out = model.tensor(expected.shape, name="out")
    operands = [image, model.tensor(weights.shape, data=weights), model.tensor((5,), data=bias)]
    options = struct.pack("<iii", padding, stride[1], stride[0])
    model.operator("Convolution2DTransposeBias", operands, [out], custom_options=options)
    return model.build([image], [out], deprecated_opcodes_only=True), x, expected


def scattered(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray, stride: tuple[int, int], padding: int
) -> np.ndarray:
    """MediaPipe's kernel, pixel by pixel: origin, spread, cut at the borders."""
    _, h, w, _ = x.shape
    _, kh, kw, _ = weights.shape
    cut = [
        max(0, k - (size - 1) % s - 1) if padding == 1 else 0
        for k, size, s in zip((kh, kw), (h, w), stride, strict=True)
    ]
    rows, columns = stride[0] * (h - 1) + kh - cut[0], stride[1] * (w - 1) + kw - cut[1]
    out = np.tile(bias.astype(np.float64), (1, rows, columns, 1))
    for i in range(h):
        for j in range(w):
            for dy in range(kh):
                for dx in range(kw):
                    r, c = i * stride[0] - cut[0] // 2 + dy, j * stride[1] - cut[1] // 2 + dx
                    if 0 <= r < rows and 0 <= c < columns:
                        out[0, r, c] += weights[:, dy, dx].astype(np.float64) @ x[0, i, j]
    return out


@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (3, 2), (5, 4), (1, 1)])
@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_one_operator(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: int
) -> None:
    content, x, expected = one_operator(*size, kernel, stride, padding)
    copy = without_custom_operators(content, "x")
    found = open_litert(copy.content, ("out",), source="x").run(x)["out"]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=0)


def test_the_report_says_what_was_done() -> None:
    content, _, _ = one_operator(4, 6, (2, 2), (2, 2), 1)
    note = without_custom_operators(content, "x").note
    assert note is not None and "Convolution2DTransposeBias" in note and "TRANSPOSE_CONV" in note


@pytest.mark.parametrize("release", SHARED.values())
def test_a_model_without_the_operator_is_left_as_it_is(release: str) -> None:
    content = shared_model(release).read_bytes()
    rewritten = without_custom_operators(content, release)
    assert rewritten.content is content and rewritten.note is None


def test_the_name_alone_is_no_operator() -> None:
    model = ModelBuilder("Convolution2DTransposeBias")
    x, y = model.tensor((1, 4)), model.tensor((1, 4))
    model.operator("RELU", [x], [y])
    content = model.build([x], [y])
    assert without_custom_operators(content, "x").content is content


def spoiled(change: Any) -> bytes:
    content, _, _ = one_operator(4, 6, (2, 2), (2, 2), 1)
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    change(model, model.subgraphs[0].operators[0])
    return pack(model)


def without_options(model: Any, operator: Any) -> None:
    operator.customOptions = None


def other_padding(model: Any, operator: Any) -> None:
    operator.customOptions = np.frombuffer(struct.pack("<iii", 7, 2, 2), np.uint8)


def without_bias(model: Any, operator: Any) -> None:
    operator.inputs = operator.inputs[:2]


@pytest.mark.parametrize("change", [without_options, other_padding, without_bias])
def test_a_malformed_operator_is_named(change: Any) -> None:
    with pytest.raises(CouldNotVerify, match="palm.tflite: Convolution2DTransposeBias has"):
        without_custom_operators(spoiled(change), "palm.tflite")


def test_packed_buffers_are_aligned() -> None:
    content = shared_model("hand-recrop-2020-07").read_bytes()
    packed = pack(schema.ModelT.InitFromPackedBuf(content, 0))
    model = schema.Model.GetRootAs(packed, 0)
    base = np.frombuffer(packed, np.uint8).ctypes.data
    starts = [
        model.Buffers(i).DataAsNumpy().ctypes.data - base
        for i in range(model.BuffersLength())
        if model.Buffers(i).DataLength()
    ]
    assert len(starts) > 10 and all(start % 16 == 0 for start in starts)


@pytest.mark.parametrize("release", ["hand-sparse-2021-02", "palm-lite-2021-11", "hand-lite-2022"])
def test_an_unused_buffer_changes_bytes_and_nothing_else(release: str) -> None:
    content = shared_model(release).read_bytes()
    copy = with_unused_buffer(content)
    original, changed = (schema.ModelT.InitFromPackedBuf(c, 0) for c in (content, copy))
    assert len(changed.buffers) == len(original.buffers) + 1
    size = schema.Model.GetRootAs(content, 0).Subgraphs(0).Tensors(0).ShapeAsNumpy()
    x = np.random.default_rng(0).random(tuple(size), dtype=np.float32)
    names = tuple(str(i) for i in range(len(original.subgraphs[0].outputs)))
    results = [open_litert(c, names, source="x").run(x) for c in (content, copy)]
    for name in names:
        np.testing.assert_array_equal(results[0][name], results[1][name])
