"""The faces that Core ML packages expose: torch modules wrapped around the readable networks.

`raw` adds nothing. `app`, `batch` and `vision` take pixels 0..255, map them to the release's value
range, and decode: the arithmetic of `models.decode`, in fewer operations. What `vision` gives goes
into a suppression (`converter.coreml.vision`). A Core ML *image* input has no batch axis, so
`batch` takes a tensor; several images go into an `app` package as an `MLBatchProvider`, one
prediction each.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from blazepalm.converter.coreml.vision import CLASSES
from blazepalm.models.layers import PaddedConv2d
from blazepalm.models.palm_detector import PalmDetector, PalmHead
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, PalmHeadSpec
from blazepalm.models.trunk import Backbone

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

# What the early blocks of a landmark network may hold of its weights to stay float32 in a float16
# package; see `reports/bench/precision.py` for what each block costs.
EARLY = 0.01


class Face(nn.Module):
    """Pixels → network → decoded outputs, a plain tuple in the order of the ports. `names` are the
    network's output names, None if it returns one tensor.

    The modules in `single` compute in float32 in every package: `float32_parts`, and the decoder,
    where float16 would cost 0.05 pixels of a detector's input.
    """

    def __init__(
        self,
        network: nn.Module,
        names: tuple[str, ...] | None,
        single: Sequence[nn.Module],
        pixels: nn.Module | None = None,
        decode: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.names = names
        self.single = tuple(single)
        self.pixels = pixels
        self.decode = decode

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network(image if self.pixels is None else self.pixels(image))
        if self.names is None:
            values = (outputs,)
        else:
            values = tuple(getattr(outputs, name) for name in self.names)
        return values if self.decode is None else tuple(self.decode(*values))


class FromPixels(nn.Module):
    """0..255 → the value range. The shift comes first, where it is exact in float16."""

    def __init__(self, value_range: tuple[float, float]) -> None:
        super().__init__()
        low, high = value_range
        self.scale = (high - low) / 255
        self.shift = low / self.scale

    def forward(self, pixels: Tensor) -> Tensor:
        if self.shift:
            pixels = pixels + self.shift
        return pixels * self.scale


class JoinedHead(nn.Module):
    """Boxes and scores of every anchor of one map, in one convolution that has the channels of
    both, grouped by anchor. (B, C, H, W) → (H·W·A, coordinates + 1), for B = 1
    """

    def __init__(self, head: PalmHead, spec: PalmHeadSpec) -> None:
        super().__init__()
        anchors, self.values = spec.anchors_per_cell, head.coordinates + 1
        self.conv = PaddedConv2d(replace(spec.boxes, out_channels=anchors * self.values))
        for name, joined in self.conv.named_parameters():
            both = (layer.get_parameter(name) for layer in (head.boxes, head.scores))
            parts = [part.detach().unflatten(0, (anchors, -1)) for part in both]
            joined.data = torch.cat(parts, dim=1).flatten(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x).permute(0, 2, 3, 1)  # (1, H, W, A·19)
        return y.reshape(-1, self.values)  # (H·W·A, 19)


class PairedHead(nn.Module):
    """Like `JoinedHead`, for two convolutions that differ in kernel or padding."""

    def __init__(self, head: PalmHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        boxes, scores = self.head(x)
        return torch.cat((boxes[0], scores[0]), dim=1)  # (H·W·A, 19)


def head_rows(head: PalmHead, spec: PalmHeadSpec) -> nn.Module:
    shapes = [replace(conv, out_channels=0) for conv in (spec.boxes, spec.scores)]
    return JoinedHead(head, spec) if shapes[0] == shapes[1] else PairedHead(head)


class JoinedPalmDetector(nn.Module):
    """`PalmDetector` with joined heads: half the operations after the neck. (1, 3, H, W) → (N,
    coordinates + 1), the logit last
    """

    def __init__(self, network: PalmDetector) -> None:
        super().__init__()
        self.network = network
        self.heads = nn.ModuleDict()
        for (name, head), spec in zip(network.heads.items(), network.spec.heads, strict=True):
            assert isinstance(head, PalmHead)
            self.heads[name] = head_rows(head, spec)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.network.maps(images)
        found = [head(x) for head, x in zip(self.heads.values(), maps, strict=True)]
        return torch.cat(found)  # (N, 19)


class DecodePalms(nn.Module):
    """`models.decode` for one image: divides each value of an anchor by the input size and, except
    for width, height and logit, adds the anchor's centre. The logit is not clipped to ±100, where
    MIL's sigmoid is 0 and 1 to 1e-43.
    """

    divisor: Tensor
    offset: Tensor

    def __init__(self, spec: PalmDetectorSpec, anchors: Tensor) -> None:
        super().__init__()
        height, width = spec.input_size
        self.points = (-1, spec.keypoints, 2)
        self.parts = [2, 2, spec.coordinates - 4, 1]
        pairs = spec.coordinates // 2
        size = torch.tensor((float(width), float(height))) / anchors[:, 2:]  # (N, 2)
        divisor, offset = size.repeat(1, pairs), anchors[:, :2].repeat(1, pairs)  # (N, 18)
        divisor[:, 2:4] *= 2  # half the width and height, on both sides of the centre
        offset[:, 2:4] = 0
        logit = torch.ones(len(anchors), 1)
        divisor, offset = torch.cat((divisor, logit), 1), torch.cat((offset, 0 * logit), 1)
        if bool((divisor == divisor[:1]).all()):
            divisor = divisor[:1]  # (1, 19)
        self.register_buffer("divisor", divisor, persistent=False)
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 5 + 2K) → corners (N, 4), keypoints (N, K, 2), scores (N,)."""
        placed = rows / self.divisor + self.offset  # (N, 19)
        centre, half, keypoints, logits = placed.split(self.parts, dim=1)
        boxes = torch.cat((centre - half, centre + half), dim=1)  # (N, 4)
        return boxes, keypoints.reshape(self.points), logits.reshape(-1).sigmoid()


class LayOutForVision(nn.Module):
    """Decoded palms → what Core ML's suppression reads (`converter.coreml.vision`): a box's centre
    and size, and its confidence in each of several classes, of which only the first is a palm.
    """

    palm: Tensor

    def __init__(self, decode: DecodePalms, classes: int) -> None:
        super().__init__()
        self.decode = decode
        self.register_buffer("palm", torch.eye(1, classes), persistent=False)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 5 + 2K) → confidences (N, classes), boxes (N, 4): x, y, width, height."""
        boxes, _, scores = self.decode(rows)
        low, high = boxes.split(2, dim=1)  # (N, 2)
        coordinates = torch.cat(((low + high) * 0.5, high - low), dim=1)  # (N, 4)
        return scores.reshape(-1, 1) * self.palm, coordinates


class DecodeLandmarks(nn.Module):
    """Pixels of the input → normalised points, one row per point."""

    divisor: Tensor

    def __init__(self, spec: HandLandmarksSpec, single: bool) -> None:
        super().__init__()
        height, width = spec.input_size
        divisor = torch.tensor((float(width), float(height), width * spec.z_scale))
        self.register_buffer("divisor", divisor, persistent=False)
        self.names = tuple(output.name for output in spec.outputs)
        self.points = (spec.landmarks, 3) if single else (-1, spec.landmarks, 3)

    def forward(self, *outputs: Tensor) -> tuple[Tensor, ...]:
        """(B, 63) → (B, 21, 3), (B, 1) → (B,); without the batch axis for a single crop."""
        values = []
        for name, value in zip(self.names, outputs, strict=True):
            points = name in ("landmarks", "world_landmarks")
            value = value.reshape(self.points if points else (-1,))
            values.append(value / self.divisor if name == "landmarks" else value)
        return tuple(values)


def face_module(model: "Converted", face: str) -> nn.Module:
    """The module behind `ports.face_ports(model, face)`: takes its inputs, returns a tuple."""
    if model.recognition is None:
        return model.generic
    spec, network = model.recognition.spec, model.module
    chosen = None if model.release is None else model.release.float32_modules
    single = float32_parts(network, chosen)
    if face == "raw":
        return Face(network, model.outputs, single).eval()
    pixels = FromPixels(spec.value_range)
    if network.get_submodule("backbone.stem") in single:
        single.append(pixels)
    if isinstance(network, PalmDetector):
        decode = DecodePalms(network.spec, network.anchors)
        palms = LayOutForVision(decode, CLASSES) if face == "vision" else decode
        joined = JoinedPalmDetector(network)
        if network.heads in single:
            single.append(joined.heads)
        return Face(joined, None, (*single, palms), pixels, palms).eval()
    assert isinstance(spec, HandLandmarksSpec)
    landmarks = DecodeLandmarks(spec, single=face == "app")
    return Face(network, model.outputs, (*single, landmarks), pixels, landmarks).eval()


def float32_parts(network: nn.Module, chosen: Sequence[str] | None = None) -> list[nn.Module]:
    """The modules that float16 would harm: those `chosen` for a known release by measurement
    (`models/releases.toml`), else by a rule.

    In a landmark network the rule is the small heads, which then need one cast before them instead
    of one after each output, and the first blocks, up to `EARLY` of the weights: there a rounding
    costs most, and float32 adds least. If the file does not store the weights as float16, the
    network was not made for it and more of it is harmed: in a detector the neck, where values
    overflow, and everything after its first map; in a landmark network the backbone except its last
    stage, where rounding the weights alone moves landmarks by up to 2.7 pixels.
    """
    if chosen is not None:
        return [network.get_submodule(path) for path in chosen]
    made_for_it = all(_is_half(weight.detach()) for weight in network.parameters())
    backbone = network.get_submodule("backbone")
    assert isinstance(backbone, Backbone)
    stages = list(backbone.children())  # the stem is the first
    if isinstance(network, PalmDetector):
        tapped = 2 + min(stage for stage, _ in backbone.taps)
        return [] if made_for_it else [*stages[tapped:], network.neck, network.heads]
    heads = network.get_submodule("heads")
    return [*early_blocks(network), heads] if made_for_it else [*stages[:-1], heads]


def early_blocks(network: nn.Module) -> list[nn.Module]:
    """The stem and the first blocks of a backbone, up to `EARLY` of the network's weights."""
    stem, *stages = network.get_submodule("backbone").children()
    left = EARLY * _numbers(network)
    found = []
    for block in (stem, *(block for stage in stages for block in stage.children())):
        left -= _numbers(block)
        if left < 0:
            break
        found.append(block)
    return found


def _numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _is_half(weight: Tensor) -> bool:
    return torch.equal(weight, weight.half().to(weight.dtype))
