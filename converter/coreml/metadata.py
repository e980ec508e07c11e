"""A package's description of itself: Xcode shows it, and `userDefined` records its origin.

Keys under `userDefined`: `blazepalm.source_sha256`, `.release`, `.face`, `.precision`, `.compress`,
`.tflite_outputs` and `.spec` (JSON). No date and no versions of coremltools and torch, on which
the network does not depend: the same input gives the same bytes whichever of them wrote it.
`conversion.json` has the versions.

Xcode shows all of that in one pane, so `.spec` there has only the spec's own numbers. The whole
spec, with every block, lies in the program's attribute `buildInfo`, a dictionary of texts.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from blazepalm.converter.coreml.options import CoreMLOptions, Port
from blazepalm.converter.coreml.vision import program_of
from blazepalm.models.gesture_spec import CLASSIFIER, EMBEDDER, gesture_spec_to_dict
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.models.spec_json import spec_to_dict

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

PREFIX = "blazepalm."
SHOWS = {  # by face
    "app": "Takes an image; its outputs are decoded and normalised.",
    "batch": "Takes 1 to 4 crops; its outputs are normalised.",
    "vision": "Takes an image; gives the boxes that are left after suppression, for Vision.",
    "raw": "Input and outputs are those of the TFLite file.",
}
GESTURES = {
    EMBEDDER: "Gesture embedder: a hand's landmarks become a vector.",
    CLASSIFIER: "Gesture classifier: an embedding becomes the probability of each gesture.",
}


def package_name(model: "Converted", face: str) -> str:
    """`palm-full-2023-09` → `PalmFull_2023_09`: Xcode names a Swift class after it. The face
    `batch` goes into the same project as `app`: `HandFull_2022_Batch`, and so does `vision`.
    """
    words = re.findall(r"[A-Za-z0-9]+", model.name)[:12]
    name = "".join(
        f"_{word}" if word[0].isdigit() and i else word[0].upper() + word[1:]
        for i, word in enumerate(words)
    )
    name = name if name[:1].isalpha() else f"Model_{name}".rstrip("_")
    return f"{name}_{face.capitalize()}" if face in ("batch", "vision") else name


def describe(
    specification: Any, model: "Converted", options: CoreMLOptions, ports: tuple[Port, ...]
) -> None:
    """Fills the description of a Core ML specification (a protobuf message) in place."""
    texts = {port.name: port.description for port in ports}
    description = specification.description
    for feature in (*description.input, *description.output):
        feature.shortDescription = texts[feature.name]
    metadata = description.metadata
    metadata.shortDescription = f"{summary(model)} {SHOWS[options.face]}"
    metadata.author, metadata.license = author(model), licence(model)
    metadata.versionString = model.release.name if model.release else f"sha256:{model.graph.sha256}"
    defined = metadata.userDefined
    facts: dict[str, str | None] = {
        "source_sha256": model.graph.sha256,
        "release": model.release.name if model.release else None,
        "face": options.face,
        "precision": options.precision,
        "compress": options.compress,
        "tflite_outputs": _json([model.graph.tensors[t].name for t in model.graph.outputs]),
    }
    spec = _spec(model)
    if spec is not None:
        facts["spec"] = _json({key: value for key, value in spec.items() if not _nested(value)})
        _note(program_of(specification), f"{PREFIX}spec", _json(spec))
    for key, value in facts.items():
        if value is not None:
            defined[PREFIX + key] = value


def _spec(model: "Converted") -> dict[str, Any] | None:
    if model.gesture is not None:
        return gesture_spec_to_dict(model.gesture.spec)
    return spec_to_dict(model.recognition.spec) if model.recognition else None


def summary(model: "Converted") -> str:
    """What a model does, in one sentence."""
    if model.gesture is not None:
        return GESTURES[model.gesture.family]
    if model.recognition is None:
        return "A TFLite model, operator by operator."
    if isinstance(model.recognition.spec, PalmDetectorSpec):
        return "BlazePalm: finds palms in a picture."
    return "Hand landmarks: 21 points of the hand in a crop."


def author(model: "Converted") -> str:
    """Who made a model."""
    by = "converted by blazepalm"
    return by if model.release is None else f"Google (MediaPipe), {by}"


def licence(model: "Converted") -> str:
    """Under which licence its weights are."""
    return "that of the source file" if model.release is None else "Apache-2.0"


def _nested(value: Any) -> bool:
    """Whether a value of the spec is a part with fields of its own, or a list of such."""
    parts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(part, dict) for part in parts) or value in ([], ())


def _note(program: Any, key: str, text: str) -> None:
    """Adds a text to the program's `buildInfo`, in the form in which coremltools writes it."""
    from coremltools.proto import MIL_pb2

    string = MIL_pb2.ValueType()
    string.tensorType.dataType = MIL_pb2.DataType.STRING
    info = program.attributes["buildInfo"]
    info.type.dictionaryType.keyType.CopyFrom(string)
    info.type.dictionaryType.valueType.CopyFrom(string)
    pair = info.immediateValue.dictionary.values.add()
    for value, content in ((pair.key, key), (pair.value, text)):
        value.type.CopyFrom(string)
        value.immediateValue.tensor.strings.values.append(content)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
