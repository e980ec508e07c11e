"""BlazePalm: a single-shot detector that finds palms, each with a box, seven keypoints and a score.
One class serves all generations; `PalmDetectorSpec` describes each.

Structure: backbone bottom up, neck top down, one pair of convolutions per map, two or six anchors
per cell. Paper: https://arxiv.org/abs/2006.10214
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, cast, overload

import numpy as np
import torch
from torch import Tensor, nn

from blazepalm.models.anchors import anchors_from_heads
from blazepalm.models.batch import prepare_batch, prepare_image
from blazepalm.models.decode import as_array, decode_palms
from blazepalm.models.layers import NotScriptable, PaddedConv2d, image_batch, same, serializable
from blazepalm.models.letterbox import Letterbox
from blazepalm.models.newest import newest_palm_spec
from blazepalm.models.spec import PalmDetectorSpec, PalmHeadSpec
from blazepalm.models.spec_check import check_spec
from blazepalm.models.state import load_state, read_anchors
from blazepalm.models.trunk import Backbone, Up, named


class PalmOutput(NamedTuple):
    """The TFLite file's outputs, in its units (pixels of the input; logits)."""

    boxes: Tensor  # (B, N, 18): x, y, w, h, then seven keypoints x, y; relative to the anchors
    scores: Tensor  # (B, N, 1)


serializable(PalmOutput)


class Palm(NamedTuple):
    """One palm; coordinates normalised to the image, not clipped."""

    box: Tensor  # (4,): xmin, ymin, xmax, ymax
    keypoints: Tensor  # (7, 2): x, y; 0 is the wrist, 2 the middle finger's base
    score: Tensor  # (), 0..1


@dataclass(frozen=True, repr=False, eq=False)
class PalmDetections(Sequence[Palm]):
    """The palms of one image, best first: a sequence of `Palm`, and the same as whole tensors.
    Coordinates are normalised to the image, not clipped.
    """

    boxes: Tensor  # (n, 4): xmin, ymin, xmax, ymax
    keypoints: Tensor  # (n, 7, 2): x, y; 0 is the wrist, 2 the middle finger's base
    scores: Tensor  # (n,), 0..1

    def __len__(self) -> int:
        return len(self.scores)

    @overload
    def __getitem__(self, index: int) -> Palm: ...
    @overload
    def __getitem__(self, index: slice) -> "PalmDetections": ...
    def __getitem__(self, index: int | slice) -> "Palm | PalmDetections":
        found = self.boxes[index], self.keypoints[index], self.scores[index]
        return PalmDetections(*found) if isinstance(index, slice) else Palm(*found)

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same palms, bit for bit."""
        if not isinstance(other, PalmDetections):
            return NotImplemented
        return all(same(mine, theirs) for mine, theirs in zip(_all(self), _all(other), strict=True))

    __hash__ = None  # type: ignore[assignment]  # tensors can change

    def __repr__(self) -> str:
        scores = ", ".join(f"{float(score):.3g}" for score in self.scores[:8])
        more = ", …" if len(self) > 8 else ""
        return f"<PalmDetections: {len(self)} palms, scores {scores or 'none'}{more}>"


def _all(palms: PalmDetections) -> tuple[Tensor, ...]:
    return palms.boxes, palms.keypoints, palms.scores


class PalmHead(nn.Module):
    """Boxes and scores of every anchor of one map."""

    def __init__(self, spec: PalmHeadSpec, coordinates: int) -> None:
        super().__init__()
        self.anchors = spec.size[0] * spec.size[1] * spec.anchors_per_cell
        self.coordinates = coordinates
        self.boxes = PaddedConv2d(spec.boxes)
        self.scores = PaddedConv2d(spec.scores)

    def forward(self, x: Tensor) -> PalmOutput:
        boxes = self.boxes(x).permute(0, 2, 3, 1)  # (B, H, W, A·18)
        scores = self.scores(x).permute(0, 2, 3, 1)  # (B, H, W, A)
        return PalmOutput(
            boxes.reshape(boxes.shape[0], self.anchors, self.coordinates),  # (B, H·W·A, 18)
            scores.reshape(scores.shape[0], self.anchors, 1),  # (B, H·W·A, 1)
        )


class PalmDetector(NotScriptable, nn.Module):
    """Finds palms. `forward` takes (B, 3, H, W) in `spec.value_range`, RGB, and returns
    `PalmOutput`; `predict_on_image` and `predict_on_batch` take pictures. Without a spec, the
    network is the newest release's, untrained: `from_pretrained` also loads weights.
    """

    anchors: Tensor  # (N, 4) float32 whatever the weights are: x_center, y_center, w, h, normalised
    origin: str | None = None  # the release, file or folder of its weights, for `blazepalm.save`

    def __init__(self, spec: PalmDetectorSpec | None = None) -> None:
        super().__init__()
        spec = newest_palm_spec() if spec is None else spec
        if not isinstance(spec, PalmDetectorSpec):
            raise TypeError(f"expected a PalmDetectorSpec, got {type(spec).__name__}")
        check_spec(spec)
        self.spec = spec
        self.backbone = Backbone(spec.backbone, [step.tap for step in spec.neck])
        self.neck = named("up", [Up(step) for step in spec.neck])
        strides = [spec.input_size[0] // head.size[0] for head in spec.heads]
        self.heads = nn.ModuleDict(
            {
                f"stride{stride}": PalmHead(head, spec.coordinates)
                for stride, head in zip(strides, spec.heads, strict=True)
            }
        )
        cells = [(*head.size, head.anchors_per_cell) for head in spec.heads]
        self.register_buffer(
            "anchors", torch.from_numpy(anchors_from_heads(cells)), persistent=False
        )

    @classmethod
    def from_pretrained(cls, source: str | Path) -> "PalmDetector":
        """The detector of a release ("palm-full"), a `.tflite`, a bundle, a converted folder, or
        saved weights (`model.pth`, `model.safetensors`), in evaluation mode. For arguments and
        errors see `converter.pretrained.pretrained`.
        """
        converter = import_module("blazepalm.converter.pretrained")  # two floors up: only if called
        return cast("PalmDetector", converter.pretrained(cls, "palm", source))

    @property
    def output_names(self) -> tuple[str, ...]:
        """Of the outputs, in order: for `torch.onnx.export(…, output_names=…)`, which asks."""
        return PalmOutput._fields

    def maps(self, images: Tensor) -> list[Tensor]:
        """The feature map that each head reads, in the order of `spec.heads`."""
        x, taps = self.backbone(images)  # (B, C, H/32, W/32)
        levels = [x]
        for step, tap in zip(self.neck.values(), taps, strict=True):
            levels.append(step(levels[-1], tap))  # twice as large as the one before
        return [levels[spec.level] for spec in self.spec.heads]

    def forward(self, images: Tensor) -> PalmOutput:
        image_batch(images, self.spec.backbone.stem.in_channels, self.spec.input_size)
        found = [head(x) for head, x in zip(self.heads.values(), self.maps(images), strict=True)]
        return PalmOutput(
            torch.cat([f.boxes for f in found], dim=1),  # (B, N, 18)
            torch.cat([f.scores for f in found], dim=1),  # (B, N, 1)
        )

    def predict_on_image(self, image: np.ndarray | Tensor) -> PalmDetections:
        """Palms in one picture: H×W×3 uint8 RGB, or a 3×H×W tensor (uint8, or float 0..1, rounded
        to 8 bits), of any size. Raises ValueError for another shape or dtype, and InvalidImage if a
        side is too long.
        """
        return self._predict(*prepare_image(image, self.spec, next(self.parameters())))[0]

    def predict_on_batch(self, images: np.ndarray | Tensor) -> list[PalmDetections]:
        """Palms in each image of a batch: pictures of one size as uint8, (B, H, W, 3) or
        (B, 3, H, W); or floating point (B, 3, H, W) already in the model's size and value range.
        Raises TypeError or ValueError for anything else.
        """
        return self._predict(*prepare_batch(images, self.spec, next(self.parameters())))

    def load_weights(self, path: str | Path) -> None:
        """Reads `model.safetensors` or `model.pth`; every parameter must be present. Raises
        ArtifactError.
        """
        load_state(self, path)

    def load_anchors(self, path: str | Path) -> None:
        """Reads an (N, 4) float32 `.npy` that replaces the anchors derived from the heads. Raises
        ArtifactError if the file is missing, damaged, or holds other anchors.
        """
        anchors = read_anchors(path, len(self.anchors))
        self.anchors.copy_(torch.from_numpy(anchors))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "PalmDetector":
        """Moves the module; the anchors keep float32, so that `half` does not move the boxes."""
        exact = self.anchors
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.anchors.dtype != exact.dtype and not exact.is_meta:
            self.anchors = exact.to(self.anchors.device)
        return self

    def _predict(self, images: Tensor, boxes: Sequence[Letterbox]) -> list[PalmDetections]:
        with torch.no_grad():
            output = self(images)
        anchors = as_array(self.anchors)
        detections = []
        for raw, scores, box in zip(output.boxes, output.scores, boxes, strict=True):
            palms = decode_palms(as_array(raw), as_array(scores), anchors, self.spec, box)
            tensors = (torch.from_numpy(values).to(self.anchors) for values in palms)
            detections.append(PalmDetections(*tensors))
        return detections
