"""An ONNX file as a candidate: ONNX Runtime (extra `onnx`) in a process of its own, on the CPU."""

from pathlib import Path

import numpy as np

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.candidate.in_child import onnx_in_child
from blazepalm.reports.backends.candidate.model import (
    LEVELS,
    ForeignModel,
    Input,
    as_whole,
    fits,
    only_input,
    shape_text,
)
from blazepalm.reports.backends.hashing import package_sha256

# what a session's inputs may be of → NumPy's names
FLOAT_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
}
WHOLE_TYPES = {"tensor(uint8)": "uint8", "tensor(int32)": "int32", "tensor(int64)": "int64"}


def open_onnx(path: Path) -> ForeignModel:
    """Raises InvalidModel for a broken file, CouldNotVerify without ONNX Runtime or if the file
    does not take one image, ProcessDied if ONNX Runtime dies of it.
    """
    session = onnx_in_child(path)
    only_input(str(path), tuple(given.name for given in session.inputs))
    (given,) = session.inputs
    dtype = FLOAT_TYPES.get(given.type) or WHOLE_TYPES.get(given.type)
    if dtype is None:
        raise CouldNotVerify(
            f"{path}: input '{given.name}' takes {given.type}; parity feeds images of "
            f"{', '.join((*FLOAT_TYPES.values(), *WHOLE_TYPES.values()))}"
        )
    whole = given.type in WHOLE_TYPES

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        array = as_whole(values, dtype) if whole else values.astype(dtype, copy=False)
        return session.run(given.name, np.ascontiguousarray(array))

    return ForeignModel(
        str(path),
        package_sha256(path),
        "ONNX file, in ONNX Runtime",
        Input(
            given.name,
            lambda shape: fits(shape, given.shape),
            shape_text(given.shape),
            LEVELS if whole else None,
            whole=whole,
        ),
        session.outputs,
        session.computes,
        session.stores,
        run,
    )
