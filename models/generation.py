"""What the releases of one period share and their files do not hold: value range, anchors,
thresholds, regions.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# The fields that a generation of each family sets besides size, value range and region.
STATED: Mapping[str, tuple[str, ...]] = {
    "palm": ("ssd", "score_threshold", "suppression_iou"),
    "hand": ("presence_threshold", "landmark_divisor", "normalize_z", "outputs"),
    "recrop": ("landmark_divisor", "output_values", "output_meaning"),
}


@dataclass(frozen=True)
class SsdOptions:
    """MediaPipe's SsdAnchorsCalculatorOptions; `input_size` is (height, width) in pixels.

    https://github.com/google-ai-edge/mediapipe/blob/1461bcf97d2b7d816f6d36f0dff05140d48bc3bf/mediapipe/calculators/tflite/ssd_anchors_calculator.cc
    """

    input_size: tuple[int, int]
    strides: tuple[int, ...]
    min_scale: float
    max_scale: float
    aspect_ratios: tuple[float, ...] = (1.0,)
    interpolated_scale_aspect_ratio: float = 1.0
    anchor_offset: tuple[float, float] = (0.5, 0.5)  # x, y, in cells
    fixed_anchor_size: bool = True
    reduce_boxes_in_lowest_layer: bool = False

    @property
    def anchors(self) -> int:
        """Number of anchors that the options give."""
        per_cell = [len(self.aspect_ratios) + (self.interpolated_scale_aspect_ratio > 0)] * len(
            self.strides
        )
        if self.reduce_boxes_in_lowest_layer:
            per_cell[0] = 3
        height, width = self.input_size
        cells = [math.ceil(height / s) * math.ceil(width / s) for s in self.strides]
        return sum(c * n for c, n in zip(cells, per_cell, strict=True))


@dataclass(frozen=True)
class RegionRule:
    """How the region for the next model follows from points of this one.

    The rectangle around the points `box` (all points if empty; for a palm, its box) is rotated
    until the line from point `start` to the weighted mean of `towards` points to `target_degrees`,
    scaled by `scale` (x, y), shifted by `shift` (x, y, fractions of its size), and squared on its
    long side. If `turned`, the rectangle is measured along the rotated axes; else upright and then
    rotated about its centre.
    """

    start: int
    towards: tuple[tuple[int, float], ...]  # (point, weight); the weights add up to 1
    target_degrees: float
    scale: tuple[float, float]
    shift: tuple[float, float]
    box: tuple[int, ...] = ()
    turned: bool = False
    square_long: bool = True


@dataclass(frozen=True)
class Generation:
    """The values that releases of one period share and their files do not hold. Fields that do not
    apply to a family keep their default and are left out of `to_dict`.
    """

    name: str
    family: str  # "palm", "hand" or "recrop"
    input_size: tuple[int, int]  # height, width
    value_range: tuple[float, float]
    roi: RegionRule
    source: str  # the MediaPipe graph that sets these values
    ssd: SsdOptions | None = None
    score_threshold: float = 0.5
    suppression_iou: float = 0.3
    presence_threshold: float = 0.5
    landmark_divisor: float = 1.0  # raw coordinates / this = normalised to the input
    normalize_z: float = 1.0  # z is also divided by this
    outputs: tuple[str, ...] = ()  # the roles that its releases' outputs may have
    output_values: tuple[str, ...] = ()  # the meaning of each value of a single output
    output_meaning: str = ""  # a sentence about all of them

    def to_dict(self) -> dict[str, Any]:
        """The fields that apply, as plain values."""
        unstated = {key for keys in STATED.values() for key in keys} - set(STATED[self.family])
        return {key: value for key, value in asdict(self).items() if key not in unstated}
