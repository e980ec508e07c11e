"""Blocks by the kernels against LiteRT's reference kernels, which read the same block as a file."""

from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import nn

from blazepalm.models.blocks import block as block_of
from blazepalm.models.spec import BlockSpec, ConvSpec
from blazepalm.reports.forms.compiled import inverted, lower
from support.kernels import computed, given, need_compiler, new
from support.litert import run_litert
from support.tflite_builder import ModelBuilder

HEIGHT, WIDTH, CHANNELS = 14, 22, 12
FUSED = {"none": 0, "relu": 1, "relu6": 3}


@pytest.fixture(autouse=True)
def _compiler() -> None:
    need_compiler()
    torch.manual_seed(7)


def depthwise(channels: int, kernel: int, stride: int, activation: str = "none") -> ConvSpec:
    """With TFLite's padding SAME, for a map of even height and width."""
    front = (kernel - stride) // 2
    padding = (front, kernel - stride - front) * 2
    return ConvSpec(
        channels, channels, (kernel, kernel), stride, padding, channels, activation=activation
    )


BLOCKS = {
    "identity": BlockSpec(depthwise(12, 5, 1), ConvSpec(12, 12), None, "identity", 0, "prelu"),
    "max pool": BlockSpec(depthwise(12, 3, 2), ConvSpec(12, 30), None, "max_pool", 18, "relu"),
    "inverted": BlockSpec(
        depthwise(40, 3, 1, "relu6"), ConvSpec(40, 12), ConvSpec(12, 40, activation="relu6"),
        "identity",
    ),
    "inverted, halved": BlockSpec(
        depthwise(33, 5, 2, "relu6"), ConvSpec(33, 9), ConvSpec(12, 33, activation="relu6")
    ),
}  # fmt: skip


class File:
    """Writes a block's operators; `shape` is that of the last one's output."""

    def __init__(self) -> None:
        self.model, self.shape = ModelBuilder(), (1, HEIGHT, WIDTH, CHANNELS)
        self.image = self.model.tensor(self.shape)

    def constant(self, values: torch.Tensor) -> int:
        return self.model.tensor(tuple(values.shape), data=values.detach().numpy())

    def made(self, name: str, inputs: list[int], options: object | None = None) -> int:
        y = self.model.tensor(self.shape)
        self.model.operator(name, inputs, [y], options)
        return y

    def conv(self, x: int, layer: Any, spec: ConvSpec) -> int:
        _, height, width, _ = self.shape
        stride, act = spec.stride, FUSED[spec.activation]
        self.shape = (1, height // stride, width // stride, spec.out_channels)
        options = {"padding": 0, "strideH": stride, "strideW": stride}
        if spec.groups == 1:
            kernel = layer.weight.permute(0, 2, 3, 1)  # (O, kh, kw, I)
            inputs = [x, self.constant(kernel), self.constant(layer.bias)]
            return self.made(
                "CONV_2D", inputs, schema.Conv2DOptionsT(**options, fusedActivationFunction=act)
            )
        kernel = layer.weight.permute(1, 2, 3, 0)  # (1, kh, kw, C)
        inputs = [x, self.constant(kernel), self.constant(layer.bias)]
        found = schema.DepthwiseConv2DOptionsT(
            **options, fusedActivationFunction=act, depthMultiplier=1
        )
        return self.made("DEPTHWISE_CONV_2D", inputs, found)

    def shortcut(self, x: int, spec: BlockSpec) -> int:
        before, self.shape = self.shape, (*self.shape[:3], CHANNELS)
        if spec.shortcut == "max_pool":
            options = schema.Pool2DOptionsT(
                padding=0, strideH=2, strideW=2, filterHeight=2, filterWidth=2
            )
            x = self.made("MAX_POOL_2D", [x], options)
        self.shape = before
        if spec.new_channels:
            widths = np.array([[0, 0], [0, 0], [0, 0], [0, spec.new_channels]], np.int32)
            x = self.made("PAD", [x, self.model.tensor((4, 2), "int32", widths)])
        return x

    def block(self, layer: Any, spec: BlockSpec) -> bytes:
        x = self.image
        if spec.expand is not None:
            x = self.conv(x, layer.expand, spec.expand)
        x = self.conv(x, layer.depthwise, spec.depthwise)
        last = "pointwise" if spec.expand is None else "project"
        x = self.conv(x, getattr(layer, last), spec.pointwise)
        if spec.shortcut != "none":
            x = self.made("ADD", [x, self.shortcut(self.image, spec)], schema.AddOptionsT())
        if spec.activation == "relu":
            x = self.made("RELU", [x])
        elif spec.activation == "prelu":
            slopes = layer.activation.weight.reshape(1, 1, -1)
            x = self.made("PRELU", [x, self.constant(slopes)])
        return self.model.build([self.image], [x])


@pytest.mark.parametrize("cached", [1 << 19, 0], ids=["whole", "row by row"])
@pytest.mark.parametrize("name", BLOCKS)
@torch.no_grad()
def test_a_block(name: str, cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within ten of LiteRT's own floors: its largest error, at least half a float32 spacing."""
    monkeypatch.setattr(inverted, "CACHED", cached)
    spec, here = BLOCKS[name], new()
    layer = block_of(spec).eval()
    for part in layer.modules():
        if isinstance(part, nn.PReLU):
            part.weight.uniform_(-1.5, 1.5)
    x, image = given(here, CHANNELS, HEIGHT, WIDTH)
    content = File().block(layer, spec)
    litert = run_litert(content, image.permute(0, 2, 3, 1).contiguous().numpy(), plain=True)
    theirs = litert.get_tensor(litert.get_output_details()[0]["index"]).astype(np.float64)
    found = computed(here, lower.block(here, layer, x), image).permute(0, 2, 3, 1).numpy()
    exact = layer.double()(image.double()).permute(0, 2, 3, 1).numpy()
    floor = max(float(np.abs(theirs - exact).max()), float(np.spacing(np.float32(exact.max()))) / 2)
    assert np.abs(theirs - exact).max() < 1e-5, "LiteRT read another block"
    assert np.abs(found - theirs).max() <= 10 * floor
