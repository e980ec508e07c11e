"""Folding of DEQUANTIZE: bit for bit what LiteRT's kernel gives, and arithmetic on paper
where it has none.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.graph import Quantisation, Tensor
from blazepalm.errors import InvalidModel
from support.litert import run_litert
from support.tflite_builder import ModelBuilder, schema, sparsity_parameters


def dequantize_model(
    data: np.ndarray | None,
    dtype: str,
    quantisation: Any = None,
    **constant: Any,
) -> bytes:
    """One DEQUANTIZE of a constant (tensor 1) to the graph's output (tensor 2)."""
    shape = constant.pop("shape", None) or np.shape(data)
    model = ModelBuilder()
    image = model.tensor((1,), name="image")
    stored = model.tensor(shape, dtype, data, "stored", quantisation=quantisation, **constant)
    real = model.tensor(shape, name="real")
    model.operator("DEQUANTIZE", [stored], [real], schema.DequantizeOptionsT(), version=2)
    return model.build([image], [real])


def litert_constant(content: bytes, tensor: int) -> np.ndarray:
    """By the reference kernels: the optimised ones multiply out scale·q − scale·zero point and
    so round twice.
    """
    value: np.ndarray = run_litert(content, plain=True).get_tensor(tensor)
    return value


def folded(content: bytes, tensor: int = 2) -> Tensor:
    graph = read_bytes(content, "m")
    assert graph.operators == ()
    assert graph.stored_operators >= 1
    assert not graph.dequantised  # the file itself computes in float
    constant = graph.tensors[tensor]
    assert constant.dtype == "float32"
    assert constant.quantisation is None
    assert constant.data is not None
    assert constant.data.dtype == np.float32
    assert not constant.data.flags.writeable
    return constant


def same_bits(ours: Tensor, reference: np.ndarray) -> None:
    assert ours.data is not None
    assert reference.size > 0
    assert (ours.data.shape, ours.data.dtype) == (reference.shape, reference.dtype)
    assert ours.data.tobytes() == reference.tobytes()


def test_every_half() -> None:
    """All 65536 bit patterns; NaNs must stay NaN, the others are compared by their bits."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    content = dequantize_model(halves, "float16")
    ours, reference = folded(content), litert_constant(content, 2)
    number = ~np.isnan(halves)
    assert ours.data is not None
    assert ours.data[number].tobytes() == reference[number].tobytes()
    assert np.isnan(ours.data[~number]).all()
    assert np.count_nonzero(number) == (1 << 16) - 2 * 1023
    assert ours.provenance is not None
    assert (ours.provenance.dtype, ours.provenance.folded) == ("float16", ("DEQUANTIZE",))


RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["int8", "uint8", "int16"]),
    st.floats(2**-20, 1024, width=32),
    st.integers(0, 1 << 32),
)
def test_per_tensor_is_bit_equal_to_litert(dtype: str, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = RANGES[dtype]
    zero_point = 0 if dtype == "int16" else int(rng.integers(low, high + 1))
    data = rng.integers(low, high + 1, (3, 2, 5))
    content = dequantize_model(data, dtype, ([scale], [zero_point], 0))
    same_bits(folded(content), litert_constant(content, 2))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["int8", "uint8"]), st.integers(0, 3), st.integers(0, 1 << 32))
def test_per_channel_is_bit_equal_to_litert(dtype: str, axis: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = RANGES[dtype]
    shape = (2, 3, 4, 5)
    scale = rng.uniform(1e-4, 10, shape[axis]).astype(np.float32)
    zero_point = rng.integers(low, high + 1, shape[axis])
    data = rng.integers(low, high + 1, shape)
    content = dequantize_model(data, dtype, (scale.tolist(), zero_point.tolist(), axis))
    constant = folded(content)
    same_bits(constant, litert_constant(content, 2))
    assert constant.provenance is not None
    assert constant.provenance.quantisation == Quantisation(
        tuple(scale.tolist()), tuple(zero_point.tolist()), axis
    )


def test_int4_is_bit_equal_to_litert() -> None:
    """Two a byte, the lower half first; an odd count leaves the last half unused."""
    raw = bytes([0x21, 0x83, 0xF7, 0x0E])
    content = dequantize_model(None, "int4", ([0.5], [0], 0), shape=(7,), raw=raw)
    constant = folded(content)
    expected = np.array([1, 2, 3, -8, 7, -1, -2], np.float32) * 0.5
    np.testing.assert_array_equal(constant.data, expected)
    same_bits(constant, litert_constant(content, 2))
    assert constant.provenance is not None
    assert (constant.provenance.dtype, constant.provenance.stored_bytes) == ("int4", 4)


def test_int32_is_rounded_once() -> None:
    """16777217 · 2⁻²⁴ needs 25 bits; 0.1 in float32 is 13421773 · 2⁻²⁷."""
    data = np.array([16777217, -3, 2147483647], np.int64)
    tenth = 13421773 / 2**27
    expected = [np.float32(int(q) * tenth) for q in data]  # exact in float64, rounded once
    constant = folded(dequantize_model(data, "int32", ([0.1], [0], 0)))
    np.testing.assert_array_equal(constant.data, expected)


def test_int32_per_channel() -> None:
    data = np.array([[1, 2, 3], [-4, 5, 6]])
    content = dequantize_model(data, "int32", ([0.5, 0.25, 2.0], [0, 0, 0], 1))
    np.testing.assert_array_equal(folded(content).data, [[0.5, 0.5, 6], [-2, 1.25, 12]])


def test_no_zero_point_is_zero() -> None:
    content = dequantize_model(np.array([[1, 2]]), "int8", ([0.5, 4.0], [], 1))
    np.testing.assert_array_equal(folded(content).data, [[0.5, 8.0]])


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_densify_then_dequantize(dtype: str) -> None:
    """The chain of hand-sparse-2021-10: packed, then dense in the stored type, then float32."""
    dense = np.array([[0, 0, 3, 0], [-5, 0, 0, 7]], dtype)
    leaves = np.array([3, -5, 7], dtype)
    model = ModelBuilder()
    image, real = model.tensor((1,)), model.tensor((2, 4), name="real")
    quantisation = ([0.25], [0], 0) if dtype == "int8" else None
    parameters = sparsity_parameters((0, 1), (), [2, (4, [0, 1, 3], [2, 0, 3])])
    packed = model.tensor(
        *((2, 4), dtype),
        name="packed",
        raw=leaves.tobytes(),
        sparsity=parameters,
        quantisation=quantisation,
    )
    spread = model.tensor((2, 4), dtype, name="spread", quantisation=quantisation)
    model.operator("DENSIFY", [packed], [spread], schema.DensifyOptionsT())
    model.operator("DEQUANTIZE", [spread], [real], schema.DequantizeOptionsT(), version=3)
    content = model.build([image], [real])
    constant = folded(content, real)
    np.testing.assert_array_equal(constant.data, dense * (0.25 if dtype == "int8" else 1.0))
    same_bits(constant, litert_constant(content, real))
    origin = constant.provenance
    assert origin is not None
    assert origin.folded == ("DENSIFY", "DEQUANTIZE")
    assert (origin.tensor, origin.name, origin.dtype) == (packed, "packed", dtype)
    assert origin.stored_bytes == leaves.nbytes
    assert origin.sparsity is not None
    assert (origin.quantisation is not None) == (dtype == "int8")


def test_half_constants_without_dequantize_stay_halves() -> None:
    model = ModelBuilder()
    image, out = model.tensor((2,), "float16"), model.tensor((2,), "float16")
    half = model.tensor((2,), "float16", np.array([0.5, 3.0]))
    model.operator("ADD", [image, half], [out], schema.AddOptionsT())
    (constant,) = read_bytes(model.build([image], [out]), "m").constants()
    assert constant.dtype == "float16"
    np.testing.assert_array_equal(constant.data, np.array([0.5, 3.0], np.float16))


@pytest.mark.parametrize(
    ("dtype", "quantisation", "found"),
    [
        ("int8", None, "int8 without a scale"),
        ("int8", ([float("nan")], [0], 0), "scale that is negative or not finite"),
        ("int8", ([float("inf")], [0], 0), "scale that is negative or not finite"),
        ("int8", ([-1.0], [0], 0), "scale that is negative or not finite"),
        ("int8", ([1.0, 2.0], [0, 0], 0), "2 scales along axis 0"),
        ("int8", ([1.0, 2.0], [0, 0], 2), "2 scales along axis 2"),
        ("int8", ([1.0, 2.0], [0, 0], -1), "2 scales along axis -1"),
        ("int8", ([1.0, 2.0], [0, 0, 0], 1), "2 scales and 3 zero points"),
        ("int8", ([1.0], [1 << 40], 0), "zero point outside 16 bits"),
        ("bool", ([1.0], [0], 0), "is bool, which is not a quantised type"),
        ("float32", None, "is float32, which is not a quantised type"),
    ],
)
def test_nonsense_is_refused(dtype: str, quantisation: Any, found: str) -> None:
    content = dequantize_model(np.ones((3, 2)), dtype, quantisation)
    with pytest.raises(InvalidModel, match="m: operator 0 DEQUANTIZE: its operand %1 .*" + found):
        read_bytes(content, "m")


@pytest.mark.parametrize("wrong", ["shape", "type"])
def test_a_result_that_does_not_fit_is_refused(wrong: str) -> None:
    model = ModelBuilder()
    image = model.tensor((1,))
    stored = model.tensor((2, 3), "float16", np.ones((2, 3)))
    real = model.tensor(
        (3, 2) if wrong == "shape" else (2, 3), "int8" if wrong == "type" else "float32"
    )
    model.operator("DEQUANTIZE", [stored], [real])
    with pytest.raises(InvalidModel, match=r"writes %2 'tensor2' as .*, expected float32 \[2, 3\]"):
        read_bytes(model.build([image], [real]), "m")
