"""A package's description of itself: Xcode shows it, and `userDefined` records its origin.

Keys under `userDefined`: `blazepalm.source_sha256`, `.release`, `.face`, `.precision`, `.compress`,
`.tflite_outputs` and `.spec` (JSON), and under coremltools' own keys the versions of coremltools
and torch. No date: the same input gives the same bytes.
"""

import json
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from blazepalm.converter.coreml.options import CoreMLOptions, Port
from blazepalm.models.gesture_spec import CLASSIFIER, EMBEDDER, gesture_spec_to_dict
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.models.spec_json import spec_to_dict

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

VERSIONS = "com.github.apple.coremltools."
PREFIX = "blazepalm."
GESTURES = {
    EMBEDDER: "Gesture embedder: a hand's landmarks become a vector.",
    CLASSIFIER: "Gesture classifier: an embedding becomes the probability of each gesture.",
}


def package_name(model: "Converted", face: str) -> str:
    """`palm-full-2023-09` → `PalmFull_2023_09`: Xcode names a Swift class after it. The face
    `batch` goes into the same project as `app`: `HandFull_2022_Batch`.
    """
    words = re.findall(r"[A-Za-z0-9]+", model.name)[:12]
    name = "".join(
        f"_{word}" if word[0].isdigit() and i else word[0].upper() + word[1:]
        for i, word in enumerate(words)
    )
    name = name if name[:1].isalpha() else f"Model_{name}".rstrip("_")
    return f"{name}_Batch" if face == "batch" else name


def describe(
    specification: Any, model: "Converted", options: CoreMLOptions, ports: tuple[Port, ...]
) -> None:
    """Fills the description of a Core ML specification (a protobuf message) in place."""
    texts = {port.name: port.description for port in ports}
    description = specification.description
    for feature in (*description.input, *description.output):
        feature.shortDescription = texts[feature.name]
    metadata = description.metadata
    metadata.shortDescription = _summary(model, options)
    known = model.release is not None
    metadata.author = (
        "Google (MediaPipe), converted by blazepalm" if known else "converted by blazepalm"
    )
    metadata.license = "Apache-2.0" if known else "that of the source file"
    metadata.versionString = model.release.name if model.release else f"sha256:{model.graph.sha256}"
    defined = metadata.userDefined
    defined[f"{VERSIONS}version"] = version("coremltools")
    defined[f"{VERSIONS}source"] = f"torch=={version('torch')}"
    facts: dict[str, str | None] = {
        "source_sha256": model.graph.sha256,
        "release": model.release.name if model.release else None,
        "face": options.face,
        "precision": options.precision,
        "compress": options.compress,
        "tflite_outputs": _json([model.graph.tensors[t].name for t in model.graph.outputs]),
        "spec": _spec(model),
    }
    for key, value in facts.items():
        if value is not None:
            defined[PREFIX + key] = value


def _spec(model: "Converted") -> str | None:
    if model.gesture is not None:
        return _json(gesture_spec_to_dict(model.gesture.spec))
    return _json(spec_to_dict(model.recognition.spec)) if model.recognition else None


def _summary(model: "Converted", options: CoreMLOptions) -> str:
    if model.gesture is not None:
        what = GESTURES[model.gesture.family]
    elif model.recognition is None:
        what = "A TFLite model, operator by operator."
    elif isinstance(model.recognition.spec, PalmDetectorSpec):
        what = "BlazePalm: finds palms in a picture."
    else:
        what = "Hand landmarks: 21 points of the hand in a crop."
    shows = {
        "app": "Takes an image; its outputs are decoded and normalised.",
        "batch": "Takes 1 to 4 crops; its outputs are normalised.",
        "raw": "Input and outputs are those of the TFLite file.",
    }
    return f"{what} {shows[options.face]}"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
