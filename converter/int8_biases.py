"""Biases that AI Edge Quantizer loses, back into its files.

A bias is stored in steps of the input's scale times the channel's weight scale. Where a channel's
weights are all (nearly) zero, its scale is so small that the bias does not fit 32 bits, and the
quantizer stores the lowest integer, which is about 0. Such a channel gets a weight scale that its
bias fits: its weights keep their nearest steps, which were and are (nearly) zero.
"""

from typing import Any

import numpy as np

from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_as_stored, read_bytes
from blazepalm.converter.tflite.repack import add_buffer, empty_unread_buffers, pack, unpack

LINEAR = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
LARGEST = 2.0**30  # of a stored bias; the sums of products have the other half of 32 bits


def with_biases(content: bytes, plain: bytes, source: str) -> bytes:
    """The quantised file with every bias of the float32 file `plain`, whose tensors have the same
    names, to half a step.
    """
    wanted = _biases(read_bytes(plain, source))
    stored = read_as_stored(content, source)
    real = read_bytes(content, source)
    model: Any = None
    for op in stored.operators:
        name = stored.tensors[op.outputs[0]].name
        if op.name not in LINEAR or name not in wanted or len(op.inputs) < 3:
            continue
        given, kernel, bias = (stored.tensors[t] for t in op.inputs)
        if given.quantisation is None or kernel.quantisation is None or bias.quantisation is None:
            continue
        scale = np.array(kernel.quantisation.scale, np.float64)
        step = scale * given.quantisation.scale[0]
        lost = np.abs(wanted[name]) > LARGEST * step
        if len(scale) != len(wanted[name]) or not lost.any():
            continue
        scale[lost] = (np.abs(wanted[name]) / LARGEST / given.quantisation.scale[0])[lost]
        weights = real.tensors[kernel.index].data
        assert weights is not None
        if model is None:
            model = unpack(content, source, "its biases stay lost")
        _store(model, kernel.index, weights, scale, kernel.quantisation.axis)
        scale = np.array(model.subgraphs[0].tensors[kernel.index].quantization.scale, np.float64)
        step = np.float64(np.float32(given.quantisation.scale[0])) * scale
        _store(model, bias.index, wanted[name], step, 0)
    if model is None:
        return content
    empty_unread_buffers(model)
    return pack(model)


def _biases(graph: Graph) -> dict[str, np.ndarray]:
    """The biases of the linear operators, by the name of their result."""
    found = {}
    for op in graph.operators:
        if op.name in LINEAR and len(op.inputs) > 2 and op.inputs[2] >= 0:
            values = graph.tensors[op.inputs[2]].data
            if values is not None:
                found[graph.tensors[op.outputs[0]].name] = values.reshape(-1).astype(np.float64)
    return found


def _store(model: Any, index: int, values: np.ndarray, scale: np.ndarray, axis: int) -> None:
    """Gives a constant new scales and the integers of `values` by them, in a buffer of its own."""
    tensor = model.subgraphs[0].tensors[index]
    old = np.asarray(model.buffers[tensor.buffer].data, np.uint8)
    dtype = np.dtype(f"<i{old.size // values.size}")
    single = scale.astype(np.float32)
    shape = [1] * values.ndim
    shape[axis] = -1
    levels = np.rint(values.astype(np.float64) / single.astype(np.float64).reshape(shape))
    limits = np.iinfo(dtype)
    tensor.quantization.scale = single
    tensor.buffer = add_buffer(model, levels.clip(limits.min, limits.max).astype(dtype))
