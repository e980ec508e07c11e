"""TRANSPOSE_CONV and Convolution2DTransposeBias, for which stock LiteRT has no kernel."""

import struct

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel
from support.compare import (
    Case,
    build,
    check,
    constant,
    double,
    run_litert,
    run_torch,
    sampled,
    weights,
)
from support.tflite_builder import ModelBuilder

SIZES = st.tuples(st.sampled_from((3, 4, 5)), st.sampled_from((2, 6, 7)))
SMALL = st.integers(1, 4)
PADDINGS = st.sampled_from(("SAME", "VALID"))


def spread(
    x: np.ndarray,
    kernel_ohwi: np.ndarray,
    bias: np.ndarray,
    stride: tuple[int, int],
    front: tuple[int, int],
    size: tuple[int, int],
) -> np.ndarray:
    """Float64: adds each input pixel times the kernel at its place, drops the first `front` rows
    and columns, keeps `size`.
    """
    n, h, w, _ = x.shape
    o, kh, kw, _ = kernel_ohwi.shape
    y: np.ndarray = np.zeros((n, *size, o)) + bias
    for row in range(h):
        for column in range(w):
            for a in range(kh):
                for b in range(kw):
                    u = row * stride[0] - front[0] + a
                    v = column * stride[1] - front[1] + b
                    if 0 <= u < size[0] and 0 <= v < size[1]:
                        y[:, u, v] += x[:, row, column] @ kernel_ohwi[:, a, b].T
    return y


def verify(
    case: Case,
    kernel_ohwi: np.ndarray,
    bias: np.ndarray,
    stride: tuple[int, int],
    front: tuple[int, int],
    size: tuple[int, int],
    litert: tuple[str, ...] = ("default", "reference"),
) -> None:
    x, kernel, b = double([case.inputs()[0], kernel_ohwi, bias])
    truth = spread(x, kernel, b, stride, front, size)
    magnitude = spread(np.abs(x), np.abs(kernel), np.abs(b), stride, front, size)
    check(case, truth=[truth], magnitude=[magnitude], litert=litert)


def transpose_conv(
    image: tuple[int, int, int],
    size: tuple[int, int],
    kernel_ohwi: np.ndarray,
    bias: np.ndarray | None,
    stride: tuple[int, int],
    padding: str,
    add: bool = False,
) -> Case:
    """The operator with its own bias, or followed by an ADD."""
    model = ModelBuilder()
    outputs = kernel_ohwi.shape[0]
    x = model.tensor((1, *image))
    operands = [
        constant(model, (1, *size, outputs)),
        model.tensor(kernel_ohwi.shape, data=kernel_ohwi),
        x,
    ]
    y = model.tensor((1, *size, outputs))
    b = -1 if bias is None else model.tensor(bias.shape, data=bias)
    if bias is not None and not add:
        operands.append(b)
    options = schema.TransposeConvOptionsT(
        padding=getattr(schema.Padding, padding), strideH=stride[0], strideW=stride[1]
    )
    model.operator("TRANSPOSE_CONV", operands, [y], options, version=3 if len(operands) > 3 else 1)
    if add:
        z = model.tensor((1, *size, outputs))
        model.operator("ADD", [y, b], [z], schema.AddOptionsT())
        y = z
    return build(model, [x], [y])


def same_front(size: int, kernel: int, stride: int) -> int:
    return max(0, ((size + stride - 1) // stride - 1) * stride + kernel - size) // 2


@sampled(25)
@given(SIZES, SMALL, SMALL, st.integers(1, 3), st.integers(1, 3), PADDINGS, st.booleans())
def test_transpose_conv(
    image: tuple[int, int], kh: int, kw: int, sh: int, sw: int, padding: str, biased: bool
) -> None:
    h, w = image
    rng = np.random.default_rng(0)
    kernel, bias = weights(rng, 5, kh, kw, 3), weights(rng, 5)
    if padding == "SAME":
        size = (h * sh, w * sw)
        front = (same_front(size[0], kh, sh), same_front(size[1], kw, sw))
    else:  # what Keras asks for: at least every pixel's own stride
        size = (h * sh + max(kh - sh, 0), w * sw + max(kw - sw, 0))
        front = (0, 0)
    case = transpose_conv((h, w, 3), size, kernel, bias if biased else None, (sh, sw), padding)
    verify(case, kernel, bias if biased else np.zeros(5, np.float32), (sh, sw), front, size)


@pytest.mark.parametrize("size", [(7, 12), (8, 11)])
def test_transpose_conv_to_an_odd_size(size: tuple[int, int]) -> None:
    """SAME with stride 2 may map 4 rows to 7 or 8."""
    rng = np.random.default_rng(1)
    kernel, bias = weights(rng, 3, 3, 4, 2), weights(rng, 3)
    case = transpose_conv((4, 6, 2), size, kernel, bias, (2, 2), "SAME")
    front = (same_front(size[0], 3, 2), same_front(size[1], 4, 2))
    verify(case, kernel, bias, (2, 2), front, size)


def test_a_size_out_of_reach() -> None:
    kernel = weights(np.random.default_rng(2), 3, 2, 2, 2)
    with pytest.raises(InvalidModel, match="stride .* do not lead from"):
        transpose_conv((4, 6, 2), (12, 12), kernel, None, (2, 2), "SAME").module()


def custom(
    image: tuple[int, int, int],
    size: tuple[int, int],
    kernel_ohwi: np.ndarray,
    bias: np.ndarray,
    stride: tuple[int, int],
    padding: str,
) -> Case:
    model = ModelBuilder()
    x = model.tensor((1, *image))
    k = model.tensor(kernel_ohwi.shape, data=kernel_ohwi)
    b = model.tensor(bias.shape, data=bias)
    y = model.tensor((1, *size, kernel_ohwi.shape[0]))
    struct_bytes = struct.pack("<iii", {"SAME": 1, "VALID": 2}[padding], stride[1], stride[0])
    model.operator("Convolution2DTransposeBias", [x, k, b], [y], custom_options=struct_bytes)
    return build(model, [x], [y])


@sampled(25)
@given(SIZES, SMALL, SMALL, st.integers(1, 3), st.integers(1, 3), PADDINGS)
def test_convolution_2d_transpose_bias(
    image: tuple[int, int], kh: int, kw: int, sh: int, sw: int, padding: str
) -> None:
    """MediaPipe's own rule for the cropping of SAME, for any stride."""
    rng = np.random.default_rng(3)
    kernel, bias = weights(rng, 5, kh, kw, 3), weights(rng, 5)
    cut = [0, 0]
    if padding == "SAME":
        cut = [
            max(0, k - (n - 1) % s - 1) for n, k, s in zip(image, (kh, kw), (sh, sw), strict=True)
        ]
    size = (sh * (image[0] - 1) + kh - cut[0], sw * (image[1] - 1) + kw - cut[1])
    case = custom((*image, 3), size, kernel, bias, (sh, sw), padding)
    verify(case, kernel, bias, (sh, sw), (cut[0] // 2, cut[1] // 2), size, litert=())


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5])
def test_custom_operator_is_transpose_conv_and_add(kernel_size: int) -> None:
    """For an even input and stride 2, as in the release of 2019-08."""
    rng = np.random.default_rng(4)
    kernel, bias = weights(rng, 5, kernel_size, kernel_size, 3), weights(rng, 5)
    ours = custom((4, 6, 3), (8, 12), kernel, bias, (2, 2), "SAME")
    builtin = transpose_conv((4, 6, 3), (8, 12), kernel, bias, (2, 2), "SAME", add=True)
    inputs = ours.inputs()
    found = ours.module().double()
    (a,) = run_torch(found, double(inputs))
    (b,) = run_litert(builtin, inputs, reference=False)
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= 1e-5 * np.abs(a).max()
