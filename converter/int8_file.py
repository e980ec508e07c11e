"""A TFLite file → the same network in 8-bit integers, by AI Edge Quantizer (extra `quantizer`):
weights with a scale for each channel, values by the range that they were measured to have.

https://github.com/google-ai-edge/ai-edge-quantizer
It has no rule for PRELU, and leaves it in float32 between a DEQUANTIZE and a QUANTIZE. These three
become one PRELU in integers here, which TFLite's kernels have. The biases that it loses are put
back (`int8_biases`). It runs in a process of its own,
since it logs and warns.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.child import Child, Function
from blazepalm.child_pipe import Arrays
from blazepalm.converter.int8_biases import with_biases
from blazepalm.converter.layer_price import LayerPrice
from blazepalm.converter.tflite.float_form import signed_float_form
from blazepalm.converter.tflite.repack import add_buffer, append, empty_unread_buffers, pack, unpack
from blazepalm.errors import ArtifactError, CouldNotVerify, ProcessDied

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

Range = tuple[str, float, float]  # a tensor's name in the file, its lowest and highest value

PACKAGE = "ai-edge-quantizer"
IMAGE = "image"
STEPS = 127  # of a slope's magnitude


@dataclass(frozen=True)
class Int8File:
    """A quantised file. `ranges`: of each tensor of the network, as measured; `price`: what the
    whole file costs on the pictures (its `layer` is empty), `layers`: what each layer does.
    """

    content: bytes
    ranges: tuple[Range, ...]
    price: LayerPrice
    layers: tuple[LayerPrice, ...]

    def record(self) -> dict[str, Any]:
        """Plain values for `conversion.json`."""
        return {
            "ranges": [list(entry) for entry in self.ranges],
            "price": asdict(self.price),
            "layers": [asdict(layer) for layer in self.layers],
            "quantizer": version(PACKAGE),
        }


def ranges_of(record: Any) -> tuple[Range, ...]:
    """The ranges of a `record`. Raises ArtifactError for one that is damaged."""
    try:
        found = tuple((str(name), float(low), float(high)) for name, low, high in record["ranges"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError("the record of the TFLite file in integers is damaged") from error
    return found


def missing_quantizer() -> str | None:
    """How to install AI Edge Quantizer, or None if it is. Imports nothing."""
    names = ("ai_edge_quantizer", "ai_edge_litert")
    if all(importlib.util.find_spec(name) is not None for name in names):
        return None
    return "AI Edge Quantizer is not installed; install it with: pip install 'blazepalm[quantizer]'"


def need_quantizer() -> None:
    """Raises CouldNotVerify without AI Edge Quantizer."""
    if (reason := missing_quantizer()) is not None:
        raise CouldNotVerify(reason)


def float_file(model: "Converted", content: bytes) -> bytes:
    """The float32 file that is quantised, of a network that reads one image."""
    return signed_float_form(content, model.graph.source, [IMAGE], model.outputs)


def int8_file(plain: bytes, source: str, ranges: Sequence[Range]) -> bytes:
    """The file in 8-bit integers, inputs and outputs too. `plain` is a float32 file with a
    signature, `ranges` has every tensor that is no constant. The same input gives the same bytes.
    Raises CouldNotVerify without the quantizer, or if it refuses the file.
    """
    need_quantizer()
    given = {"ranges": [list(entry) for entry in ranges]}
    with Child(f"{PACKAGE} on {source}", f"{__name__}:open_here", given) as quantizer:
        try:
            found = quantizer({"content": np.frombuffer(plain, np.uint8)})
        except ProcessDied as error:
            raise CouldNotVerify(str(error)) from error
    return with_integer_slopes(with_biases(found["content"].tobytes(), plain, source), source)


def open_here(ranges: list[tuple[str, float, float]]) -> Function:
    """In the child: from a float32 file to one in integers."""
    from ai_edge_litert.tools import flatbuffer_utils
    from ai_edge_quantizer import quantizer, recipe

    warnings.simplefilter("ignore")  # a channel of zeros has no scale

    def run(arrays: Arrays) -> Arrays:
        wanted = {
            name: {"min": np.float32(low).reshape(1), "max": np.float32(high).reshape(1)}
            for name, low, high in ranges
        }
        work = quantizer.Quantizer(arrays["content"].tobytes(), recipe.static_wi8_ai8())
        found = work.quantize(wanted, enable_progress_bar=False, enable_progress_report=False)
        # it writes constants behind the flatbuffer, where few tools look
        whole = flatbuffer_utils.read_model_from_bytearray(bytearray(found.quantized_model))
        return {"content": np.frombuffer(pack(whole), np.uint8)}

    return run


def with_integer_slopes(content: bytes, source: str) -> bytes:
    """The file with each PRELU that stands between a DEQUANTIZE and a QUANTIZE in integers, its
    slopes in 8 bits by one scale.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = unpack(content, source, "its PRELU stay in float32")
    graph = model.subgraphs[0]
    kinds = [model.operatorCodes[op.opcodeIndex].builtinCode for op in graph.operators]
    of = schema.BuiltinOperator
    makers = {int(t): op for op in graph.operators for t in op.outputs}
    kind = {id(op): code for op, code in zip(graph.operators, kinds, strict=True)}
    readers: dict[int, list[Any]] = {}
    for op in graph.operators:
        for tensor in op.inputs:
            readers.setdefault(int(tensor), []).append(op)
    dropped: set[int] = set()
    for op in graph.operators:
        if kind[id(op)] != of.PRELU:
            continue
        given, slope = (int(t) for t in op.inputs)
        before, after = makers.get(given), readers.get(int(op.outputs[0]), [])
        if before is None or kind[id(before)] != of.DEQUANTIZE or len(after) != 1:
            continue
        if kind[id(after[0])] != of.QUANTIZE or int(op.outputs[0]) in graph.outputs:
            continue
        op.inputs = [int(before.inputs[0]), _slopes(schema, model, graph, slope)]
        op.outputs = [int(after[0].outputs[0])]
        dropped.add(id(after[0]))
        readers[given].remove(op)
        if not readers[given]:
            dropped.add(id(before))
    graph.operators = [op for op in graph.operators if id(op) not in dropped]
    empty_unread_buffers(model)
    return pack(model)


def _slopes(schema: Any, model: Any, graph: Any, index: int) -> int:
    """A new tensor with the slopes of `index` as int8; returns its number."""
    old = graph.tensors[index]
    values = np.asarray(model.buffers[old.buffer].data, np.uint8).view("<f4").astype(np.float32)
    scale = np.float32(max(float(np.abs(values).max(initial=0.0)), 1e-12) / STEPS)
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = old.name, list(old.shape), schema.TensorType.INT8
    tensor.buffer = add_buffer(model, np.rint(values / scale).astype(np.int8))
    steps = schema.QuantizationParametersT()
    steps.scale, steps.zeroPoint = [float(scale)], [0]
    tensor.quantization = steps
    return append(graph.tensors, tensor)
