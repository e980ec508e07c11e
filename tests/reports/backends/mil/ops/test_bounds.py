"""Small operands that broadcast to a result of 2⁴⁰ elements, 4 TiB: refused before memory is
allocated, whatever the file declares. The sizes are worked out on paper.
"""

from typing import Any

import numpy as np
import pytest
import torch

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.ops import EXECUTORS
from blazepalm.reports.backends.mil.ops.constexpr import look_up
from blazepalm.reports.backends.mil.syntax import Named, Operation
from blazepalm.reports.backends.mil.values import Constant, TensorType

N = 1 << 20
COLUMN, ROW = torch.ones(N, 1), torch.ones(1, N)
ONE, ZEROS = torch.ones(1, 1), torch.zeros(N).int()
MANY = np.ones(N, np.float32)
ATTENTION = "scaled_dot_product_attention"
DTYPES = {"f": "FLOAT32", "i": "INT32", "u": "UINT8", "b": "BOOL"}


def constant(value: Any) -> Constant:
    """An array, a number or a text as the file would hold it."""
    array = np.asarray(value)
    if array.dtype.kind == "U":
        return Constant(TensorType("STRING", ()), np.array(value, object))
    narrow = array.astype({"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype))
    return Constant(TensorType(DTYPES[array.dtype.kind], narrow.shape), narrow)


def prepare(name: str, result: str, values: dict[str, torch.Tensor], **constants: Any) -> Any:
    """The kernel of operation `name` on operands whose types claim one element an axis."""
    types = {
        p: TensorType("FLOAT32" if v.is_floating_point() else "INT32", (1,) * v.dim())
        for p, v in values.items()
    }
    inputs: dict[str, Any] = {p: (p,) for p in values}
    inputs |= {p: (constant(v),) for p, v in constants.items()}
    operation = Operation(name, "z", inputs, (Named("z", TensorType(result, None)),), 0)
    call = Call(operation, types, {}, opset="CoreML8", source="test", accumulation="float32")
    return EXECUTORS[name](call)


@pytest.mark.parametrize(
    ("name", "result", "values", "constants"),
    [
        ("real_div", "FLOAT32", {"x": COLUMN, "y": ROW}, {}),
        ("real_div", "INT32", {"x": COLUMN.int(), "y": ROW.int()}, {}),
        ("floor_div", "INT32", {"x": COLUMN.int(), "y": ROW.int()}, {}),
        ("maximum", "FLOAT32", {"x": COLUMN, "y": ROW}, {}),
        ("less", "BOOL", {"x": COLUMN, "y": ROW}, {}),
        ("select", "FLOAT32", {"cond": COLUMN > 0, "a": ROW, "b": ROW}, {}),
        ("matmul", "FLOAT32", {"x": COLUMN, "y": ROW}, {}),
        # each operand has 2²⁶ elements, the result 2²⁴, and torch would repeat each to 2³⁸
        (
            "matmul",
            "FLOAT32",
            {
                "x": ONE[0].expand(1 << 12, 1, 1, 1 << 14),
                "y": ONE[0].expand(1, 1 << 12, 1 << 14, 1),
            },
            {},
        ),
        ("linear", "FLOAT32", {"x": COLUMN, "weight": COLUMN}, {}),
        ("linear", "INT32", {"x": COLUMN.int(), "weight": ONE.int(), "bias": ZEROS}, {}),
        ("reverse_sequence", "FLOAT32", {"x": ROW, "lengths": ZEROS}, {"seq_axis": 1}),
        ("gather", "FLOAT32", {"x": ROW, "indices": ZEROS}, {}),
        ("gather_nd", "FLOAT32", {"x": COLUMN, "indices": ZEROS[None, :, None]}, {"batch_dims": 1}),
        (ATTENTION, "FLOAT32", {"query": COLUMN, "key": COLUMN, "value": COLUMN}, {}),
        (ATTENTION, "FLOAT32", {"query": COLUMN, "key": ONE, "value": ROW}, {}),
        ("local_response_norm", "FLOAT32", {"x": ROW[None, None]}, {"size": N}),
        (
            "quantize",
            "UINT8",
            {"input": COLUMN},
            {"scale": 1.0, "zero_point": ZEROS.numpy(), "axis": 1, "output_dtype": "uint8"},
        ),
        ("dequantize", "FLOAT32", {"input": COLUMN}, {"scale": MANY, "axis": 1}),
        ("dequantize", "FLOAT32", {"input": COLUMN}, {"scale": 1.0, "zero_point": MANY, "axis": 1}),
        ("fill", "FLOAT32", {"shape": torch.tensor([N, N])}, {"value": 1.0}),
        ("tile", "FLOAT32", {"x": COLUMN, "reps": torch.tensor([1, N])}, {}),
        ("one_hot", "FLOAT32", {"indices": ZEROS, "one_hot_vector_size": torch.tensor(N)}, {}),
        (
            "range_1d",
            "INT32",
            {"start": torch.tensor(0), "end": torch.tensor(1 << 40), "step": torch.tensor(1)},
            {},
        ),
        ("sliding_windows", "FLOAT32", {"x": torch.ones(2 * N)}, {"axis": 0, "size": N}),
    ],
)
def test_results_are_bounded(
    name: str, result: str, values: dict[str, torch.Tensor], constants: dict[str, Any]
) -> None:
    kernel = prepare(name, result, values, **constants)
    with pytest.raises((InvalidModel, ValueError), match="too large|lengths for|batches|a bias of"):
        kernel.run(*[values[parameter] for parameter in kernel.operands])


def test_decompressed_weights_are_bounded() -> None:
    data = np.zeros((N, 1), np.uint8)
    with pytest.raises(InvalidModel, match="too large"):
        prepare(
            "constexpr_affine_dequantize",
            "FLOAT32",
            {},
            quantized_data=data,
            scale=MANY,
            zero_point=np.uint8(0),
            axis=1,
        )
    with pytest.raises(InvalidModel, match="too large"):
        look_up(np.zeros(N, np.uint8), np.zeros((1, 1, N), np.float32), 0)
