"""Real releases as another exporter would have written them: activations taken apart, sums that
carry their activation, a mean that keeps its dimensions. Works on the flatbuffer's objects; the
weights stay as they lie in the file (float16 and sparse ones too).
"""

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from support.tflite_builder import AlignedBuffer

RELU = schema.ActivationFunctionType.RELU


class Rewriter:
    """A file under change. `operators` replaces each operator by those a function returns."""

    def __init__(self, content: bytes) -> None:
        self.model = schema.ModelT.InitFromPackedBuf(content, 0)
        self.graph = self.model.subgraphs[0]

    def name_of(self, op: Any) -> str:
        code = self.model.operatorCodes[op.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
        return names[number]

    def operators(self, name: str, replaced: Callable[[Any], list[Any]]) -> int:
        """Replaces every operator `name`; returns how many there were."""
        after, count = [], 0
        for op in self.graph.operators:
            if self.name_of(op) == name:
                count += 1
                after += replaced(op)
            else:
                after.append(op)
        self.graph.operators = after
        return count

    def scalar(self, value: float) -> int:
        data = np.frombuffer(np.float32(value).tobytes(), np.uint8)
        self.model.buffers.append(schema.BufferT(data=data))
        return self._tensor([], len(self.model.buffers) - 1)

    def like(self, tensor: int) -> int:
        """A run-time value of the same shape."""
        return self._tensor(list(self.graph.tensors[tensor].shape), 0)

    def op(self, name: str, inputs: list[int], output: int, options: Any = None) -> Any:
        number = getattr(schema.BuiltinOperator, name)
        self.model.operatorCodes.append(
            schema.OperatorCodeT(deprecatedBuiltinCode=number, builtinCode=number, version=1)
        )
        made = schema.OperatorT(
            opcodeIndex=len(self.model.operatorCodes) - 1, inputs=inputs, outputs=[output]
        )
        if options is not None:
            table = type(options).__name__.removesuffix("T")
            made.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            made.builtinOptions = options
        return made

    def build(self) -> bytes:
        self.model.buffers = [AlignedBuffer(b.data, b.offset, b.size) for b in self.model.buffers]
        builder = flatbuffers.Builder(1 << 22)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _tensor(self, shape: list[int], buffer: int) -> int:
        self.graph.tensors.append(schema.TensorT(shape=shape, buffer=buffer, name=b"rewritten"))
        return len(self.graph.tensors) - 1


def prelu_as_maximum(file: Rewriter) -> int:
    """max(x, a·x), which is the same for slopes of at most 1."""

    def apart(op: Any) -> list[Any]:
        x, slope = (int(i) for i in op.inputs)
        y = int(op.outputs[0])
        product = file.like(y)
        return [file.op("MUL", [x, slope], product), file.op("MAXIMUM", [x, product], y)]

    return file.operators("PRELU", apart)


def prelu_as_relus(file: Rewriter) -> int:
    """relu(x) + −relu(−x) · a"""

    def apart(op: Any) -> list[Any]:
        x, slope = (int(i) for i in op.inputs)
        y = int(op.outputs[0])
        high, minus, low, back, product = (file.like(y) for _ in range(5))
        return [
            file.op("RELU", [x], high),
            file.op("NEG", [x], minus),
            file.op("RELU", [minus], low),
            file.op("NEG", [low], back),
            file.op("MUL", [back, slope], product),
            file.op("ADD", [high, product], y),
        ]

    return file.operators("PRELU", apart)


def logistic_as_quotient(file: Rewriter) -> int:
    """1 / (exp(−x) + 1)"""
    one = file.scalar(1.0)

    def apart(op: Any) -> list[Any]:
        x, y = int(op.inputs[0]), int(op.outputs[0])
        minus, power, total = (file.like(y) for _ in range(3))
        return [
            file.op("NEG", [x], minus),
            file.op("EXP", [minus], power),
            file.op("ADD", [power, one], total),
            file.op("DIV", [one, total], y),
        ]

    return file.operators("LOGISTIC", apart)


def relu_into_add(file: Rewriter) -> int:
    """ADD, then RELU that alone reads it → ADD that carries it."""
    reads = [int(i) for op in file.graph.operators for i in op.inputs]
    sums = {int(o.outputs[0]): o for o in file.graph.operators if file.name_of(o) == "ADD"}
    count = 0

    def joined(op: Any) -> list[Any]:
        nonlocal count
        x = int(op.inputs[0])
        if x not in sums or reads.count(x) != 1:
            return [op]
        count += 1
        sums[x].builtinOptionsType = schema.BuiltinOptions.AddOptions
        sums[x].builtinOptions = schema.AddOptionsT(fusedActivationFunction=RELU)
        sums[x].outputs = op.outputs
        return []

    file.operators("RELU", joined)
    return count


def mean_keeps_dimensions(file: Rewriter) -> int:
    """MEAN to 1×1×C maps that FULLY_CONNECTED reads as they are, as in hand-sparse-2021-10."""
    maps: dict[int, int] = {}

    def kept(op: Any) -> list[Any]:
        y = int(op.outputs[0])
        file.graph.tensors[y].shape = [1, 1, 1, int(file.graph.tensors[y].shape[-1])]
        op.builtinOptions = schema.ReducerOptionsT(keepDims=True)
        op.builtinOptionsType = schema.BuiltinOptions.ReducerOptions
        maps[y] = y
        return [op]

    count = file.operators("MEAN", kept)

    def dropped(op: Any) -> list[Any]:
        x = int(op.inputs[0])
        if x not in maps:
            return [op]
        maps[int(op.outputs[0])] = x
        return []

    file.operators("RESHAPE", dropped)
    for op in file.graph.operators:
        op.inputs = [maps.get(int(i), int(i)) for i in op.inputs]
    return count
