"""CONV_2D and DEPTHWISE_CONV_2D against LiteRT and a float64 sum over the taps."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel, UnsupportedOperator
from support.compare import Case, build, check, sampled, weights
from support.tflite_builder import ModelBuilder

HEIGHTS, WIDTHS = st.sampled_from((5, 8, 9)), st.sampled_from((6, 7, 11))  # never alike
STRIDES, DILATIONS = st.integers(1, 3), st.integers(1, 2)
KERNELS = st.integers(1, 4)
PADDINGS = st.sampled_from(("SAME", "VALID"))
ACTIVATIONS = {
    "NONE": lambda y: y,
    "RELU": lambda y: np.maximum(y, 0.0),
    "RELU_N1_TO_1": lambda y: np.clip(y, -1.0, 1.0),
    "RELU6": lambda y: np.clip(y, 0.0, 6.0),
}
BOTH = ("default", "reference")


def axis_geometry(
    size: int, kernel: int, stride: int, dilation: int, padding: str
) -> tuple[int, int]:
    """The length of one axis of the output, and the zeros before it."""
    reach = dilation * (kernel - 1) + 1
    if padding == "VALID":
        return (size - reach) // stride + 1, 0
    length = (size + stride - 1) // stride
    return length, max(0, (length - 1) * stride + reach - size) // 2


def convolution(
    x: np.ndarray,
    kernel_ohwi: np.ndarray,
    bias: np.ndarray,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: str,
) -> np.ndarray:
    """Float64, one output pixel at a time; grouped where the kernel has fewer inputs."""
    n, h, w, c = x.shape
    o, kh, kw, i = kernel_ohwi.shape
    out_h, top = axis_geometry(h, kh, stride[0], dilation[0], padding)
    out_w, left = axis_geometry(w, kw, stride[1], dilation[1], padding)
    y: np.ndarray = np.zeros((n, out_h, out_w, o)) + bias
    per_group = o // (c // i)
    for row in range(out_h):
        for column in range(out_w):
            for a in range(kh):
                for b in range(kw):
                    u = row * stride[0] - top + a * dilation[0]
                    v = column * stride[1] - left + b * dilation[1]
                    if 0 <= u < h and 0 <= v < w:
                        for k in range(o):
                            group = k // per_group
                            part = x[:, u, v, group * i : (group + 1) * i]
                            y[:, row, column, k] += part @ kernel_ohwi[k, a, b]
    return y


def verify(
    case: Case,
    kernel_ohwi: np.ndarray,
    bias: np.ndarray,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: str,
    activation: str = "NONE",
    litert: tuple[str, ...] = BOTH,
) -> None:
    x, kernel, b = (a.astype(np.float64) for a in (case.inputs()[0], kernel_ohwi, bias))
    truth = ACTIVATIONS[activation](convolution(x, kernel, b, stride, dilation, padding))
    magnitude = convolution(np.abs(x), np.abs(kernel), np.abs(b), stride, dilation, padding)
    check(case, truth=[truth], magnitude=[magnitude], litert=litert)


def conv_case(
    image: tuple[int, int, int],
    kernel_ohwi: np.ndarray,
    bias: np.ndarray | None,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: str = "SAME",
    activation: str = "NONE",
) -> Case:
    model = ModelBuilder()
    x = model.tensor((1, *image))
    k = model.tensor(kernel_ohwi.shape, data=kernel_ohwi)
    operands = [x, k]
    if bias is not None:
        operands.append(model.tensor(bias.shape, data=bias))
    rows, _ = axis_geometry(image[0], kernel_ohwi.shape[1], stride[0], dilation[0], padding)
    columns, _ = axis_geometry(image[1], kernel_ohwi.shape[2], stride[1], dilation[1], padding)
    y = model.tensor((1, rows, columns, kernel_ohwi.shape[0]))
    options = schema.Conv2DOptionsT(
        padding=getattr(schema.Padding, padding),
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=getattr(schema.ActivationFunctionType, activation),
    )
    model.operator("CONV_2D", operands, [y], options)
    return build(model, [x], [y])


@sampled()
@given(HEIGHTS, WIDTHS, KERNELS, KERNELS, STRIDES, STRIDES, DILATIONS, DILATIONS, PADDINGS)
def test_conv_2d(
    h: int, w: int, kh: int, kw: int, sh: int, sw: int, dh: int, dw: int, padding: str
) -> None:
    if padding == "VALID":
        kh, kw = min(kh, (h - 1) // dh + 1), min(kw, (w - 1) // dw + 1)
    rng = np.random.default_rng(0)
    kernel, bias = weights(rng, 4, kh, kw, 3), weights(rng, 4)
    case = conv_case((h, w, 3), kernel, bias, (sh, sw), (dh, dw), padding)
    verify(case, kernel, bias, (sh, sw), (dh, dw), padding)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_conv_2d_fused(activation: str) -> None:
    rng = np.random.default_rng(1)
    kernel, bias = weights(rng, 6, 3, 2, 4), weights(rng, 6)
    case = conv_case((8, 7, 4), kernel, bias, (2, 2), activation=activation)
    verify(case, kernel, bias, (2, 2), (1, 1), "SAME", activation)


def test_conv_2d_without_bias() -> None:
    kernel = weights(np.random.default_rng(2), 5, 1, 1, 3)
    case = conv_case((4, 6, 3), kernel, None)
    no_bias = np.zeros(5, np.float32)
    verify(case, kernel, no_bias, (1, 1), (1, 1), "SAME", litert=())  # LiteRT wants a bias


@pytest.mark.parametrize("groups", [2, 3])
def test_grouped_conv_2d(groups: int) -> None:
    rng = np.random.default_rng(3)
    kernel, bias = weights(rng, 2 * groups, 3, 2, 5), weights(rng, 2 * groups)
    case = conv_case((7, 6, 5 * groups), kernel, bias, (2, 1))
    verify(case, kernel, bias, (2, 1), (1, 1), "SAME")


@sampled()
@given(
    HEIGHTS, WIDTHS, KERNELS, KERNELS, STRIDES, DILATIONS, PADDINGS, st.integers(1, 3),
    st.sampled_from((1, 4)), st.sampled_from(sorted(ACTIVATIONS)),
)  # fmt: skip
def test_depthwise_conv_2d(
    h: int, w: int, kh: int, kw: int, stride: int, dilation: int, padding: str,
    multiplier: int, channels: int, activation: str,
) -> None:  # fmt: skip
    if padding == "VALID":
        kh, kw = min(kh, (h - 1) // dilation + 1), min(kw, (w - 1) // dilation + 1)
    rng = np.random.default_rng(4)
    outputs = channels * multiplier
    kernel_1hwo, bias = weights(rng, 1, kh, kw, outputs), weights(rng, outputs)
    model = ModelBuilder()
    x = model.tensor((1, h, w, channels))
    k = model.tensor(kernel_1hwo.shape, data=kernel_1hwo)
    b = model.tensor(bias.shape, data=bias)
    rows, _ = axis_geometry(h, kh, stride, dilation, padding)
    columns, _ = axis_geometry(w, kw, stride, dilation, padding)
    y = model.tensor((1, rows, columns, outputs))
    options = schema.DepthwiseConv2DOptionsT(
        padding=getattr(schema.Padding, padding),
        strideH=stride,
        strideW=stride,
        depthMultiplier=multiplier,
        dilationHFactor=dilation,
        dilationWFactor=dilation,
        fusedActivationFunction=getattr(schema.ActivationFunctionType, activation),
    )
    model.operator("DEPTHWISE_CONV_2D", [x, k, b], [y], options)
    case = build(model, [x], [y])
    # channel c gives the outputs c·M … c·M + M − 1: a convolution in groups of one channel
    kernel_ohwi = kernel_1hwo.transpose(3, 1, 2, 0)
    verify(case, kernel_ohwi, bias, (stride, stride), (dilation, dilation), padding, activation)


def test_even_padding_is_the_convolutions_own() -> None:
    kernel = weights(np.random.default_rng(5), 2, 3, 3, 2)
    even = conv_case((6, 8, 2), kernel, None).module()
    odd = conv_case((6, 8, 2), kernel, None, (2, 2)).module()
    assert [n.name for n in even.graph.nodes if "pad" in n.name] == []
    assert [n.name for n in odd.graph.nodes if "pad" in n.name] == ["pad"]


def test_sign_bit_is_refused() -> None:
    kernel = weights(np.random.default_rng(6), 2, 1, 1, 2)
    with pytest.raises(UnsupportedOperator, match="SIGN_BIT"):
        conv_case((3, 4, 2), kernel, None, activation="SIGN_BIT").module()


def test_channels_that_do_not_fit() -> None:
    kernel = weights(np.random.default_rng(7), 2, 1, 1, 3)
    with pytest.raises(InvalidModel, match=r"operator 0 CONV_2D: a kernel of 2 × 3 channels"):
        conv_case((3, 5, 4), kernel, None).module()


def test_a_shape_that_the_operands_do_not_give() -> None:
    model = ModelBuilder()
    x = model.tensor((1, 5, 5, 2))
    k = model.tensor((3, 1, 1, 2), data=weights(np.random.default_rng(8), 3, 1, 1, 2))
    y = model.tensor((1, 5, 4, 3))
    model.operator("CONV_2D", [x, k, -1], [y], schema.Conv2DOptionsT(strideH=1, strideW=1))
    with pytest.raises(InvalidModel, match=r"give shape \[1, 5, 5, 3\], the file gives \[1, 5, 4"):
        build(model, [x], [y]).module()
