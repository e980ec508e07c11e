"""What an ONNX file computes in, and what it stores its weights as, by its nodes. It parses a
stranger's file, so it runs where the file is run: in a process of its own (`in_child`).
"""

from collections.abc import Collection

from blazepalm.errors import InvalidModel, first_line
from blazepalm.reports.backends.backend import FLOAT16, FLOAT32, INTEGERS

UNPACKS = ("Cast", "DequantizeLinear")  # turn stored weights into floats


def precisions(path: str, input_types: Collection[str]) -> tuple[str, str]:
    """What the file computes in, and what it stores its weights as. `input_types` are those of ONNX
    Runtime. Raises InvalidModel if the file cannot be parsed.
    """
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:
        raise InvalidModel(f"{path}: cannot be read as ONNX: {first_line(error)}") from error
    kinds = {
        weight.name: onnx.TensorProto.DataType.Name(weight.data_type)
        for weight in graph.initializer
    }
    computed: set[str] = {"FLOAT16"} if "tensor(float16)" in input_types else set()
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
