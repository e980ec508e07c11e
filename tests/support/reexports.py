"""Real releases as another exporter would have written them: outputs in another order, other names
or none, weights in integers, a further training step, another range of the input.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from support.rewritten import packed, unpacked

FLOATS = {schema.TensorType.FLOAT16: np.float16, schema.TensorType.FLOAT32: np.float32}
Values = np.ndarray[Any, np.dtype[Any]]


def reexported(
    content: bytes,
    order: Sequence[int] | None = None,
    names: Mapping[int, str] | None = None,
    keys: Sequence[str] | None = None,
) -> bytes:
    """The outputs in another order (`order[i]`: the file's output that comes i-th), no tensor with
    a telling name, except the outputs in `names` (by their new position), and a signature with
    `keys`, one an output.
    """
    model = unpacked(content)
    (graph,) = model.subgraphs
    graph.outputs = [int(graph.outputs[i]) for i in order or range(len(graph.outputs))]
    for number, tensor in enumerate(graph.tensors):
        tensor.name = f"t{number}"
    for position, tensor in enumerate(graph.outputs):
        graph.tensors[tensor].name = (names or {}).get(position, f"Identity_{position}")
    model.metadata = model.metadataBuffer = None
    model.signatureDefs = [_signature(graph, keys)] if keys else None
    return packed(model)


def trained_further(content: bytes, size: float = 0.004, seed: int = 1) -> bytes:
    """Every weight off by a relative error of `size`: no known release's weights any more."""
    noise = np.random.default_rng(seed)

    def change(values: Values) -> Values:
        return values * (1 + size * noise.standard_normal(values.shape))

    return _with_weights(content, lambda name, values: change(values))


def opposite_handedness(content: bytes, output: int) -> bytes:
    """Handedness with its layer's weights and bias negated: high for left hands."""
    model = unpacked(content)
    (graph,) = model.subgraphs
    for tensor in _layer_of(graph, graph.outputs[output]).inputs[1:]:
        _change(model, graph, _origin(graph, tensor), np.negative)
    return packed(model)


def for_range(content: bytes, low: float, high: float) -> bytes:
    """The first convolution changed to take `low`..`high` where it took 0..1 (except at the border,
    which is padded with zeros)."""
    model = unpacked(content)
    (graph,) = model.subgraphs
    (first,) = [op for op in graph.operators if op.inputs[0] == graph.inputs[0]]
    if graph.tensors[first.inputs[0]].shape is None or len(first.inputs) < 3:
        (first,) = [op for op in graph.operators if op.inputs[0] == first.outputs[0]]
    kernel, bias = (_origin(graph, t) for t in first.inputs[1:])
    values = _values(model, graph, kernel)
    shift = values.reshape(len(values), -1).sum(axis=1) * (low / (high - low))
    _change(model, graph, bias, lambda old: old - shift)
    _change(model, graph, kernel, lambda old: old / (high - low))
    return packed(model)


def in_integers(content: bytes) -> bytes:
    """The weights of convolutions in int8, one scale for each output channel."""
    model = unpacked(content)
    (graph,) = model.subgraphs
    for op in list(graph.operators):
        kind = _kind(model, op)
        axis = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3}.get(kind)
        if axis is None:
            continue
        index = _origin(graph, op.inputs[1])
        tensor = graph.tensors[index]
        if tensor.type not in FLOATS or model.buffers[tensor.buffer].data is None:
            continue
        values = _values(model, graph, index)
        others = tuple(a for a in range(values.ndim) if a != axis)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-9) / 127
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scale.reshape(-1).astype(np.float32)
        tensor.quantization.zeroPoint = np.zeros(scale.size, np.int64)
        tensor.quantization.quantizedDimension = axis
        stored = np.rint(values / scale).astype(np.int8)
        model.buffers[tensor.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)
    return packed(model)


def _signature(graph: Any, keys: Sequence[str]) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey = "serving_default"
    made.inputs = [_named("image", graph.inputs[0])]
    made.outputs = [_named(key, t) for key, t in zip(keys, graph.outputs, strict=True)]
    return made


def _named(name: str, tensor: int) -> Any:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, int(tensor)
    return made


def _kind(model: Any, op: Any) -> str:
    code = model.operatorCodes[op.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    return names[number]


def _producer(graph: Any, tensor: int) -> Any:
    return next((op for op in graph.operators if tensor in op.outputs), None)


def _layer_of(graph: Any, tensor: int) -> Any:
    """The operator with weights whose result becomes `tensor`."""
    op = _producer(graph, tensor)
    return op if len(op.inputs) == 3 else _layer_of(graph, op.inputs[0])


def _origin(graph: Any, tensor: int) -> int:
    """The constant before its dequantisation."""
    op = _producer(graph, tensor)
    return int(tensor if op is None else op.inputs[0])


def _values(model: Any, graph: Any, index: int) -> Values:
    tensor = graph.tensors[index]
    data = bytes(bytearray(model.buffers[tensor.buffer].data))
    return np.frombuffer(data, FLOATS[tensor.type]).reshape(tensor.shape).astype(np.float64)


def _change(model: Any, graph: Any, index: int, change: Callable[[Values], Values]) -> None:
    tensor = graph.tensors[index]
    stored = change(_values(model, graph, index)).astype(FLOATS[tensor.type])
    model.buffers[tensor.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)


def _with_weights(content: bytes, change: Callable[[str, Values], Values]) -> bytes:
    model = unpacked(content)
    (graph,) = model.subgraphs
    for index, tensor in enumerate(graph.tensors):
        data = model.buffers[tensor.buffer].data
        if tensor.type in FLOATS and data is not None and tensor.sparsity is None:
            _change(model, graph, index, lambda old, t=tensor: change(t.name, old))
    return packed(model)
