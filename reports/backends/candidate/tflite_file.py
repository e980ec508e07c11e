"""Another `.tflite` as a candidate, in LiteRT in a process of its own: a re-export, or the file in
integers.
"""

from pathlib import Path

import numpy as np

from blazepalm.converter.evidence.input_range import quantised_range
from blazepalm.converter.tflite.bundle import open_contents
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import FLOAT16, FLOAT32, INTEGERS, output_names
from blazepalm.reports.backends.candidate.in_child import litert_in_child
from blazepalm.reports.backends.candidate.model import (
    LEVELS,
    ForeignModel,
    Input,
    as_whole,
    only_input,
    shape_text,
)
from blazepalm.reports.backends.litert_rewrite import without_custom_operators


def open_tflite(path: str | Path) -> ForeignModel:
    """Opens a file, a bundle's member or a release. Raises InvalidModel for a broken file,
    CouldNotVerify if LiteRT cannot run it or it does not take one image, ProcessDied if LiteRT dies
    of it.
    """
    contents = open_contents(path)
    for _, failure in contents.failures:
        raise failure
    if len(contents.models) != 1:
        members = ", ".join(source for source, _ in contents.models)
        raise CouldNotVerify(f"{path}: holds {len(contents.models)} models; name one: {members}")
    ((source, content),) = contents.models
    graph = read_bytes(content, source)
    stored = graph.stored
    assert stored is not None
    only_input(source, tuple(stored.tensors[t].name for t in stored.inputs))
    given = stored.tensors[stored.inputs[0]]
    whole = not given.dtype.startswith("float") and given.quantisation is None
    outputs = output_names(graph)
    litert = litert_in_child(without_custom_operators(content, source).content, outputs, source)

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        return litert(as_whole(values, given.dtype) if whole else values)

    return ForeignModel(
        str(path),
        graph.sha256,
        "TFLite file, in LiteRT",
        Input(
            given.name,
            lambda shape: shape == given.shape,
            shape_text(given.shape),
            LEVELS if whole else quantised_range(graph),
            whole=whole,
        ),
        outputs,
        INTEGERS if graph.dequantised else FLOAT32,
        stored_precision(graph),
        run,
        (stored.output_keys,) if len(stored.output_keys) == len(outputs) else (),
    )


def stored_precision(graph: Graph) -> str:
    """What a file stores its float weights as."""
    kinds = {
        tensor.provenance.dtype
        for tensor in graph.constants()
        if tensor.provenance is not None and tensor.dtype == "float32"
    }
    if kinds <= {"float32"}:
        return FLOAT32
    return FLOAT16 if kinds <= {"float32", "float16"} else INTEGERS
