"""The networks as Core ML shows them: torch modules round the readable ones.

`raw` adds nothing. `app` and `batch` take pixels 0..255, bring them to the release's value
range, and decode: the arithmetic of `models.decode`, in fewer operations. A Core ML *image*
input has no batch axis, so `batch` takes a tensor, and several images go into an `app`
package as an `MLBatchProvider`, one prediction each.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from blazepalm.models.decode import SCORE_CLIP
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec

if TYPE_CHECKING:
    from blazepalm.converter.convert import Converted


class Raw(nn.Module):
    """The network's outputs as a plain tuple, in the file's order."""

    def __init__(self, network: nn.Module, names: tuple[str, ...] | None) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network(*inputs)
        if self.names is None:
            return tuple(outputs)
        return tuple(getattr(outputs, name) for name in self.names)


class FromPixels(nn.Module):
    """0..255 → the value range. The shift comes first: there it is exact in float16."""

    def __init__(self, value_range: tuple[float, float]) -> None:
        super().__init__()
        low, high = value_range
        self.scale = (high - low) / 255
        self.shift = low / self.scale

    def forward(self, pixels: Tensor) -> Tensor:
        if self.shift:
            pixels = pixels + self.shift
        return pixels * self.scale


class DecodePalms(nn.Module):
    """`models.decode` for one image: each pair of numbers of an anchor is divided by the
    input size and, but for width and height, moved to the anchor's centre.
    """

    divisor: Tensor
    offset: Tensor

    def __init__(self, spec: PalmDetectorSpec, anchors: Tensor) -> None:
        super().__init__()
        height, width = spec.input_size
        self.pairs = spec.coordinates // 2
        divisor = torch.tensor((float(width), float(height))) / anchors[:, None, 2:]  # (N, 1, 2)
        if bool((divisor == divisor[:1]).all()):
            divisor = divisor[:1]  # (1, 1, 2)
        offset = anchors[:, None, :2].repeat(1, self.pairs, 1)  # (N, 2 + K, 2)
        offset[:, 1] = 0  # width and height
        self.register_buffer("divisor", divisor, persistent=False)
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, raw: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(1, N, 4 + 2K) and (1, N, 1) → corners (N, 4), keypoints (N, K, 2), scores (N,)."""
        points = raw.reshape(-1, self.pairs, 2) / self.divisor + self.offset  # (N, 2 + K, 2)
        centre, half = points[:, 0], points[:, 1] * 0.5  # (N, 2)
        boxes = torch.cat((centre - half, centre + half), dim=1)  # (N, 4)
        scores = logits.reshape(-1).clamp(-SCORE_CLIP, SCORE_CLIP).sigmoid()  # (N,)
        return boxes, points[:, 2:], scores


class DecodeLandmarks(nn.Module):
    """Pixels of the input → normalised points, one row a point."""

    divisor: Tensor

    def __init__(self, spec: HandLandmarksSpec, single: bool) -> None:
        super().__init__()
        height, width = spec.input_size
        divisor = torch.tensor((float(width), float(height), width * spec.z_scale))
        self.register_buffer("divisor", divisor, persistent=False)
        self.names = tuple(output.name for output in spec.outputs)
        self.points = (spec.landmarks, 3) if single else (-1, spec.landmarks, 3)

    def forward(self, *outputs: Tensor) -> tuple[Tensor, ...]:
        """(B, 63) → (B, 21, 3), (B, 1) → (B,); without the batch axis where single."""
        values = []
        for name, value in zip(self.names, outputs, strict=True):
            points = name in ("landmarks", "world_landmarks")
            value = value.reshape(self.points if points else (-1,))
            values.append(value / self.divisor if name == "landmarks" else value)
        return tuple(values)


class App(nn.Module):
    """Pixels → network → decoded outputs. `decode` computes in float32 in every package."""

    def __init__(self, pixels: FromPixels, network: Raw, decode: nn.Module) -> None:
        super().__init__()
        self.pixels = pixels
        self.network = network
        self.decode = decode

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.decode(*self.network(self.pixels(image)))
        return outputs


def face_module(model: "Converted", face: str) -> nn.Module:
    """The module behind `ports.face_ports(model, face)`: its inputs in, a tuple out."""
    if model.recognition is None:
        return Raw(model.generic, None).eval()
    raw = Raw(model.module, model.outputs)
    if face == "raw":
        return raw.eval()
    spec = model.recognition.spec
    if isinstance(spec, HandLandmarksSpec):
        decode: nn.Module = DecodeLandmarks(spec, single=face == "app")
    else:
        anchors = model.module.anchors
        assert isinstance(anchors, Tensor)
        decode = DecodePalms(spec, anchors)
    return App(FromPixels(spec.value_range), raw, decode).eval()
