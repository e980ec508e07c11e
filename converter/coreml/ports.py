"""The inputs and outputs of each face: names, default shapes, and descriptions for Xcode.

Names follow the meaning; a graph of no known family keeps its file's names, reduced to the
characters that an identifier allows.
"""

import re
from typing import TYPE_CHECKING

from blazepalm.converter.coreml.options import Port
from blazepalm.converter.coreml.vision import CLASSES, RAW_CONFIDENCE, RAW_COORDINATES
from blazepalm.errors import ArtifactError
from blazepalm.file_names import unique_name
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, Spec

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

MAX_REGIONS = 4  # a `batch` package takes 1, 2, 3 or 4 at once

RAW = {
    "boxes": "For each anchor x, y, w, h of its box, then x, y of each keypoint: pixels of the "
    "input, relative to the anchor's centre.",
    "scores": "The logit of each anchor.",
    "landmarks": "x, y, z of each point, one after the other, in pixels of the input.",
    "presence": "How sure it is that there is a hand, 0..1.",
    "handedness": "0 is a left hand, 1 a right one, in a picture that is not mirrored; in a "
    "mirrored one it is the other way round.",
    "world_landmarks": "x, y, z of each point, one after the other, in metres about the hand's "
    "centre.",
}

Ports = tuple[tuple[Port, ...], tuple[Port, ...]]


def face_ports(model: "Converted", face: str) -> Ports:
    """Inputs and outputs. Raises ArtifactError if the model has no such face."""
    if model.recognition is None:
        if face != "raw":
            raise ArtifactError(
                f"{model.graph.source}: unknown family, so only the Core ML face raw is available"
            )
        return _generic(model)
    spec = model.recognition.spec
    if face == "raw":
        return _raw(model, spec)
    if isinstance(spec, HandLandmarksSpec):
        if face == "vision":
            raise ArtifactError(
                f"{model.graph.source}: only palm detectors find boxes for Vision; choose face app"
            )
        return _hand(spec, single=face == "app")
    if face == "vision":
        return _before_suppression(spec)
    if face == "batch":
        raise ArtifactError(
            f"{model.graph.source}: only landmark models take a batch of regions; choose face app"
        )
    return _palm(spec)


def _tensor(name: str, shape: tuple[int, ...], description: str) -> Port:
    return Port(name, "tensor", shape, "float32", description)


def _image(spec: Spec, what: str) -> Port:
    shape = (1, 3, *spec.input_size)
    return Port("image", "image", shape, "uint8", f"{what}: {_size(spec)} pixels.")


def _size(spec: Spec) -> str:
    return f"{spec.input_size[1]}×{spec.input_size[0]}"


def _raw(model: "Converted", spec: Spec) -> Ports:
    low, high = spec.value_range
    image = f"RGB planes of {_size(spec)} pixels, {low:g}..{high:g}."
    outputs = (
        _tensor(name, model.graph.tensors[t].shape, RAW[name])
        for name, t in zip(model.outputs, model.graph.outputs, strict=True)
    )
    return (_tensor("image", (1, 3, *spec.input_size), image),), tuple(outputs)


def _palm(spec: PalmDetectorSpec) -> Ports:
    n, k = spec.anchors, spec.keypoints
    square = "0..1 of the input square, not clipped"
    return (_image(spec, "A picture letterboxed in black to a square"),), (
        _tensor("boxes", (n, 4), f"xmin, ymin, xmax, ymax of each anchor's box, {square}."),
        _tensor(
            "keypoints",
            (n, k, 2),
            f"x, y of each anchor's {k} points, {square}; point 0 is the wrist, 2 the base of "
            "the middle finger.",
        ),
        _tensor(
            "scores",
            (n,),
            f"How sure it is of each anchor's palm, 0..1. Keep those of {spec.score_threshold:g} "
            f"or more; merge those that overlap by more than {spec.suppression_iou:g} (IoU).",
        ),
    )


def _before_suppression(spec: PalmDetectorSpec) -> Ports:
    """What the network of a `vision` package gives to its suppression."""
    n = spec.anchors
    return _palm(spec)[0], (
        _tensor(
            RAW_CONFIDENCE, (n, CLASSES), "How sure it is of each anchor's palm, first column."
        ),
        _tensor(RAW_COORDINATES, (n, 4), "x, y, width, height of each anchor's box."),
    )


def _hand(spec: HandLandmarksSpec, single: bool) -> Ports:
    batch = () if single else (1,)
    n = spec.landmarks
    described = {
        "landmarks": (
            (*batch, n, 3),
            f"x, y, z of {n} points: x and y 0..1 of the crop; z in crop widths"
            f"{'' if spec.z_scale == 1 else f' / {spec.z_scale:g}'}, smaller is nearer.",
        ),
        "presence": (
            (1,),
            f"How sure it is that there is a hand, 0..1; there is one from "
            f"{spec.presence_threshold:g} on.",
        ),
        "handedness": ((1,), RAW["handedness"]),
        "world_landmarks": (
            (*batch, n, 3),
            f"x, y, z of {n} points in metres about the hand's centre.",
        ),
    }
    crop = "A square crop of one hand, fingers up"
    many = f"1 to {MAX_REGIONS} square crops of a hand each, fingers up: RGB planes of "
    given = (
        _image(spec, crop)
        if single
        else _tensor("images", (1, 3, *spec.input_size), f"{many}{_size(spec)} pixels, 0..255.")
    )
    return (given,), tuple(_tensor(o.name, *described[o.name]) for o in spec.outputs)


def _generic(model: "Converted") -> Ports:
    taken: set[str] = set()

    def port(tensor: int) -> Port:
        stored = model.graph.tensors[tensor]
        name = identifier(stored.name, taken)
        return _tensor(name, stored.shape, f"Tensor {stored.name!r} of the TFLite file.")

    inputs = tuple(port(t) for t in model.graph.inputs)
    return inputs, tuple(port(t) for t in model.graph.outputs)


def identifier(name: str, taken: set[str]) -> str:
    """A name valid in Core ML and Swift and not yet in `taken`; adds it there."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:100] or "tensor"
    plain = plain if plain[0].isalpha() else f"t_{plain}"
    return unique_name(plain, taken, "_", key=str)
