"""The outputs of a package that blazepalm wrote for an app (faces `app` and `batch`) → those of the
TFLite file: points normalised to the input become the network's own numbers again.

The reverse of `models.decode`, in float64. It costs float32 some digits, so the task judges it.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from blazepalm.errors import InvalidModel
from blazepalm.models.anchors import anchors_from_heads
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.models.spec_json import spec_from_dict
from blazepalm.reports.backends.mil import Program

Outputs = dict[str, np.ndarray]
Undo = Callable[[Outputs], Outputs]


def raw_outputs(program: Program, path: Path) -> Undo:
    """A function from the package's outputs for one image to the file's, by their readable names;
    scores stay probabilities. Raises InvalidModel if the package does not record its network.
    """
    try:
        spec = spec_from_dict(json.loads(program.metadata["blazepalm.spec"]))
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidModel(f"{path}: its metadata hold no readable model structure") from error
    if isinstance(spec, HandLandmarksSpec):
        return lambda found: _landmarks(found, spec)
    heads = [(*head.size, head.anchors_per_cell) for head in spec.heads]
    anchors = anchors_from_heads(heads).astype(np.float64)
    return lambda found: _boxes(found, spec, anchors)


def _landmarks(found: Outputs, spec: HandLandmarksSpec) -> Outputs:
    height, width = spec.input_size
    raw = {name: value.reshape(1, -1) for name, value in found.items()}
    unit = np.array((width, height, width * spec.z_scale), np.float64)
    points = found["landmarks"].reshape(-1, 3).astype(np.float64) * unit
    raw["landmarks"] = points.reshape(1, -1).astype(np.float32)
    return raw


def _boxes(found: Outputs, spec: PalmDetectorSpec, anchors: np.ndarray) -> Outputs:
    height, width = spec.input_size
    scale = np.array((width, height), np.float64) / anchors[:, 2:]  # (N, 2)
    low, high = np.split(found["boxes"].astype(np.float64), 2, axis=1)
    points = found["keypoints"].reshape(len(anchors), -1, 2).astype(np.float64)
    pairs = [
        ((low + high) / 2 - anchors[:, :2]) * scale,
        (high - low) * scale,
        *((points[:, i] - anchors[:, :2]) * scale for i in range(spec.keypoints)),
    ]
    boxes = np.concatenate(pairs, axis=1)[None].astype(np.float32)  # (1, N, 4 + 2K)
    return {"boxes": boxes, "scores": found["scores"].reshape(1, -1, 1)}
