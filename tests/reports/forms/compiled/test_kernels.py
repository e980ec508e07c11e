"""Each kernel against float64: every size, stride and padding, channels that fill no vector."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blazepalm.models.blocks import block as block_of
from blazepalm.models.layers import PaddedConv2d, TransposedConv2d, activation
from blazepalm.models.spec import BlockSpec, ConvSpec
from blazepalm.reports.forms.compiled import inverted, lower
from blazepalm.reports.forms.compiled.finish import Finish
from blazepalm.reports.forms.compiled.kernel import Kernel, kernel_of
from blazepalm.reports.forms.compiled.steps import Place
from support.kernels import computed, given, need_compiler, new

U = 2.0**-24  # a rounding in float32


@pytest.fixture(autouse=True)
def _compiler() -> Iterator[None]:
    need_compiler()
    torch.manual_seed(7)
    with torch.no_grad():
        yield


def close(found: Tensor, exact: Tensor, bound: Tensor | float) -> None:
    assert found.shape == exact.shape
    assert ((found - exact).abs() <= bound).all(), f"{((found - exact).abs() / bound).max()} bounds"


def sloped(name: str, channels: int) -> nn.Module:
    layer = activation(name, channels)
    for slopes in layer.parameters():
        slopes.uniform_(-1.5, 1.5)
    return layer


SAME, HALF, NO = (1, 1, 1, 1), (0, 1, 0, 1), (0, 0, 0, 0)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(
    ("spec", "height", "width"),
    [
        (ConvSpec(3, 8, (3, 3), 2, HALF, activation="prelu"), 17, 14),
        (ConvSpec(5, 24, activation="relu6"), 7, 7),
        (ConvSpec(9, 3, bias=False, activation="relu"), 31, 29),
        (ConvSpec(16, 40, (5, 3), 1, (2, 2, 1, 1), activation="maximum"), 6, 11),
        (ConvSpec(20, 36, stride=2), 9, 5),
        (ConvSpec(130, 17, (3, 3), 1, SAME, activation="prelu"), 3, 3),
        (ConvSpec(7, 1, (7, 7), 1, NO), 7, 7),
        (ConvSpec(12, 12, (5, 5), 1, (2, 2, 2, 2), groups=12, activation="prelu"), 13, 23),
        (ConvSpec(12, 12, (3, 3), 2, HALF, groups=12, activation="relu6"), 10, 14),
        (ConvSpec(19, 19, (5, 5), 2, (1, 2, 1, 2), groups=19), 12, 30),
        (ConvSpec(9, 9, (2, 4), 3, NO, groups=9, activation="maximum"), 11, 16),
        (ConvSpec(8, 8, (7, 7), 1, (3, 3, 3, 3), groups=8), 9, 4),
        (ConvSpec(12, 24, (3, 3), 1, SAME, groups=3, explicit_pad=True), 5, 9),
    ],
    ids=lambda value: str(getattr(value, "kernel", value)),
)
def test_a_convolution(spec: ConvSpec, height: int, width: int, parts: int) -> None:
    """A sum of K products has an error of at most K + 1 roundings of the sum of their sizes; an
    activation multiplies it by at most 1.5, and rounds once.
    """
    conv, layer = PaddedConv2d(spec), sloped(spec.activation, spec.out_channels)
    here = new(parts)
    x, image = given(here, spec.in_channels, height, width)
    made = here.conv(x, kernel_of(conv), Finish(layer))
    found = computed(here, made, image, parts)
    exact = conv.double()(image.double())
    terms = spec.in_channels // spec.groups * spec.kernel[0] * spec.kernel[1]
    for weights in conv.parameters():
        weights.abs_()
    sizes = conv(image.double().abs())
    close(found, layer.double()(exact), 1.5 * (terms + 3) * U * sizes)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(("stride", "kernel", "cut"), [(2, 3, HALF), (2, 2, NO), (3, 2, NO)])
def test_a_transposed_convolution(
    stride: int, kernel: int, cut: tuple[int, int, int, int], parts: int
) -> None:
    """With a shortcut; each output is a sum of at most `kernel`² · channels products."""
    spec = ConvSpec(6, 11, (kernel, kernel), stride, cut)
    layer, slopes, here = TransposedConv2d(spec), sloped("prelu", 11), new(parts)
    x, image = given(here, 6, 5, 7)
    exact = layer.double()(image.double())
    layer.float()
    tap = here.resize(here.conv(x, Kernel(np.ones((11, 6, 1, 1), "f4"), np.ones(11, "f4"))),
                      exact.shape[2:])  # fmt: skip
    added = F.interpolate(image.double().sum(1, keepdim=True) + 1, exact.shape[2:], mode="bilinear")
    made = here.transposed(x, layer, Finish(slopes, Place(tap), after=nn.ReLU()))
    found = computed(here, made, image, parts)
    sizes = 1 + image.abs().sum() * max(1.0, float(layer.weight.abs().max()))
    close(found, (slopes.double()(exact) + added).relu(), float((kernel**2 * 6 + 12) * U * sizes))


@pytest.mark.parametrize(("size", "to"), [((5, 7), (10, 14)), ((3, 4), (7, 5)), ((1, 1), (2, 3))])
def test_resizing(size: tuple[int, int], to: tuple[int, int]) -> None:
    """Eight roundings: of the two weights (which may be off by the coordinate's own spacing), of
    the products and sums.
    """
    here = new()
    x, image = given(here, 10, *size)
    found = computed(here, here.resize(x, to), image)
    exact = F.interpolate(image.double(), to, mode="bilinear", align_corners=False)
    close(found, exact, (8 + 2 * max(to)) * U * image.abs().max())


def test_a_mean() -> None:
    """A sum of 35 values, and a division."""
    here = new()
    x, image = given(here, 10, 5, 7)
    found = computed(here, here.mean(x), image)
    close(found, image.double().mean((2, 3), keepdim=True), 36 * U * image.abs().max())


def half(channels: int, kernel: int) -> ConvSpec:
    front = (kernel - 2) // 2
    margin = (front, kernel - 2 - front, front, kernel - 2 - front)
    return ConvSpec(channels, channels, (kernel, kernel), 2, margin, channels)


def same(channels: int, kernel: int, activation: str = "none") -> ConvSpec:
    around = (kernel // 2,) * 4
    return ConvSpec(channels, channels, (kernel, kernel), 1, around, channels, True, activation)


BLOCKS = {
    "identity": BlockSpec(same(12, 5), ConvSpec(12, 12), None, "identity", 0, "prelu"),
    "max pool": BlockSpec(half(12, 5), ConvSpec(12, 30), None, "max_pool", 18, "prelu"),
    "no shortcut": BlockSpec(half(12, 3), ConvSpec(12, 20), activation="relu"),
    "inverted": BlockSpec(
        same(33, 3, "relu6"), ConvSpec(33, 12), ConvSpec(12, 33, activation="relu6"), "identity"
    ),
    "inverted, narrower": BlockSpec(
        same(40, 5, "relu6"), ConvSpec(40, 9), ConvSpec(12, 40, activation="relu6")
    ),
    "inverted, the same size": BlockSpec(
        same(24, 5, "relu6"), ConvSpec(24, 12), ConvSpec(12, 24, activation="relu6")
    ),
    "wide kernel": BlockSpec(
        same(12, 3), ConvSpec(12, 12, (3, 3), padding=SAME), None, "identity", 0, "prelu"
    ),
}


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("cached", [1 << 19, 0], ids=["whole", "row by row"])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block(name: str, cached: int, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within ten floors, as every form: float32's own error, at least half a spacing."""
    monkeypatch.setattr(inverted, "CACHED", cached)
    layer, here = block_of(BLOCKS[name]).eval(), new(parts)
    x, image = given(here, 12, 14, 22)
    x = lower.block(here, layer, x)
    found = computed(here, x, image, parts)
    exact = layer.double()(image.double())
    plain = layer.float()(image).double()
    floor = max(float((plain - exact).abs().max()), float(exact.abs().max()) * U)
    close(found, exact, 10 * floor)
