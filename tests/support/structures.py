"""A graph's structure as JSON: what an exporter writes, without its weights. Of each constant
of more than one value there is the SHA-256 of its float32 values instead; read back, it holds
zeros. Made by `python tests/support/structures.py OUTPUT.json MODEL.tflite`.
"""

import gzip
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.converter.tflite import options as option_types
from blazepalm.converter.tflite.graph import Graph, Operator, Provenance, Tensor

FOLDER = Path(__file__).parent / "structures"


def digest(values: np.ndarray) -> str:
    """Of the values in C order."""
    return hashlib.sha256(np.ascontiguousarray(values, "<f4").tobytes()).hexdigest()


def to_dict(graph: Graph) -> dict[str, Any]:
    used = {t for op in graph.operators for t in (*op.inputs, *op.outputs)}
    return {
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "stored_operators": graph.stored_operators,
        "tensors": [
            [t.index, t.name, t.shape, t.dtype, _value(t)] for t in graph.tensors if t.index in used
        ],
        "operators": [
            [op.index, op.name, op.opcode, op.inputs, op.outputs, _options(op)]
            for op in graph.operators
        ],
    }


def read(name: str) -> tuple[Graph, dict[int, str]]:
    """The graph of a stored structure, and the digest of each constant that it has none of."""
    values = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    count = 1 + max(row[0] for row in values["tensors"])
    tensors = [Tensor(i, "", (), "float32") for i in range(count)]
    digests: dict[int, str] = {}
    for index, label, shape, dtype, value in values["tensors"]:
        data = None
        if isinstance(value, str):
            digests[index] = value
            data = np.zeros(shape, dtype)
        elif value is not None:
            data = np.array(value, dtype).reshape(shape)
        origin = Provenance(index, label, dtype, tuple(shape), 0, 0, digests.get(index, ""))
        tensors[index] = Tensor(
            index,
            label,
            tuple(shape),
            dtype,
            data=data,
            provenance=None if data is None else origin,
        )
    operators = tuple(
        Operator(index, name, opcode, 1, tuple(inputs), tuple(outputs), _read_options(options))
        for index, name, opcode, inputs, outputs, options in values["operators"]
    )
    graph = Graph(
        source=name,
        sha256="0" * 64,
        size=0,
        description="",
        tensors=tuple(tensors),
        operators=operators,
        inputs=tuple(values["inputs"]),
        outputs=tuple(values["outputs"]),
        metadata={},
        stored_operators=values["stored_operators"],
    )
    return graph, digests


def _value(tensor: Tensor) -> Any:
    if tensor.data is None:
        return None
    if tensor.data.dtype.kind == "f" and tensor.data.size > 1:
        return digest(tensor.data)
    return tensor.data.reshape(-1).tolist()


def _options(op: Operator) -> Any:
    return None if op.options is None else [type(op.options).__name__, asdict(op.options)]


def _read_options(values: Any) -> Any:
    if values is None:
        return None
    name, fields = values
    return getattr(option_types, name)(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    )


def main(output: Path, model: Path) -> None:
    from blazepalm.converter.tflite import read as read_model

    text = json.dumps(to_dict(read_model(model)), separators=(",", ":"))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
