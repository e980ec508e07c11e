"""A Core ML package or model as a candidate, executed by blazepalm.

An image input is given as the program's own tensor (1, 3, H, W) of 0..255, so that nothing is
rounded to 8 bits.
"""

from pathlib import Path

import numpy as np

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import FLOAT16, FLOAT32, INTEGERS
from blazepalm.reports.backends.candidate.app_face import raw_outputs
from blazepalm.reports.backends.candidate.model import (
    LEVELS,
    ForeignModel,
    Input,
    Range,
    as_whole,
    only_input,
)
from blazepalm.reports.backends.hashing import package_sha256
from blazepalm.reports.backends.mil import Feature, Program, load
from blazepalm.reports.backends.mil.storage_types import FLOATS
from blazepalm.reports.backends.package_outputs import FACE

INDICES = ("INT16", "INT32", "INT64", "UINT16", "UINT32", "UINT64", "BOOL", "STRING")
DECODING = ("app", "batch")  # the faces whose outputs are decoded
COLOURS = ("RGB", "BGR")


def open_core_ml(path: Path) -> ForeignModel:
    """A pipeline is opened without its suppression: what the network gives is compared. Raises
    InvalidModel for a broken file, UnsupportedOperator for a program that cannot be executed,
    CouldNotVerify if it does not take one image, or is a package for Vision.
    """
    program = load(path, suppressing=False)
    face = program.metadata.get(FACE, "raw")
    if face == "vision":
        raise CouldNotVerify(
            f"{path}: a package for Vision has no keypoints, which the detector's boxes have; "
            "compare one of face app, which computes the same boxes and scores"
        )
    decodes = face in DECODING
    undo = raw_outputs(program, path) if decodes else None
    needed = [feature for feature in program.inputs if not feature.optional]
    only_input(str(path), tuple(feature.name for feature in needed))
    (feature,) = needed
    program.plan()

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        floats = feature.image is not None or feature.type.dtype in FLOATS
        given = values if floats else as_whole(values, "int32")
        found = program.run({feature.name: given})
        return found if undo is None else undo(found)

    names = tuple(output.name for output in program.outputs)
    return ForeignModel(
        str(path),
        package_sha256(path),
        "Core ML package, executed by blazepalm",
        _input(feature, str(path), LEVELS if decodes else None),
        names if undo is None else tuple(name for name in names if name != "keypoints"),
        FLOAT16 if "FLOAT16" in program.precisions else FLOAT32,
        _stores(program),
        run,
        decodes=decodes,
    )


def _input(feature: Feature, path: str, stated: Range | None) -> Input:
    if feature.image is None:
        whole = feature.type.dtype not in FLOATS
        stated = LEVELS if whole else stated
        return Input(feature.name, feature.allows, feature.allowed(), stated, whole=whole)
    if feature.image not in COLOURS:
        raise CouldNotVerify(f"{path}: takes a {feature.image} image, expected colours")

    def allows(shape: tuple[int, ...]) -> bool:
        return len(shape) == 4 and shape[:2] == (1, 3) and feature.allows(shape[2:])

    return Input(feature.name, allows, str(feature), LEVELS, feature.image)


def _stores(program: Program) -> str:
    weights = set(program.weight_bytes) - set(INDICES)
    if weights <= {"FLOAT32"}:
        return FLOAT32
    return FLOAT16 if weights <= {"FLOAT32", "FLOAT16"} else INTEGERS
