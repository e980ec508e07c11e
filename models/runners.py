"""The hand pipeline's two networks as functions of arrays, so that any backend can drive it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.models import tasks
from blazepalm.models.c_math import LIBRARY, ROUNDED, Functions
from blazepalm.models.crop import Warp, warp
from blazepalm.models.decode import as_array
from blazepalm.models.generation import RegionRule
from blazepalm.models.releases import generation_of
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

Floats = NDArray[np.float32]

# (N, H, W, 3) float32 in the release's value range → raw outputs, keyed by the fields of
# `PalmOutput` or `HandOutput`, in their shapes and units
Runner = Callable[[Floats], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class HandModels:
    """The two networks and their settings. `anchors`: (N, 4), as in `models.anchors`. `palm_rule`
    and `tracking_rule` make regions from palms and from landmarks. `rule`: which of MediaPipe's
    pipelines is repeated, "solutions" (until 0.10) or "tasks" (also 1.x). `warp` samples the
    pictures: `crop.warp`, or what gives the same bytes.
    """

    detector: Runner
    detector_spec: PalmDetectorSpec
    anchors: Floats
    landmarks: Runner
    landmarks_spec: HandLandmarksSpec
    palm_rule: RegionRule
    tracking_rule: RegionRule
    rule: str = tasks.SOLUTIONS
    warp: Warp = warp

    @property
    def functions(self) -> Functions:
        """The C functions that the pipeline repeated here was linked with."""
        return ROUNDED if self.rule == tasks.TASKS else LIBRARY


def torch_models(
    detector: "PalmDetector",
    landmarks: "HandLandmarks",
    palm_rule: RegionRule | None = None,
    tracking_rule: RegionRule | None = None,
) -> HandModels:
    """The readable modules as `HandModels`. Rules that are None are those of the generation that
    each module was converted as (`spec.generation`).
    """
    return HandModels(
        detector=torch_runner(detector),
        detector_spec=detector.spec,
        anchors=as_array(detector.anchors),
        landmarks=torch_runner(landmarks),
        landmarks_spec=landmarks.spec,
        palm_rule=palm_rule or generation_of(detector.spec.generation, "palm").roi,
        tracking_rule=tracking_rule or generation_of(landmarks.spec.generation, "hand").roi,
    )


def torch_runner(module: "nn.Module") -> Runner:
    """A readable module as a function of channels-last arrays."""
    import torch

    parameter = next(module.parameters())

    def forward(planes: "Tensor") -> Any:
        with torch.inference_mode():
            return module(planes.contiguous().to(parameter.device, parameter.dtype))

    return forward_runner(forward)


def forward_runner(forward: Callable[["Tensor"], Any]) -> Runner:
    """A function of (B, 3, H, W), on channels-last maps, to a module's named tuple as a function of
    channels-last arrays.
    """
    import torch

    def run(images: Floats) -> dict[str, NDArray[Any]]:
        raw = forward(torch.from_numpy(images).permute(0, 3, 1, 2))
        found = raw._asdict().items()
        return {name: as_array(value) for name, value in found if value is not None}

    return run
