"""A converted folder as a candidate: its own torch module with its own weights."""

from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.converter.loading import load, read_record, structure_of
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import CouldNotVerify
from blazepalm.models.gesture_spec import GestureSpec
from blazepalm.reports.backends.backend import FLOAT32
from blazepalm.reports.backends.candidate.model import (
    ForeignModel,
    Input,
    only_input,
    shape_text,
)
from blazepalm.reports.backends.hashing import package_sha256


def open_folder(folder: Path) -> ForeignModel:
    """Raises ArtifactError for a damaged folder, CouldNotVerify if it does not take one input."""
    import torch

    module: Any = load(folder)
    structure = structure_of(folder, read_record(folder))
    if isinstance(structure, GestureSpec):
        raise CouldNotVerify(
            f"{folder}: a gesture network takes no image, so it is no candidate; parity takes its "
            "folder itself"
        )
    if isinstance(structure, Graph):
        tensors = structure.tensors
        only_input(str(folder), tuple(tensors[t].name for t in structure.inputs))
        name, shape = tensors[structure.inputs[0]].name, tensors[structure.inputs[0]].shape
        outputs, value_range = tuple(tensors[t].name for t in structure.outputs), None
    else:
        name, shape = "image", (1, 3, *structure.input_size)
        outputs, value_range = (), structure.value_range

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            found = module(torch.from_numpy(np.ascontiguousarray(values, np.float32)))
        names = outputs or found._fields
        pairs = zip(names, found, strict=True)
        return {name: value.numpy() for name, value in pairs if value is not None}

    return ForeignModel(
        str(folder),
        package_sha256(folder),
        "converted folder, its torch module",
        Input(name, lambda given: given == shape, shape_text(shape), value_range),
        outputs or tuple(run(np.zeros(shape, np.float32))),
        FLOAT32,
        FLOAT32,
        run,
    )
