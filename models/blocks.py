"""The two blocks that all generations of the hand models consist of: depthwise and pointwise
convolution with a shortcut around them. All maps are (B, C, H, W).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from blazepalm.models.layers import PaddedConv2d, activation, after
from blazepalm.models.spec import BlockSpec


class Shortcut(nn.Module):
    """The term that a block adds to its own result: its input, halved by max pooling if the block
    halves, with zero channels appended if it widens. Has no weights.
    """

    def __init__(self, kind: str, new_channels: int) -> None:
        super().__init__()
        self.pool = kind == "max_pool"
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        if self.pool:
            x = F.max_pool2d(x, 2, 2)  # (B, C, H/2, W/2)
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
        activated: Tensor = self.activation(y)
        return activated

    def __repr__(self) -> str:
        summary = self._summary(self.depthwise, self.pointwise)
        return f"BlazeBlock({summary}{after(self.activation)})"


class InvertedResidual(_Residual):
    """Expand, depthwise, project (MobileNetV2), plus the shortcut if any. (B, I, H, W) → (B, O,
    H/stride, W/stride)
    """

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__(spec)
        self.expand = None if spec.expand is None else PaddedConv2d(spec.expand)
        self.project = PaddedConv2d(spec.pointwise)
        self.activation = activation(spec.depthwise.activation, spec.depthwise.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else self.activation(self.expand(x))  # (B, E, H, W)
        y = self.activation(self.depthwise(y))  # (B, E, H/stride, W/stride)
        projected: Tensor = self.project(y)  # (B, O, H/stride, W/stride)
        return projected if self.shortcut is None else self.shortcut(x) + projected

    def __repr__(self) -> str:
        summary = self._summary(self.expand or self.depthwise, self.project)
        return f"InvertedResidual({summary}, width {self.depthwise.in_channels})"


def block(spec: BlockSpec) -> nn.Module:
    """The block of a spec: inverted if the depthwise convolution has an activation."""
    inverted = spec.expand is not None or spec.depthwise.activation != "none"
    return InvertedResidual(spec) if inverted else BlazeBlock(spec)
