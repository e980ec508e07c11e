"""A Core ML package or model as a candidate, executed by blazepalm.

An image input is given as the program's own tensor (1, 3, H, W) of 0..255, so that nothing is
rounded to 8 bits.
"""

from pathlib import Path

import numpy as np

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import FLOAT16, FLOAT32, INTEGERS
from blazepalm.reports.backends.candidate.model import (
    LEVELS,
    ForeignModel,
    Input,
    as_whole,
    only_input,
)
from blazepalm.reports.backends.hashing import package_sha256
from blazepalm.reports.backends.mil import Feature, Program, load
from blazepalm.reports.backends.mil.storage_types import FLOATS
from blazepalm.reports.backends.package_outputs import FACE

INDICES = ("INT16", "INT32", "INT64", "UINT16", "UINT32", "UINT64", "BOOL", "STRING")
COLOURS = ("RGB", "BGR")


def open_core_ml(path: Path) -> ForeignModel:
    """Raises InvalidModel for a broken file, UnsupportedOperator for a program that cannot be
    executed, CouldNotVerify if it does not take one image or returns no raw outputs.
    """
    program = load(path)
    if program.metadata.get(FACE, "raw") == "app":
        raise CouldNotVerify(
            f"{path}: blazepalm wrote it with face app, whose outputs are decoded; parity of "
            "the converted folder compares that face, a candidate needs face raw"
        )
    needed = [feature for feature in program.inputs if not feature.optional]
    only_input(str(path), tuple(feature.name for feature in needed))
    (feature,) = needed
    program.plan()

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        floats = feature.image is not None or feature.type.dtype in FLOATS
        given = values if floats else as_whole(values, "int32")
        return program.run({feature.name: given})

    return ForeignModel(
        str(path),
        package_sha256(path),
        "Core ML package, executed by blazepalm",
        _input(feature, str(path)),
        tuple(output.name for output in program.outputs),
        FLOAT16 if "FLOAT16" in program.precisions else FLOAT32,
        _stores(program),
        run,
    )


def _input(feature: Feature, path: str) -> Input:
    if feature.image is None:
        whole = feature.type.dtype not in FLOATS
        stated = LEVELS if whole else None
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
