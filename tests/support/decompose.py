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
    """A file being changed. `operators` replaces each operator by those that a function returns."""

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
        return self.constant(np.array(value, np.float32))

    def constant(self, values: np.ndarray) -> int:
        data = np.frombuffer(values.tobytes(), np.uint8)
        self.model.buffers.append(schema.BufferT(data=data))
        made = self._tensor(list(values.shape), len(self.model.buffers) - 1)
        if values.dtype == np.int32:
            self.graph.tensors[made].type = schema.TensorType.INT32
        return made

    def integers(self, values: list[Any]) -> int:
        return self.constant(np.array(values, np.int32))

    def value(self, shape: list[int]) -> int:
        """A run-time value."""
        return self._tensor(shape, 0)

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


def formula(name: str, text: str) -> Callable[[Rewriter], int]:
    """Replaces each operator `name` by the steps in `text`: `OPERATOR operands… result;`. x and a
    are the operator's inputs, y is its output; numbers are constants, other names values between.
    """

    def rewrite(file: Rewriter) -> int:
        steps = [step.split() for step in text.split(";")]
        words = {word for _, *operands in steps for word in operands}
        constants = {word: file.scalar(float(word)) for word in words if word[-1].isdigit()}

        def apart(op: Any) -> list[Any]:
            y = int(op.outputs[0])
            places = {**constants, **dict(zip("xa", map(int, op.inputs), strict=False)), "y": y}
            places |= {word: file.like(y) for word in sorted(words - places.keys())}
            return [
                file.op(kind, [places[word] for word in operands], places[result])
                for kind, *operands, result in steps
            ]

        return file.operators(name, apart)

    return rewrite


# max(x, a·x), which is the same for slopes of at most 1
prelu_as_maximum = formula("PRELU", "MUL x a ax; MAXIMUM x ax y")
# relu(x) + −relu(−x) · a
prelu_as_relus = formula(
    "PRELU", "RELU x high; NEG x minus; RELU minus low; NEG low back; MUL back a ab; ADD high ab y"
)
# relu(x) + (x − |x|) · 0.5 · a, as onnx2tf writes it
prelu_as_abs = formula(
    "PRELU", "RELU x high; ABS x size; SUB x size b; MUL b 0.5 low; MUL low a al; ADD high al y"
)
# max(x, 0) + a · min(x, 0)
prelu_as_extremes = formula(
    "PRELU", "MAXIMUM x 0 high; MINIMUM x 0 low; MUL a low al; ADD al high y"
)
# relu(x) − a · relu(−x), the sign as a product
prelu_as_difference = formula(
    "PRELU", "RELU x high; MUL x -1 minus; RELU minus low; MUL low a al; SUB high al y"
)
# 1 / (exp(−x) + 1)
logistic_as_quotient = formula(
    "LOGISTIC", "NEG x minus; EXP minus power; ADD power 1 total; DIV 1 total y"
)


def relus_as_extremes(file: Rewriter) -> int:
    """max(x, 0), min(max(x, 0), 6)"""
    capped = formula("RELU6", "MAXIMUM x 0 high; MINIMUM high 6 y")
    return capped(file) + formula("RELU", "MAXIMUM x 0 y")(file)


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


def activations_apart(file: Rewriter) -> int:
    """Each activation that a convolution carries, as an operator of its own."""
    names = {RELU: "RELU", schema.ActivationFunctionType.RELU6: "RELU6"}
    count = 0

    def apart(op: Any) -> list[Any]:
        nonlocal count
        carried = names.get(op.builtinOptions.fusedActivationFunction)
        if carried is None:
            return [op]
        count += 1
        y = int(op.outputs[0])
        plain = file.like(y)
        op.outputs = [plain]
        op.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
        return [op, file.op(carried, [plain], y)]

    for name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        file.operators(name, apart)
    return count


def activations_carried(file: Rewriter) -> int:
    """Each RELU or RELU6 that alone reads a convolution or a sum, carried by it."""
    reads = [int(i) for op in file.graph.operators for i in op.inputs]
    makers = {
        int(op.outputs[0]): op
        for op in file.graph.operators
        if file.name_of(op) in ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD")
    }
    count = 0

    def joined(name: str) -> Callable[[Any], list[Any]]:
        def join(op: Any) -> list[Any]:
            nonlocal count
            x = int(op.inputs[0])
            if x not in makers or reads.count(x) != 1:
                return [op]
            count += 1
            maker = makers[x]
            if file.name_of(maker) == "ADD" and maker.builtinOptions is None:
                maker.builtinOptionsType = schema.BuiltinOptions.AddOptions
                maker.builtinOptions = schema.AddOptionsT()
            kind = getattr(schema.ActivationFunctionType, name)
            maker.builtinOptions.fusedActivationFunction = kind
            maker.outputs = op.outputs
            return []

        return join

    for name in ("RELU", "RELU6"):
        file.operators(name, joined(name))
    return count


def padding_apart(file: Rewriter) -> int:
    """Each SAME convolution that pads, as PAD and a VALID one."""
    count = 0

    def apart(op: Any) -> list[Any]:
        nonlocal count
        options = op.builtinOptions
        if options.padding != schema.Padding.SAME:
            return [op]
        x = int(op.inputs[0])
        shape = list(file.graph.tensors[x].shape)
        kernel = list(file.graph.tensors[int(op.inputs[1])].shape)[1:3]
        sums = [
            max((-(-n // s) - 1) * s + k - n, 0)
            for n, k, s in zip(shape[1:3], kernel, (options.strideH, options.strideW), strict=True)
        ]
        if not any(sums):
            return [op]
        count += 1
        options.padding = schema.Padding.VALID
        pairs = [[0, 0], *([n // 2, n - n // 2] for n in sums), [0, 0]]
        padded = file.value(
            [shape[0], *(n + p for n, p in zip(shape[1:3], sums, strict=True)), shape[3]]
        )
        op.inputs = [padded, *op.inputs[1:]]
        return [file.op("PAD", [x, file.integers(pairs)], padded), op]

    for name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        file.operators(name, apart)
    return count


def mean_otherwise(file: Rewriter, way: str) -> int:
    """Writes MEAN over a map as other operators."""

    def apart(op: Any) -> list[Any]:
        x, y = int(op.inputs[0]), int(op.outputs[0])
        n, h, w, c = (int(d) for d in file.graph.tensors[x].shape)
        keep, drop = schema.ReducerOptionsT(keepDims=True), schema.ReducerOptionsT(keepDims=False)
        if way == "pool":
            options = schema.Pool2DOptionsT(
                padding=schema.Padding.VALID, strideH=h, strideW=w, filterHeight=h, filterWidth=w
            )
            small = file.value([n, 1, 1, c])
            shape = file.integers(list(file.graph.tensors[y].shape))
            return [
                file.op("AVERAGE_POOL_2D", [x], small, options),
                file.op("RESHAPE", [small, shape], y),
            ]
        if way == "twice":
            rows = file.value([n, 1, w, c])
            small = file.value([n, 1, 1, c])
            shape = file.integers(list(file.graph.tensors[y].shape))
            return [
                file.op("MEAN", [x, file.integers([1])], rows, keep),
                file.op("MEAN", [rows, file.integers([2])], small, keep),
                file.op("RESHAPE", [small, shape], y),
            ]
        if way == "pixels":
            pixels = file.value([n, h * w, c])
            return [
                file.op("RESHAPE", [x, file.integers([n, h * w, c])], pixels),
                file.op("MEAN", [pixels, file.integers([1])], y, drop),
            ]
        total = file.like(y)
        return [
            file.op("SUM", [x, file.integers([1, 2])], total, op.builtinOptions),
            file.op("DIV", [total, file.scalar(h * w)], y),
        ]

    return file.operators("MEAN", apart)


def linear_otherwise(file: Rewriter, way: str) -> int:
    """FULLY_CONNECTED as a product and a sum, or as a convolution of 1×1."""

    def apart(op: Any) -> list[Any]:
        x, weight, bias = (int(i) for i in op.inputs)
        y = int(op.outputs[0])
        if way == "sum":
            op.inputs, plain = [x, weight, -1], file.like(y)
            op.outputs = [plain]
            return [op, file.op("ADD", [plain, bias], y)]
        n, c = file.graph.tensors[x].shape
        out = file.graph.tensors[y].shape[-1]
        small, flat = file.value([n, 1, 1, c]), file.value([n, 1, 1, out])
        kernel = file.value([out, 1, 1, c])
        options = schema.Conv2DOptionsT(strideH=1, strideW=1, padding=schema.Padding.VALID)
        return [
            file.op("RESHAPE", [x, file.integers([n, 1, 1, c])], small),
            file.op("RESHAPE", [weight, file.integers([out, 1, 1, c])], kernel),
            file.op("CONV_2D", [small, kernel, bias], flat, options),
            file.op("RESHAPE", [flat, file.integers([n, out])], y),
        ]

    return file.operators("FULLY_CONNECTED", apart)


def depthwise_as_groups(file: Rewriter) -> int:
    """DEPTHWISE_CONV_2D as CONV_2D with a group for each channel."""

    def apart(op: Any) -> list[Any]:
        x, weight, bias = (int(i) for i in op.inputs)
        _, h, w, c = file.graph.tensors[weight].shape
        turned = file.value([c, h, w, 1])
        old = op.builtinOptions
        options = schema.Conv2DOptionsT(
            padding=old.padding,
            strideH=old.strideH,
            strideW=old.strideW,
            fusedActivationFunction=old.fusedActivationFunction,
        )
        return [
            file.op("TRANSPOSE", [weight, file.integers([3, 1, 2, 0])], turned),
            file.op("CONV_2D", [x, turned, bias], int(op.outputs[0]), options),
        ]

    return file.operators("DEPTHWISE_CONV_2D", apart)


def channels_by_concatenation(file: Rewriter) -> int:
    """A PAD of channels as CONCATENATION with zeros."""
    count = 0

    def apart(op: Any) -> list[Any]:
        nonlocal count
        x, y = int(op.inputs[0]), int(op.outputs[0])
        before, after = (list(file.graph.tensors[t].shape) for t in (x, y))
        if before[:3] != after[:3]:
            return [op]
        count += 1
        shape = [*before[:3], after[3] - before[3]]
        zeros = file.constant(np.zeros(shape, np.float32))
        return [
            file.op("CONCATENATION", [x, zeros], y, schema.ConcatenationOptionsT(axis=3)),
        ]

    file.operators("PAD", apart)
    return count


def reshape_as_squeeze(file: Rewriter) -> int:
    """RESHAPE that only drops axes of length one, as SQUEEZE."""
    count = 0

    def renamed(op: Any) -> list[Any]:
        nonlocal count
        x, y = int(op.inputs[0]), int(op.outputs[0])
        before, after = (list(file.graph.tensors[t].shape) for t in (x, y))
        if len(before) != 4 or before[1:3] != [1, 1] or [before[0], before[3]] != after:
            return [op]
        count += 1
        return [file.op("SQUEEZE", [x], y, schema.SqueezeOptionsT(squeezeDims=[1, 2]))]

    file.operators("RESHAPE", renamed)
    return count


def without_repeated_relu(file: Rewriter) -> int:
    """RELU of a RELU left out, as converters do."""
    made = {int(op.outputs[0]) for op in file.graph.operators if file.name_of(op) == "RELU"}
    same: dict[int, int] = {}

    def dropped(op: Any) -> list[Any]:
        x = int(op.inputs[0])
        if x not in made:
            return [op]
        same[int(op.outputs[0])] = x
        return []

    file.operators("RELU", dropped)
    for op in file.graph.operators:
        op.inputs = [same.get(int(i), int(i)) for i in op.inputs]
    return len(same)
