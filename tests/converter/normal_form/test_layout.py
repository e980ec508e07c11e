"""Transposes, reshapes, pads and layers written in another layout."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from support.compare import EPS32, ROUNDINGS, build, constant, weights
from support.normal_forms import check_normal
from support.tflite_builder import ModelBuilder

SHAPE = (1, 4, 5, 3)  # N, H, W, C
FIRST = (0, 3, 1, 2)
LAST = (0, 2, 3, 1)
RNG = np.random.default_rng(7)


def turned(shape: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in order)


class Net:
    """A model under construction that knows its shapes."""

    def __init__(self, shape: tuple[int, ...] = SHAPE) -> None:
        self.model = ModelBuilder()
        self.image = self.model.tensor(shape)

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self.model.graph.tensors[tensor].shape)

    def transpose(self, x: int, order: tuple[int, ...]) -> int:
        y = self.model.tensor(turned(self.shape(x), order))
        self.model.operator("TRANSPOSE", [x, constant(self.model, order)], [y])
        return y

    def op(
        self, name: str, inputs: list[int], shape: tuple[int, ...], options: object | None = None
    ) -> int:
        y = self.model.tensor(shape)
        self.model.operator(name, inputs, [y], options)
        return y

    def weights(self, *shape: int) -> int:
        return self.model.tensor(shape, data=weights(RNG, *shape))


@pytest.mark.parametrize("name", ["RELU", "ABS", "NEG", "TANH", "HARD_SWISH"])
def test_one_value(name: str) -> None:
    net = Net()
    x = net.transpose(net.image, FIRST)
    y = net.transpose(net.op(name, [x], net.shape(x)), LAST)
    check_normal(build(net.model, [net.image], [y]), [name], magnitude=2.0)


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "MAXIMUM"])
@pytest.mark.parametrize(
    "partner", [(1, 3, 1, 1), (3, 1, 1), (3, 4, 5), (1, 1, 1, 1), (5,), (4, 1)]
)
def test_a_constant_is_put_in_order(name: str, partner: tuple[int, ...]) -> None:
    net = Net()
    x = net.transpose(net.image, FIRST)
    y = net.op(name, [x, net.weights(*partner)], net.shape(x))
    case = build(net.model, [net.image], [net.transpose(y, LAST)])
    normal = check_normal(case, [name], magnitude=6.0)
    assert "transpose sunk" in normal.rewrites


def test_prelu_in_channels_first() -> None:
    net = Net()
    x = net.transpose(net.image, FIRST)
    y = net.op("PRELU", [x, net.weights(3, 1, 1)], net.shape(x))
    check_normal(build(net.model, [net.image], [net.transpose(y, LAST)]), ["PRELU"])


def test_two_values_and_one_that_is_not_transposed() -> None:
    net = Net()
    a, b = net.transpose(net.image, FIRST), net.transpose(net.image, FIRST)
    both = net.op("ADD", [a, b], net.shape(a))
    other = net.op("RESHAPE", [net.image, constant(net.model, net.shape(a))], net.shape(a))
    y = net.op("ADD", [both, other], net.shape(a))
    case = build(net.model, [net.image], [y])
    check_normal(case, ["ADD", "TRANSPOSE", "RESHAPE", "ADD"], magnitude=6.0)


@pytest.mark.parametrize("name", ["PAD", "PADV2", "MIRROR_PAD"])
def test_paddings_follow(name: str) -> None:
    net = Net()
    x = net.transpose(net.image, FIRST)
    pairs = [[0, 0], [0, 0], [1, 2], [0, 3]]
    inputs = [x, constant(net.model, pairs)]
    options = None
    if name == "PADV2":
        inputs.append(net.model.tensor((), data=np.float32(1.5)))
    if name == "MIRROR_PAD":
        options = schema.MirrorPadOptionsT(mode=schema.MirrorPadMode.REFLECT)
    y = net.op(name, inputs, (1, 3, 7, 8), options)
    case = build(net.model, [net.image], [net.transpose(y, LAST)])
    check_normal(case, [name])


@pytest.mark.parametrize("axis", [1, -1, 2])
def test_joined_along_the_same_axis(axis: int) -> None:
    net = Net()
    x = net.transpose(net.image, FIRST)
    longer = [d * (2 if i == axis % 4 else 1) for i, d in enumerate(net.shape(x))]
    y = net.op("CONCATENATION", [x, x], tuple(longer), schema.ConcatenationOptionsT(axis=axis))
    check_normal(build(net.model, [net.image], [net.transpose(y, LAST)]), ["CONCATENATION"])


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", [(2, 3), (-1, 2), (1,), (3,)])
@pytest.mark.parametrize("name", ["MEAN", "REDUCE_MAX"])
def test_reduced_along_the_same_axes(name: str, axes: tuple[int, ...], keep: bool) -> None:
    net = Net()
    x = net.transpose(net.image, FIRST)
    gone = {a % 4 for a in axes}
    full = net.shape(x)
    shape = tuple(1 if i in gone else d for i, d in enumerate(full) if keep or i not in gone)
    y = net.op(name, [x, constant(net.model, axes)], shape, schema.ReducerOptionsT(keepDims=keep))
    case = build(net.model, [net.image], [y])
    slack = ROUNDINGS * EPS32 * 2.0  # a mean may add in another order
    normal = check_normal(
        case,
        {
            (False, (1,)): [name],  # H and W are left, in order
            (False, (3,)): [name, "TRANSPOSE"],
            (True, (1,)): [name, "RESHAPE"],
            (True, (3,)): [name, "TRANSPOSE"],
            (False, (2, 3)): [name],
            (False, (-1, 2)): [name],
            (True, (2, 3)): [name, "RESHAPE"],
            (True, (-1, 2)): [name, "RESHAPE"],
        }[keep, axes],
        magnitude=2.0,
        apart=slack if name == "MEAN" else 0.0,
        exact64=1e-15 if name == "MEAN" else 0.0,
    )
    assert normal.rewrites[0] == "transpose sunk"


def test_two_transposes_are_one_or_none() -> None:
    net = Net()
    once = net.transpose(net.image, FIRST)
    a = net.transpose(once, FIRST)
    b = net.op("RELU", [net.transpose(once, LAST)], SHAPE)
    check_normal(build(net.model, [net.image], [a, b]), ["TRANSPOSE", "RELU"])


def test_the_batch_axis_is_not_taken_for_one_of_length_one() -> None:
    net = Net()
    y = net.transpose(net.image, (1, 0, 2, 3))
    check_normal(build(net.model, [net.image], [y]), ["TRANSPOSE"])


def test_reshapes() -> None:
    net = Net()
    a = net.op("RESHAPE", [net.image, constant(net.model, (1, 60))], (1, 60))
    b = net.op("EXPAND_DIMS", [a, constant(net.model, 1)], (1, 1, 60))
    c = net.op("SQUEEZE", [b], (1, 60), schema.SqueezeOptionsT(squeezeDims=[1]))
    d = net.op("RESHAPE", [c, constant(net.model, (1, 6, 10))], (1, 6, 10))
    e = net.op(
        "RELU", [net.op("RESHAPE", [d, constant(net.model, (1, 6, 10))], (1, 6, 10))], (1, 6, 10)
    )
    check_normal(build(net.model, [net.image], [e]), ["RESHAPE", "RELU"])


def test_pads() -> None:
    net = Net()
    nothing = net.op("PAD", [net.image, constant(net.model, np.zeros((4, 2), int))], SHAPE)
    margin = [[0, 0], [1, 0], [0, 2], [0, 0]]
    a = net.op("PAD", [nothing, constant(net.model, margin)], (1, 5, 7, 3))
    zero = net.model.tensor((), data=np.float32(0))
    b = net.op("PADV2", [a, constant(net.model, margin), zero], (1, 6, 9, 3))
    check_normal(build(net.model, [net.image], [b]), ["PAD"])


def test_a_margin_and_new_channels_stay_two_pads() -> None:
    net = Net()
    a = net.op(
        "PAD", [net.image, constant(net.model, [[0, 0], [1, 0], [0, 2], [0, 0]])], (1, 5, 7, 3)
    )
    b = net.op("PAD", [a, constant(net.model, [[0, 0], [0, 0], [0, 0], [0, 4]])], (1, 5, 7, 7))
    check_normal(build(net.model, [net.image], [b]), ["PAD", "PAD"])


def test_grouped_convolution_is_depthwise() -> None:
    net = Net()
    y = net.op(
        "CONV_2D",
        [net.image, net.weights(3, 3, 2, 1), net.weights(3)],
        (1, 2, 3, 3),
        schema.Conv2DOptionsT(strideH=2, strideW=2),
    )
    case = build(net.model, [net.image], [y])
    normal = check_normal(case, ["DEPTHWISE_CONV_2D"], magnitude=40.0)
    (op,) = normal.graph.operators
    kernel = normal.graph.tensors[op.inputs[1]]
    assert kernel.shape == (1, 3, 2, 3) and kernel.provenance is not None
    assert kernel.provenance.folded == ("TRANSPOSE 3 1 2 0",)


@pytest.mark.parametrize(
    ("layer", "zeros"),
    [
        ("CONV_2D", True),  # LiteRT asks for a bias there
        ("TRANSPOSE_CONV", False),
        ("FULLY_CONNECTED", False),
        ("FULLY_CONNECTED", True),
    ],
)
def test_bias_joined(layer: str, zeros: bool) -> None:
    """The sums are of at most 3·2·3 products of weights (below 4) and values (up to 2)."""
    net = Net((1, 60) if layer == "FULLY_CONNECTED" else SHAPE)
    bias = [net.model.tensor((4,), data=np.zeros(4, np.float32))] if zeros else []
    if layer == "CONV_2D":
        inputs = [net.image, net.weights(4, 3, 2, 3), *bias]
        x = net.op(layer, inputs, (1, 4, 5, 4), schema.Conv2DOptionsT(strideH=1, strideW=1))
    elif layer == "TRANSPOSE_CONV":
        size = constant(net.model, (1, 8, 10, 4))
        options = schema.TransposeConvOptionsT(strideH=2, strideW=2)
        x = net.op(layer, [size, net.weights(4, 2, 2, 3), net.image, *bias], (1, 8, 10, 4), options)
    else:
        x = net.op(layer, [net.image, net.weights(4, 60), *bias], (1, 4))
    y = net.op("ADD", [net.weights(4), x], net.shape(x))
    case = build(net.model, [net.image], [y])
    largest = 60 * 4 * 2.0
    check_normal(
        case, [layer], magnitude=largest, apart=EPS32 * largest, exact64=2.0**-52 * largest
    )


def test_kept_dimensions_and_linear_layers() -> None:
    """MEAN keeps its axes; FULLY_CONNECTED reads rank 4, keeps it, or is a convolution."""
    net = Net()
    mean = net.op(
        "MEAN",
        [net.image, constant(net.model, (1, 2))],
        (1, 1, 1, 3),
        schema.ReducerOptionsT(keepDims=True),
    )
    a = net.op("FULLY_CONNECTED", [mean, net.weights(6, 3), net.weights(6)], (1, 6))
    b = net.op(
        "FULLY_CONNECTED",
        [mean, net.weights(2, 3), net.weights(2)],
        (1, 1, 1, 2),
        schema.FullyConnectedOptionsT(keepNumDims=True),
    )
    c = net.op(
        "CONV_2D",
        [mean, net.weights(5, 1, 1, 3), net.weights(5)],
        (1, 1, 1, 5),
        schema.Conv2DOptionsT(strideH=1, strideW=1),
    )
    b, c = (
        net.op("RESHAPE", [x, constant(net.model, (1, n))], (1, n)) for x, n in ((b, 2), (c, 5))
    )
    case = build(net.model, [net.image], [a, b, c])
    largest = 3 * 4 * 2.0
    check_normal(
        case,
        ["MEAN", *["FULLY_CONNECTED"] * 3],
        magnitude=largest,
        apart=ROUNDINGS * EPS32 * largest,
        exact64=1e-15 * largest,
    )


def test_average_pool_of_the_map_is_its_mean() -> None:
    net = Net()
    options = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID, strideH=1, strideW=1, filterHeight=4, filterWidth=5
    )
    pooled = net.op("AVERAGE_POOL_2D", [net.image], (1, 1, 1, 3), options)
    y = net.op("FULLY_CONNECTED", [pooled, net.weights(6, 3), net.weights(6)], (1, 6))
    case = build(net.model, [net.image], [y])
    largest = 3 * 4 * 2.0
    check_normal(
        case,
        ["MEAN", "FULLY_CONNECTED"],
        magnitude=largest,
        apart=ROUNDINGS * EPS32 * largest,
        exact64=1e-15 * largest,
    )


@pytest.mark.parametrize("way", ["columns last", "dropped", "pixels", "sum"])
def test_means_of_the_map(way: str) -> None:
    net = Net()

    def reduced(name: str, x: int, axes: tuple[int, ...], shape: tuple[int, ...]) -> int:
        options = schema.ReducerOptionsT(keepDims=len(shape) == 4)
        return net.op(name, [x, constant(net.model, axes)], shape, options)

    if way == "columns last":
        y = reduced("MEAN", reduced("MEAN", net.image, (1,), (1, 1, 5, 3)), (2,), (1, 1, 1, 3))
    elif way == "dropped":  # the rows are axis 1 of what is left
        y = reduced("MEAN", reduced("MEAN", net.image, (2,), (1, 4, 3)), (1,), (1, 3))
    elif way == "pixels":
        pixels = net.op("RESHAPE", [net.image, constant(net.model, (1, 20, 3))], (1, 20, 3))
        y = reduced("MEAN", pixels, (1,), (1, 3))
    else:
        count = net.model.tensor((), data=np.float32(20))
        y = net.op("DIV", [reduced("SUM", net.image, (1, 2), (1, 3)), count], (1, 3))
    # 20 values of at most 2 are added in another order, then rounded twice at most
    slack = 24 * EPS32 * 2
    case = build(net.model, [net.image], [y])
    check_normal(case, ["MEAN"], magnitude=40.0, apart=slack, exact64=1e-14)


def test_means_of_other_axes_stay() -> None:
    net = Net()

    def mean(x: int, axis: int, shape: tuple[int, ...]) -> int:
        options = schema.ReducerOptionsT(keepDims=False)
        return net.op("MEAN", [x, constant(net.model, (axis,))], shape, options)

    y = mean(mean(net.image, 1, (1, 5, 3)), 2, (1, 5))  # of the rows and of the channels
    case = build(net.model, [net.image], [y])
    check_normal(case, ["MEAN", "MEAN"], magnitude=40.0)


@pytest.mark.parametrize("zero", [0.0, 1.0])
def test_channels_of_zeros(zero: float) -> None:
    net = Net()
    more = net.model.tensor((1, 4, 5, 2), data=np.full((1, 4, 5, 2), zero, np.float32))
    options = schema.ConcatenationOptionsT(axis=3)
    y = net.op("CONCATENATION", [net.image, more], (1, 4, 5, 5), options)
    case = build(net.model, [net.image], [y])
    normal = check_normal(case, ["CONCATENATION" if zero else "PAD"])
    assert ("channels of zeros" in normal.rewrites) == (zero == 0.0)


def test_reshapes_of_one_value_are_one() -> None:
    net = Net()
    flat = [net.op("RESHAPE", [net.image, constant(net.model, (1, 60))], (1, 60)) for _ in "ab"]
    y = net.op("ADD", flat, (1, 60))
    check_normal(build(net.model, [net.image], [y]), ["RESHAPE", "ADD"], magnitude=4.0)


def test_padding_names() -> None:
    """SAME is VALID where it adds nothing after a PAD; a kernel as long as its stride is SAME."""
    net = Net()
    padded = net.op(
        "PAD", [net.image, constant(net.model, [[0, 0], [1, 1], [2, 1], [0, 0]])], (1, 6, 8, 3)
    )
    y = net.op(
        "CONV_2D",
        [padded, net.weights(4, 1, 1, 3), net.weights(4)],
        (1, 6, 8, 4),
        schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideH=1, strideW=1),
    )
    z = net.op(
        "TRANSPOSE_CONV",
        [constant(net.model, (1, 12, 16, 2)), net.weights(2, 2, 2, 4), y],
        (1, 12, 16, 2),
        schema.TransposeConvOptionsT(padding=schema.Padding.VALID, strideH=2, strideW=2),
    )
    case = build(net.model, [net.image], [z])
    normal = check_normal(case, ["PAD", "CONV_2D", "TRANSPOSE_CONV"], magnitude=300.0)
    assert [getattr(op.options, "padding", None) for op in normal.graph.operators] == [
        None,
        "VALID",
        "SAME",
    ]


def test_constants_are_reordered() -> None:
    net = Net()
    stored = net.weights(3, 4, 5)
    kernel = net.transpose(stored, (1, 2, 0))
    flat = net.op("RESHAPE", [kernel, constant(net.model, SHAPE)], SHAPE)
    y = net.op("ADD", [net.image, flat], SHAPE)
    normal = check_normal(build(net.model, [net.image], [y]), ["ADD"], magnitude=6.0)
    origin = normal.graph.tensors[normal.graph.operators[0].inputs[1]].provenance
    assert origin is not None and origin.folded == ("TRANSPOSE 1 2 0", "RESHAPE")


def test_image_of_channels_first() -> None:
    net = Net((1, 3, 4, 5))
    x = net.transpose(net.op("RELU", [net.image], (1, 3, 4, 5)), LAST)
    y = net.op("RESHAPE", [x, constant(net.model, (1, 60))], (1, 60))
    normal = check_normal(build(net.model, [net.image], [y]), ["RELU", "RESHAPE"])
    (image,) = normal.graph.inputs
    assert normal.graph.tensors[image].shape == (1, 4, 5, 3)
