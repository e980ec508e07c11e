"""MAX_POOL_2D and AVERAGE_POOL_2D: pixels outside the image never count."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from support.compare import Case, build, check, sampled
from support.tflite_builder import ModelBuilder

HEIGHTS, WIDTHS = st.sampled_from((5, 8, 9)), st.sampled_from((6, 7, 11))


def axis_windows(size: int, kernel: int, stride: int, padding: str) -> list[range]:
    """The positions under each window that are inside the image."""
    if padding == "VALID":
        starts = range(0, size - kernel + 1, stride)
    else:
        length = -(-size // stride)
        front = max(0, (length - 1) * stride + kernel - size) // 2
        starts = range(-front, -front + length * stride, stride)
    return [range(max(0, s), min(size, s + kernel)) for s in starts]


def pool(
    name: str,
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    activation: str = "NONE",
) -> tuple[Case, np.ndarray]:
    """The model, and the expected result for its inputs."""
    h, w, c = shape
    rows = axis_windows(h, kernel[0], stride[0], padding)
    columns = axis_windows(w, kernel[1], stride[1], padding)
    model = ModelBuilder()
    x, y = model.tensor((1, h, w, c)), model.tensor((1, len(rows), len(columns), c))
    options = schema.Pool2DOptionsT(
        padding=getattr(schema.Padding, padding),
        strideH=stride[0],
        strideW=stride[1],
        filterHeight=kernel[0],
        filterWidth=kernel[1],
        fusedActivationFunction=getattr(schema.ActivationFunctionType, activation),
    )
    model.operator(name, [x], [y], options)
    case = build(model, [x], [y])
    image = case.inputs()[0].astype(np.float64)
    reduce = np.max if name == "MAX_POOL_2D" else np.mean
    truth = [
        [reduce(image[:, r.start : r.stop, s.start : s.stop], axis=(1, 2)) for s in columns]
        for r in rows
    ]
    return case, np.array(truth).transpose(2, 0, 1, 3)


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
@sampled(30)
@given(
    h=HEIGHTS, w=WIDTHS, kh=st.integers(1, 5), kw=st.integers(1, 5), sh=st.integers(1, 4),
    sw=st.integers(1, 4), padding=st.sampled_from(("SAME", "VALID")),
)  # fmt: skip
def test_pool_2d(
    name: str, h: int, w: int, kh: int, kw: int, sh: int, sw: int, padding: str
) -> None:
    case, truth = pool(name, (h, w, 3), (kh, kw), (sh, sw), padding)
    magnitude = 0.0 if name == "MAX_POOL_2D" else 4.0
    check(case, truth=[truth], magnitude=magnitude)


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize("activation", ["RELU", "RELU_N1_TO_1", "RELU6"])
def test_fused(name: str, activation: str) -> None:
    case, truth = pool(name, (5, 6, 3), (2, 2), (1, 1), "VALID", activation)
    low, high = {"RELU": (0, np.inf), "RELU_N1_TO_1": (-1, 1), "RELU6": (0, 6)}[activation]
    check(case, truth=[np.clip(truth, low, high)], magnitude=4.0)


def test_a_kernel_as_large_as_the_image() -> None:
    case, truth = pool("AVERAGE_POOL_2D", (5, 6, 3), (5, 6), (5, 6), "VALID")
    check(case, truth=[truth], magnitude=4.0)


def test_one_node_where_padding_is_even_or_strided() -> None:
    for kernel, stride in (((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 3), (1, 1))):
        module = pool("MAX_POOL_2D", (8, 6, 3), kernel, stride, "SAME")[0].module()
        assert sum(node.op == "call_function" for node in module.graph.nodes) == 1
