"""The landmark network: 21 three-dimensional points in the crop of one hand, whether there is a
hand, and which one. One class serves all generations; `HandLandmarksSpec` describes each.

Structure: backbone bottom up, then (2020-05) a neck top down and a second bottom-up path, or (since
2020-11) inverted residuals and pooling; one small head per output.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blazepalm.models.batch import prepare_batch, prepare_image
from blazepalm.models.decode import as_array, decode_hand
from blazepalm.models.layers import (
    ConvLayer,
    NotScriptable,
    PaddedConv2d,
    image_batch,
    same,
    serializable,
)
from blazepalm.models.letterbox import Letterbox
from blazepalm.models.newest import newest_hand_spec
from blazepalm.models.spec import HandLandmarksSpec, OutputSpec
from blazepalm.models.spec_check import check_spec
from blazepalm.models.state import load_state
from blazepalm.models.trunk import Backbone, Up, named, stages


class HandOutput(NamedTuple):
    """The TFLite file's outputs, in its units; None for outputs that the release lacks."""

    landmarks: Tensor  # (B, 63): 21 × (x, y, z) in pixels of the input
    presence: Tensor  # (B, 1), 0..1
    handedness: Tensor | None = None  # (B, 1), 0..1: 1 is a right hand (left if mirrored)
    world_landmarks: Tensor | None = None  # (B, 63): 21 × (x, y, z) in metres


serializable(HandOutput)


@dataclass(frozen=True, repr=False, eq=False)
class LandmarkPrediction:
    """One hand. x and y are normalised to the crop; z to its width, smaller is nearer.

    `handedness` tends to 1 for a right hand and to 0 for a left one in a picture that is not
    mirrored; in a mirrored picture (a selfie preview) it is reversed.
    """

    landmarks: Tensor  # (21, 3)
    presence: Tensor  # (), 0..1
    handedness: Tensor | None  # (), 0..1
    world_landmarks: Tensor | None  # (21, 3), metres about the hand's centre

    def __eq__(self, other: object) -> bool:
        """Whether all values are the same, bit for bit."""
        if not isinstance(other, LandmarkPrediction):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]  # tensors can change

    def __repr__(self) -> str:
        hand = "" if self.handedness is None else f", handedness {float(self.handedness):.3g}"
        points = f"{len(self.landmarks)} landmarks"
        return f"<LandmarkPrediction: presence {float(self.presence):.3g}{hand}, {points}>"


class OutputHead(nn.Module):
    """One output: a linear layer on pooled features, or a convolution over the whole map."""

    def __init__(self, spec: OutputSpec, pooled: int) -> None:
        super().__init__()
        self.layer = (
            nn.Linear(pooled, spec.values) if spec.conv is None else PaddedConv2d(spec.conv)
        )
        self.sigmoid = spec.sigmoid

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x).flatten(1)  # (B, values)
        return y.sigmoid() if self.sigmoid else y


class HandLandmarks(NotScriptable, nn.Module):
    """Finds landmarks. `forward` takes (B, 3, H, W) in `spec.value_range`, RGB, and returns
    `HandOutput`; `predict_on_image` and `predict_on_batch` take crops of hands. Without a spec, the
    network is the newest release's, untrained: `from_pretrained` also loads weights.
    """

    origin: str | None = None  # the release, file or folder of its weights, for `blazepalm.save`

    def __init__(self, spec: HandLandmarksSpec | None = None) -> None:
        super().__init__()
        spec = newest_hand_spec() if spec is None else spec
        if not isinstance(spec, HandLandmarksSpec):
            raise TypeError(f"expected a HandLandmarksSpec, got {type(spec).__name__}")
        check_spec(spec)
        self.spec = spec
        self.backbone = Backbone(spec.backbone, [step.tap for step in spec.neck])
        self.neck = named("up", [Up(step) for step in spec.neck])
        self.trunk = nn.Sequential(stages(spec.trunk))
        self.features = nn.Sequential()
        for i, layer in enumerate(spec.features):
            self.features.add_module(f"layer{i}", ConvLayer(layer))
        self.heads = nn.ModuleDict({o.name: OutputHead(o, spec.pooled) for o in spec.outputs})

    @classmethod
    def from_pretrained(cls, source: str | Path) -> "HandLandmarks":
        """The landmark network of a release ("hand-full"), a `.tflite`, a bundle, a converted
        folder, or saved weights (`model.pth`, `model.safetensors`), in evaluation mode. For
        arguments and errors see `converter.pretrained.pretrained`.
        """
        converter = import_module("blazepalm.converter.pretrained")  # two floors up: only if called
        return cast("HandLandmarks", converter.pretrained(cls, "hand", source))

    @property
    def output_names(self) -> tuple[str, ...]:
        """Of the outputs, in order: for `torch.onnx.export(…, output_names=…)`, which asks."""
        return tuple(name for name in HandOutput._fields if name in self.heads)

    def features_of(self, images: Tensor) -> Tensor:
        """What every head reads, for heads of your own: (B, 3, H, W) → (B, `spec.pooled`), or
        (B, C, h, w) where the release does not pool (`spec.pooling` is "none").
        """
        image_batch(images, self.spec.backbone.stem.in_channels, self.spec.input_size)
        x: Tensor
        x, taps = self.backbone(images)  # (B, C, H/32, W/32) or smaller
        for step, tap in zip(self.neck.values(), taps, strict=True):
            x = step(x, tap)  # twice as large as before
        x = self.features(self.trunk(x))  # (B, C, h, w)
        if self.spec.pooling == "mean":
            x = x.mean((2, 3))  # (B, C)
        elif self.spec.pooling == "flatten":
            x = x.permute(0, 2, 3, 1).flatten(1)  # (B, h·w·C)
        return x

    def forward(self, images: Tensor) -> HandOutput:
        x = self.features_of(images)
        return HandOutput(**{name: head(x) for name, head in self.heads.items()})

    def predict_on_image(self, image: np.ndarray | Tensor) -> LandmarkPrediction:
        """Landmarks of one crop: H×W×3 uint8 RGB, or a 3×H×W tensor (uint8, or float 0..1, rounded
        to 8 bits), of any size; a crop that is not square is letterboxed. Raises ValueError for
        another shape or dtype, and InvalidImage if a side is too long.
        """
        return self._predict(*prepare_image(image, self.spec, next(self.parameters())))[0]

    def predict_on_batch(self, images: np.ndarray | Tensor) -> list[LandmarkPrediction]:
        """Landmarks for each image of a batch: crops of one size as uint8, (B, H, W, 3) or
        (B, 3, H, W); or floating point (B, 3, H, W) already in the model's size and value range.
        Raises TypeError or ValueError for anything else.
        """
        return self._predict(*prepare_batch(images, self.spec, next(self.parameters())))

    def load_weights(self, path: str | Path) -> None:
        """Reads `model.safetensors` or `model.pth`; every parameter must be present. Raises
        ArtifactError.
        """
        load_state(self, path)

    def _predict(self, images: Tensor, boxes: Sequence[Letterbox]) -> list[LandmarkPrediction]:
        with torch.no_grad():
            output = self(images)
        return [self._prediction(output, i, box) for i, box in enumerate(boxes)]

    def _prediction(self, output: HandOutput, index: int, box: Letterbox) -> LandmarkPrediction:
        fields = output._asdict().items()
        outputs = {k: as_array(v) for k, v in fields if v is not None}
        found = decode_hand(outputs, index, self.spec, box)

        def tensor(values: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.asarray(values)).to(output.landmarks.device)

        handedness, world = found.handedness, found.world_landmarks
        return LandmarkPrediction(
            landmarks=tensor(found.landmarks),
            presence=tensor(found.presence),
            handedness=None if handedness is None else tensor(handedness),
            world_landmarks=None if world is None else tensor(world),
        )
