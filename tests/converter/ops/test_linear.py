"""FULLY_CONNECTED on inputs of every rank."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel
from support.compare import Case, build, check, sampled, weights
from support.tflite_builder import ModelBuilder

SHAPES = st.sampled_from(
    [(1, 12), (1, 3, 4), (1, 1, 1, 12), (1, 2, 3, 2), (1, 1, 12, 1), (1, 3, 1, 4), (1, 2, 3, 1, 2)]
)


def fully_connected(
    shape: tuple[int, ...],
    kernel: np.ndarray,
    bias: np.ndarray | None,
    *,
    keep: bool = False,
    activation: str = "NONE",
    front: bool = False,
) -> Case:
    """`front` prepends a 1×1 depthwise convolution of ones, so that the input was computed
    channels-first.
    """
    model = ModelBuilder()
    x = h = model.tensor(shape)
    if front:
        ones = model.tensor((1, 1, 1, shape[3]), data=np.ones((1, 1, 1, shape[3])))
        zeros = model.tensor((shape[3],), data=np.zeros(shape[3]))  # LiteRT wants a bias
        h = model.tensor(shape)
        options = schema.DepthwiseConv2DOptionsT(strideH=1, strideW=1, depthMultiplier=1)
        model.operator("DEPTHWISE_CONV_2D", [x, ones, zeros], [h], options)
    k = model.tensor(kernel.shape, data=kernel)
    b = -1 if bias is None else model.tensor(bias.shape, data=bias)
    outputs, inputs = kernel.shape
    rows = int(np.prod(shape)) // inputs
    y = model.tensor((*shape[:-1], outputs) if keep else (rows, outputs))
    options = schema.FullyConnectedOptionsT(
        keepNumDims=keep,
        fusedActivationFunction=getattr(schema.ActivationFunctionType, activation),
    )
    model.operator("FULLY_CONNECTED", [h, k, b], [y], options, version=5)
    return build(model, [x], [y])


def verify(case: Case, kernel: np.ndarray, bias: np.ndarray, fixed: str | None = None) -> None:
    x = case.inputs()[0].astype(np.float64).reshape(-1, kernel.shape[1])
    truth = x @ kernel.astype(np.float64).T + bias
    magnitude = np.abs(x) @ np.abs(kernel.astype(np.float64)).T + np.abs(bias)
    check(case, truth=[truth], magnitude=[magnitude], batch_fixed=fixed)


@sampled()
@given(SHAPES, st.booleans())
def test_fully_connected(shape: tuple[int, ...], biased: bool) -> None:
    rng = np.random.default_rng(0)
    kernel, bias = weights(rng, 5, 12), weights(rng, 5)
    case = fully_connected(shape, kernel, bias if biased else None)
    verify(case, kernel, bias if biased else np.zeros(5))


def test_order_of_a_feature_map() -> None:
    """H, W, C order, though the map is held as C, H, W."""
    rng = np.random.default_rng(1)
    kernel, bias = weights(rng, 3, 2 * 5 * 4), weights(rng, 3)
    verify(fully_connected((1, 2, 5, 4), kernel, bias, front=True), kernel, bias)


def test_keep_num_dims() -> None:
    rng = np.random.default_rng(2)
    kernel, bias = weights(rng, 3, 4), weights(rng, 3)
    case = fully_connected((1, 2, 5, 4), kernel, bias, keep=True, front=True)
    check(case, magnitude=60.0)


@pytest.mark.parametrize("activation", ["RELU", "RELU_N1_TO_1", "RELU6"])
def test_fused(activation: str) -> None:
    rng = np.random.default_rng(3)
    kernel, bias = weights(rng, 7, 12), weights(rng, 7)
    check(fully_connected((1, 12), kernel, bias, activation=activation), magnitude=60.0)


def test_rows_that_are_no_images() -> None:
    """One image becomes four rows of three, so another batch would have another number of rows."""
    kernel = weights(np.random.default_rng(4), 2, 3)
    verify(fully_connected((1, 2, 6), kernel, None), kernel, np.zeros(2), fixed="into 4 rows of 3")


def test_a_kernel_that_does_not_fit() -> None:
    kernel = weights(np.random.default_rng(5), 2, 5)
    with pytest.raises(InvalidModel, match=r"2 × 5 does not fit an input of \[1, 12\]"):
        fully_connected((1, 12), kernel, None).module()
