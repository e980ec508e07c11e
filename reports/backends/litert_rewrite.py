"""Rewrites MediaPipe's custom operator `Convolution2DTransposeBias`, for which stock TFLite has no
kernel, to builtin TRANSPOSE_CONV and ADD: the same mathematics in a copy of the model.

https://github.com/google-ai-edge/mediapipe/blob/c27a7c1e1064e66427ad0656f776155ab456f90b/mediapipe/util/tflite/operations/transpose_conv_bias.cc
Differs from MediaPipe in the output's size: MediaPipe derives it from the input, TRANSPOSE_CONV
reads it from an operand, set here to the tensor's shape in the file; both pad alike for it.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from blazepalm.converter.tflite.repack import add_buffer, append, pack, unpack
from blazepalm.errors import CouldNotVerify

CUSTOM_CODE = "Convolution2DTransposeBias"
PADDINGS = {1: 0, 2: 1}  # TfLitePadding in the C struct → Padding in the schema (SAME, VALID)


@dataclass(frozen=True)
class Rewritten:
    """A model's bytes that stock TFLite can run; `operators` were replaced (0: the original)."""

    content: bytes
    operators: int

    @property
    def note(self) -> str | None:
        """The report's note about it; None if nothing was replaced."""
        if self.operators == 0:
            return None
        return (
            f"LiteRT ran a copy of the model: {self.operators} custom operators {CUSTOM_CODE}, "
            "which it has no kernel for, rewritten to builtin TRANSPOSE_CONV and ADD"
        )


def without_custom_operators(content: bytes, source: str) -> Rewritten:
    """A copy of a valid model with each `Convolution2DTransposeBias` replaced; the same
    bytes if it has none.

    Raises CouldNotVerify if an operator is malformed.
    """
    if CUSTOM_CODE.encode() not in content:
        return Rewritten(content, 0)
    from ai_edge_litert import schema_py_generated as schema

    model = unpack(content, source, f"{CUSTOM_CODE} cannot be rewritten for LiteRT")
    custom = {
        i for i, code in enumerate(model.operatorCodes) if code.customCode == CUSTOM_CODE.encode()
    }
    replaced = 0
    for subgraph in model.subgraphs:
        operators: list[Any] = []
        for operator in subgraph.operators:
            if operator.opcodeIndex in custom:
                operators += _replacement(schema, model, subgraph, operator, source)
                replaced += 1
            else:
                operators.append(operator)
        subgraph.operators = operators
    if replaced == 0:
        return Rewritten(content, 0)
    return Rewritten(pack(model), replaced)


def _replacement(schema: Any, model: Any, subgraph: Any, operator: Any, source: str) -> list[Any]:
    """TRANSPOSE_CONV into a new tensor, then ADD of the bias into the operator's own output."""
    options = bytes(operator.customOptions if operator.customOptions is not None else b"")
    if len(options) < 12 or len(operator.inputs) != 3 or len(operator.outputs) != 1:
        raise CouldNotVerify(
            f"{source}: {CUSTOM_CODE} has {len(operator.inputs)} inputs, {len(operator.outputs)} "
            f"outputs and {len(options)} bytes of options; 3, 1 and 12 are expected"
        )
    padding, stride_w, stride_h = struct.unpack_from("<iii", options)
    if padding not in PADDINGS:
        raise CouldNotVerify(f"{source}: {CUSTOM_CODE} has padding {padding}, expected 1 or 2")
    data, kernel_ohwi, bias = (int(i) for i in operator.inputs)
    output = subgraph.tensors[int(operator.outputs[0])]
    name = output.name or b""

    size = schema.TensorT()
    size.name = name + b"/output_shape"
    size.shape, size.type = [len(output.shape)], schema.TensorType.INT32
    size.buffer = add_buffer(model, np.asarray(output.shape, np.int32))
    sum_without_bias = schema.TensorT()
    sum_without_bias.name = name + b"/without_bias"
    sum_without_bias.shape, sum_without_bias.type = output.shape, output.type
    sum_without_bias.buffer = append(model.buffers, schema.BufferT())

    convolution = schema.OperatorT()
    convolution.opcodeIndex = _opcode(schema, model, schema.BuiltinOperator.TRANSPOSE_CONV)
    convolution.inputs = [append(subgraph.tensors, size), kernel_ohwi, data]
    convolution.outputs = [append(subgraph.tensors, sum_without_bias)]
    convolution.builtinOptionsType = schema.BuiltinOptions.TransposeConvOptions
    convolution.builtinOptions = schema.TransposeConvOptionsT()
    convolution.builtinOptions.padding = PADDINGS[padding]
    convolution.builtinOptions.strideW = stride_w
    convolution.builtinOptions.strideH = stride_h

    addition = schema.OperatorT()
    addition.opcodeIndex = _opcode(schema, model, schema.BuiltinOperator.ADD)
    addition.inputs = [convolution.outputs[0], bias]
    addition.outputs = operator.outputs
    addition.builtinOptionsType = schema.BuiltinOptions.AddOptions
    addition.builtinOptions = schema.AddOptionsT()
    return [convolution, addition]


def _opcode(schema: Any, model: Any, builtin: int) -> int:
    """The index of a version-1 builtin among the model's operator codes, added if missing."""
    for i, code in enumerate(model.operatorCodes):
        if max(code.deprecatedBuiltinCode, code.builtinCode) == builtin and code.version == 1:
            return i
    code = schema.OperatorCodeT()
    code.deprecatedBuiltinCode = code.builtinCode = builtin
    code.version = 1
    return append(model.operatorCodes, code)
