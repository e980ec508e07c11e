"""An ONNX file as a candidate, in ONNX Runtime on the CPU (extra `onnx`)."""

from pathlib import Path

import numpy as np

from blazepalm.converter.onnx_file import open_session
from blazepalm.errors import CouldNotVerify, InvalidModel, first_line
from blazepalm.reports.backends.backend import FLOAT16, FLOAT32, INTEGERS
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
    does not take one image.
    """
    session = open_session(path, str(path))
    inputs = session.get_inputs()
    only_input(str(path), tuple(given.name for given in inputs))
    (given,) = inputs
    dtype = FLOAT_TYPES.get(given.type) or WHOLE_TYPES.get(given.type)
    if dtype is None:
        raise CouldNotVerify(
            f"{path}: input '{given.name}' takes {given.type}; parity feeds images of "
            f"{', '.join((*FLOAT_TYPES.values(), *WHOLE_TYPES.values()))}"
        )
    declared = tuple(size if isinstance(size, int) else None for size in given.shape)
    outputs = tuple(output.name for output in session.get_outputs())
    whole = given.type in WHOLE_TYPES

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        array = as_whole(values, dtype) if whole else values.astype(dtype, copy=False)
        try:
            found = session.run(None, {given.name: np.ascontiguousarray(array)})
        except Exception as error:
            raise CouldNotVerify(
                f"{path}: ONNX Runtime cannot run it: {first_line(error)}"
            ) from error
        return dict(zip(outputs, map(np.asarray, found), strict=True))

    computes, stores = _precisions(path, given.type)
    return ForeignModel(
        str(path),
        package_sha256(path),
        "ONNX file, in ONNX Runtime",
        Input(
            given.name,
            lambda shape: fits(shape, declared),
            shape_text(declared),
            LEVELS if whole else None,
            whole=whole,
        ),
        outputs,
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
