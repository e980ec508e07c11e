"""Sequences of blocks: the backbone bottom up, the neck top down. All maps are (B, C, H, W)."""

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from blazepalm.models.blocks import block
from blazepalm.models.layers import ConvLayer, TransposedConv2d, activation
from blazepalm.models.spec import BackboneSpec, BlockSpec, StageSpec, TapSpec, UpSpec


def blocks(specs: Sequence[BlockSpec]) -> nn.Sequential:
    """`block0`, `block1`, … in sequence."""
    return nn.Sequential(OrderedDict((f"block{i}", block(s)) for i, s in enumerate(specs)))


def stages(specs: Sequence[StageSpec]) -> OrderedDict[str, nn.Module]:
    """`stage1`, `stage2`, … by name."""
    return OrderedDict((f"stage{i}", blocks(s.blocks)) for i, s in enumerate(specs, start=1))


class Backbone(nn.Module):
    """Stem and stages, bottom up; also returns the maps that the neck taps."""

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


class Up(nn.Module):
    """One step of the top-down neck: upsample the map, add the tapped one, refine."""

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
        refined: Tensor = self.refine(self.activation(self.tap_activation(tap) + x))
        return refined


def named(prefix: str, layers: Sequence[nn.Module]) -> nn.ModuleDict:
    """Layers named `prefix1`, `prefix2`, …"""
    return nn.ModuleDict({f"{prefix}{i}": layer for i, layer in enumerate(layers, start=1)})
