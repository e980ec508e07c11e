"""The layers that every generation of the hand models is built of.

All maps are (B, C, H, W). TFLite's SAME padding of a strided convolution is asymmetric
(the odd pixel goes below and to the right); torch's own padding is not, so the margin is
added by hand where the two sides differ.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blazepalm.models.spec import BackboneSpec, BlockSpec, ConvSpec, StageSpec, TapSpec, UpSpec


def activation(name: str, channels: int) -> nn.Module:
    """The layer of an activation's name in a spec."""
    layers = {
        "none": nn.Identity,
        "relu": nn.ReLU,
        "relu6": nn.ReLU6,
        "prelu": lambda: nn.PReLU(channels),
    }
    return layers[name]()


class PaddedConv2d(nn.Conv2d):
    """A convolution with a margin of its own on each side. (B, I, H, W) → (B, O, H', W')"""

    def __init__(self, spec: ConvSpec) -> None:
        top, bottom, left, right = spec.padding
        own = top == bottom and left == right and not spec.explicit_pad
        super().__init__(
            spec.in_channels,
            spec.out_channels,
            spec.kernel,
            stride=spec.stride,
            padding=(top, left) if own else 0,
            groups=spec.groups,
            bias=spec.bias,
        )
        self.margin = None if own else (left, right, top, bottom)

    def forward(self, x: Tensor) -> Tensor:
        if self.margin is not None:
            x = F.pad(x, self.margin)
        return super().forward(x)

    def __repr__(self) -> str:
        return f"PaddedConv2d({describe(self)})"


def describe(conv: nn.Conv2d | nn.ConvTranspose2d) -> str:
    """A convolution in a few words: `24 → 48, 5×5 depthwise, stride 2`."""
    kernel = "×".join(str(k) for k in conv.kernel_size)
    words = [f"{conv.in_channels} → {conv.out_channels}", kernel]
    if conv.groups > 1:
        words[-1] += " depthwise"
    if conv.stride[0] > 1:
        words.append(f"stride {conv.stride[0]}")
    return ", ".join(words)


class ConvLayer(nn.Module):
    """A convolution, then its activation. (B, I, H, W) → (B, O, H', W')"""

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__()
        self.conv = PaddedConv2d(spec)
        self.activation = activation(spec.activation, spec.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.conv(x))
        return y

    def __repr__(self) -> str:
        return f"ConvLayer({describe(self.conv)}{after(self.activation)})"


def after(layer: nn.Module) -> str:
    """`, PReLU` for an activation, nothing for none."""
    return "" if isinstance(layer, nn.Identity) else f", {type(layer).__name__}"


class Shortcut(nn.Module):
    """What a block adds to its own result: its input, halved by max pooling where the block
    halves, with zero channels appended where it widens. Holds no weights.
    """

    def __init__(self, kind: str, new_channels: int) -> None:
        super().__init__()
        self.pool = kind == "max_pool"
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        if self.pool:
            x = F.max_pool2d(x, 2)  # (B, C, H/2, W/2)
        if self.new_channels:
            x = F.pad(x, (0, 0, 0, 0, 0, self.new_channels))  # (B, C + new, H/2, W/2)
        return x


class _Residual(nn.Module):
    """The shared end of both blocks: shortcut, addition, activation."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self.depthwise = PaddedConv2d(spec.depthwise)
        self.shortcut = (
            None if spec.shortcut == "none" else Shortcut(spec.shortcut, spec.new_channels)
        )

    def _summary(self, first: nn.Conv2d, last: nn.Conv2d) -> str:
        stride = max(self.depthwise.stride[0], last.stride[0])
        words = [
            f"{first.in_channels} → {last.out_channels}",
            "×".join(str(k) for k in self.depthwise.kernel_size),
        ]
        if stride > 1:
            words.append(f"stride {stride}")
        if self.shortcut is None:
            words.append("no shortcut")
        return ", ".join(words)


class BlazeBlock(_Residual):
    """Depthwise 5×5, pointwise, plus the shortcut, then the activation.
    (B, I, H, W) → (B, O, H/stride, W/stride)
    """

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__(spec)
        self.pointwise = PaddedConv2d(spec.pointwise)
        self.activation = activation(spec.activation, spec.pointwise.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pointwise(self.depthwise(x))  # (B, O, H/stride, W/stride)
        if self.shortcut is not None:
            y = self.shortcut(x) + y
        y = self.activation(y)
        return y

    def __repr__(self) -> str:
        summary = self._summary(self.depthwise, self.pointwise)
        return f"BlazeBlock({summary}{after(self.activation)})"


class InvertedResidual(_Residual):
    """Expand, depthwise, project (MobileNetV2), plus the shortcut where there is one.
    (B, I, H, W) → (B, O, H/stride, W/stride)
    """

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__(spec)
        self.expand = None if spec.expand is None else PaddedConv2d(spec.expand)
        self.project = PaddedConv2d(spec.pointwise)
        self.activation = activation(spec.depthwise.activation, spec.depthwise.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else self.activation(self.expand(x))  # (B, E, H, W)
        y = self.activation(self.depthwise(y))  # (B, E, H/stride, W/stride)
        y = self.project(y)  # (B, O, H/stride, W/stride)
        if self.shortcut is not None:
            y = self.shortcut(x) + y
        return y

    def __repr__(self) -> str:
        summary = self._summary(self.expand or self.depthwise, self.project)
        return f"InvertedResidual({summary}, width {self.depthwise.in_channels})"


def block(spec: BlockSpec) -> nn.Module:
    """The block of a spec: inverted where the depthwise convolution is activated."""
    inverted = spec.expand is not None or spec.depthwise.activation != "none"
    return InvertedResidual(spec) if inverted else BlazeBlock(spec)


def blocks(specs: Sequence[BlockSpec]) -> nn.Sequential:
    """`block0`, `block1`, … in a row."""
    return nn.Sequential(OrderedDict((f"block{i}", block(s)) for i, s in enumerate(specs)))


def stages(specs: Sequence[StageSpec]) -> OrderedDict[str, nn.Module]:
    """`stage1`, `stage2`, … by name."""
    return OrderedDict((f"stage{i}", blocks(s.blocks)) for i, s in enumerate(specs, start=1))


class Backbone(nn.Module):
    """Stem and stages, bottom up; hands out the maps that the neck taps on the way."""

    def __init__(self, spec: BackboneSpec, taps: Sequence[TapSpec] = ()) -> None:
        super().__init__()
        self.stem = ConvLayer(spec.stem)
        for name, stage in stages(spec.stages).items():
            self.add_module(name, stage)
        self.taps = tuple((tap.stage, tap.block) for tap in taps)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, H, W) → the last map, and the tapped ones in the order of `taps`."""
        x = self.stem(image)  # (B, C, H/2, W/2)
        tapped = {(-1, 0): x}
        for i, (name, stage) in enumerate(self.named_children()):
            if name == "stem":
                continue
            for j, layer in enumerate(stage.children()):
                x = layer(x)  # the first block of a stage may halve H and W
                tapped[i - 1, j] = x
        return x, [tapped[tap] for tap in self.taps]


class TransposedConv2d(nn.ConvTranspose2d):
    """TFLite's SAME transposed convolution: exactly `stride` times larger, what juts out
    is cut, the odd pixel below and to the right. (B, I, H, W) → (B, O, s·H, s·W)
    """

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__(
            spec.in_channels, spec.out_channels, spec.kernel, stride=spec.stride, bias=spec.bias
        )
        self.cut = spec.padding

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        y = super().forward(x, output_size)
        top, bottom, left, right = self.cut
        return y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]

    def __repr__(self) -> str:
        return f"TransposedConv2d({describe(self)})"


class Up(nn.Module):
    """One step of the top-down neck: enlarge the map, add the tapped one, refine."""

    def __init__(self, spec: UpSpec) -> None:
        super().__init__()
        self.size = spec.size
        self.reduce = None if spec.reduce is None else ConvLayer(spec.reduce)
        self.transposed = None if spec.transposed is None else TransposedConv2d(spec.transposed)
        self.transposed_activation = (
            None
            if spec.transposed is None
            else activation(spec.transposed.activation, spec.transposed.out_channels)
        )
        self.project = None if spec.project is None else ConvLayer(spec.project)
        self.tap_activation = activation(spec.tap.activation, 0)
        self.activation = activation(spec.activation, 0)
        self.refine = blocks(spec.blocks)

    def forward(self, x: Tensor, tap: Tensor) -> Tensor:
        """(B, I, h, w) and the tapped (B, C, H, W) → (B, C, H, W)"""
        if self.reduce is not None:
            x = self.reduce(x)  # (B, C, h, w)
        if self.transposed is not None and self.transposed_activation is not None:
            x = self.transposed_activation(self.transposed(x))  # (B, C, H, W)
        else:
            x = F.interpolate(x, self.size, mode="bilinear", align_corners=False)  # (B, ·, H, W)
        if self.project is not None:
            x = self.project(x)  # (B, C, H, W)
        x = self.refine(self.activation(self.tap_activation(tap) + x))
        return x


def named(prefix: str, layers: Sequence[nn.Module]) -> nn.ModuleDict:
    """Layers under `prefix1`, `prefix2`, …"""
    return nn.ModuleDict({f"{prefix}{i}": layer for i, layer in enumerate(layers, start=1)})


def image_batch(images: Tensor, channels: int, size: tuple[int, int]) -> Tensor:
    """Checks a batch for `forward`: (B, channels, H, W), floating point, of the model's size."""
    expected = (channels, *size)
    if images.dim() != 4 or tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"expected a batch of shape (B, {', '.join(map(str, expected))}), got {tuple(images.shape)}"
        )
    if not torch.is_floating_point(images):
        raise ValueError(f"expected floating-point images in the model's range, got {images.dtype}")
    return images
