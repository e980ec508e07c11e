"""An ONNX file as a candidate: ONNX Runtime (extra `onnx`) in a process of its own, on the CPU."""

from pathlib import Path

import numpy as np

from blazepalm.errors import CouldNotVerify, InvalidModel, first_line
from blazepalm.reports.backends.backend import FLOAT16, FLOAT32, INTEGERS
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

UNPACKS = ("Cast", "DequantizeLinear")  # turn stored weights into floats


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

    computes, stores = _precisions(path, given.type)
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
        computes,
        stores,
        run,
    )


def _precisions(path: Path, input_type: str) -> tuple[str, str]:
    """What the file computes in, and what it stores its weights as."""
    import onnx

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:
        raise InvalidModel(f"{path}: cannot be read as ONNX: {first_line(error)}") from error
    kinds = {
        weight.name: onnx.TensorProto.DataType.Name(weight.data_type)
        for weight in graph.initializer
    }
    computed: set[str] = {"FLOAT16"} if input_type == "tensor(float16)" else set()
    stored: set[str] = set()
    for node in graph.node:
        read = {kinds[name] for name in node.input if name in kinds}
        if node.op_type in UNPACKS:
            stored |= read & {"FLOAT16", "INT8", "UINT8", "INT4", "UINT4"}
        elif "FLOAT16" in read:
            computed.add("FLOAT16")
        quantises = "Quantize" in node.op_type and node.op_type != "DequantizeLinear"
        if quantises or node.op_type.startswith("QLinear") or node.op_type.endswith("Integer"):
            computed.add("INT8")
    return _least(computed), _least(stored)


def _least(kinds: set[str]) -> str:
    if kinds - {"FLOAT16"}:
        return INTEGERS
    return FLOAT16 if kinds else FLOAT32
