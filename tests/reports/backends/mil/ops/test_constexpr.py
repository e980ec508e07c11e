"""Compressed weights against coremltools' own decompression, through the saved file; and the
documents' examples, typed out.
"""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder
from coremltools.converters.mil.mil import types


def packed(values: np.ndarray, name: str) -> np.ndarray:
    """Small integers as coremltools' type `name` (uint4, …)."""
    return values.astype(types.nptype_from_builtin(getattr(types, name)))


def decompressed(run: Any, opset: str, name: str, **arguments: Any) -> tuple[Any, np.ndarray]:
    """What coremltools makes of the operation, and what we do. An addition follows, so that the
    weight has a use at run time.
    """
    expected: list[Any] = []

    def build(x: Any) -> Any:
        weight = getattr(Builder, name)(**arguments)
        assert not isinstance(weight, tuple)
        expected.append(weight.op.materialized_val_inference())
        return Builder.add(x=weight, y=x)

    probe = np.zeros(1, np.float32)
    dtypes = [getattr(value, "dtype", None) for value in arguments.values()]
    if np.float16 in dtypes and arguments.get("output_dtype") != "fp32":
        probe = probe.astype(np.float16)
    (found,) = run(build, opset=opset, x=probe)
    return expected[0], found


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("axis", [0, -1])
def test_affine(run: Any, rng: np.random.Generator, dtype: type, axis: int) -> None:
    expected, found = decompressed(
        run,
        "iOS16",
        "constexpr_affine_dequantize",
        quantized_data=rng.integers(0, 256, size=(4, 3, 4)).astype(np.uint8),
        zero_point=rng.integers(0, 256, size=4).astype(np.uint8),
        scale=rng.normal(size=4).astype(dtype),
        axis=np.int32(axis),
    )
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_affine_with_one_scale(run: Any, rng: np.random.Generator) -> None:
    data = rng.integers(-128, 128, size=(5, 6)).astype(np.int8)
    _, found = decompressed(
        run,
        "iOS16",
        "constexpr_affine_dequantize",
        quantized_data=data,
        zero_point=np.int8(-3),
        scale=np.float32(0.25),
        axis=np.int32(0),
    )
    np.testing.assert_array_equal(found, 0.25 * (data.astype(np.float32) + 3))


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8])
def test_palettes_of_ios_16(run: Any, rng: np.random.Generator, bits: int) -> None:
    """Indices packed here, bit by bit, the lowest first."""
    shape = (3, 5, 7)
    indices = rng.integers(0, 1 << bits, size=shape)
    stream = (indices.reshape(-1, 1) >> np.arange(bits) & 1).astype(np.uint8)
    lut = rng.normal(size=1 << bits).astype(np.float16)
    expected, found = decompressed(
        run,
        "iOS16",
        "constexpr_lut_to_dense",
        indices=np.packbits(stream.reshape(-1), bitorder="little"),
        lut=lut,
        shape=np.array(shape, np.uint32),
    )
    np.testing.assert_array_equal(found, lut[indices])
    np.testing.assert_array_equal(found, expected)


def test_sparse_of_ios_16(run: Any, rng: np.random.Generator) -> None:
    dense = rng.normal(size=(3, 5, 7)).astype(np.float32)
    dense[rng.random(dense.shape) < 0.7] = 0
    _, found = decompressed(
        run,
        "iOS16",
        "constexpr_sparse_to_dense",
        nonzero_data=dense[dense != 0],
        mask=np.packbits((dense != 0).reshape(-1), bitorder="little"),
        shape=np.array(dense.shape, np.uint32),
    )
    np.testing.assert_array_equal(found, dense)


def test_cast(run: Any, rng: np.random.Generator) -> None:
    source = rng.normal(size=(3, 5)).astype(np.float16)
    _, found = decompressed(run, "iOS16", "constexpr_cast", source_val=source, output_dtype="fp32")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, source)


@pytest.mark.parametrize("name", ["uint4", "int4", "uint8", "int8"])
@pytest.mark.parametrize("shift", [False, True])
def test_blocks_of_scales(run: Any, rng: np.random.Generator, name: str, shift: bool) -> None:
    """Blocks of 2×1×4 in (4, 3, 8)."""
    builtin = getattr(types, name)
    low = 0 if builtin.is_unsigned() else -(1 << (builtin.get_bitwidth() - 1))
    span = 1 << builtin.get_bitwidth()
    extra = {}
    if shift:
        extra["offset"] = packed(low + rng.integers(0, span, size=(2, 3, 2)), name)
    expected, found = decompressed(
        run,
        "iOS18",
        "constexpr_blockwise_shift_scale",
        data=packed(low + rng.integers(0, span, size=(4, 3, 8)), name),
        scale=rng.normal(size=(2, 3, 2)).astype(np.float32),
        **extra,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_palettes_a_group_as_documented(run: Any) -> None:
    lut = np.array([1, 5, 9, 13, 2, 10, 18, 26], np.float16).reshape(2, 1, 4, 1)
    indices = packed(np.array([2, 3, 3, 0, 1, 0, 3, 0, 2, 1, 0, 3]).reshape(6, 2), "uint2")
    _, found = decompressed(run, "iOS18", "constexpr_lut_to_dense", indices=indices, lut=lut)
    assert found.tolist() == [[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]]


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", ["uint1", "uint3", "uint4", "uint6", "uint8"])
def test_palettes_of_vectors(run: Any, rng: np.random.Generator, name: str, axis: int) -> None:
    entries = 1 << getattr(types, name).get_bitwidth()
    expected, found = decompressed(
        run,
        "iOS18",
        "constexpr_lut_to_dense",
        indices=packed(rng.integers(0, entries, size=(2, 3, 4)), name),
        lut=rng.normal(size=(2, 1, 2, entries, 3)).astype(np.float32),
        vector_axis=np.int32(axis),
    )
    np.testing.assert_array_equal(found, expected)


def test_vectors_as_documented(run: Any) -> None:
    """The documents' case 2.1: two entries (1, 2, 3) and (4, 5, 6), spread along axis 1."""
    indices = packed(np.array([0, 0, 1, 0, 1, 1, 0, 0]).reshape(2, 2, 2), "uint1")
    lut = np.array([1, 2, 3, 4, 5, 6], np.float32).reshape(1, 1, 1, 2, 3)
    _, found = decompressed(
        run, "iOS18", "constexpr_lut_to_dense", indices=indices, lut=lut, vector_axis=np.int32(1)
    )
    assert found[0].tolist() == [[1, 1], [2, 2], [3, 3], [4, 1], [5, 2], [6, 3]]
    assert found[1].tolist() == [[4, 4], [5, 5], [6, 6], [1, 1], [2, 2], [3, 3]]


MASK = np.array([[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]])


def sparse(run: Any, name: str, **arguments: Any) -> np.ndarray:
    """A sparse-to-sparse operation, then `constexpr_sparse_to_dense` of its results."""

    def build(x: Any) -> Any:
        mask, values = getattr(Builder, name)(**arguments)
        return Builder.add(x=Builder.constexpr_sparse_to_dense(nonzero_data=values, mask=mask), y=x)

    found: list[np.ndarray] = run(build, opset="iOS18", x=np.zeros(1, np.float32))
    return found[0]


def test_sparse_of_ios_18(run: Any) -> None:
    values = np.arange(1, 10, dtype=np.float32)
    expected, found = decompressed(
        run,
        "iOS18",
        "constexpr_sparse_to_dense",
        nonzero_data=values,
        mask=packed(MASK, "uint1"),
    )
    np.testing.assert_array_equal(found[MASK == 1], values)
    np.testing.assert_array_equal(found, expected)


def sparse_palette(run: Any, lut: np.ndarray, **arguments: Any) -> np.ndarray:
    """The documents' indices into `lut`, whose values are float32."""
    return sparse(
        run,
        "constexpr_lut_to_sparse",
        indices_mask=packed(MASK, "uint1"),
        indices_nonzero_data=packed(np.array([0, 1, 1, 0, 1, 1, 0, 0, 1]), "uint1"),
        lut=lut,
        **arguments,
    )


def test_sparse_palettes_as_documented(run: Any) -> None:
    found = sparse_palette(run, np.array([2.0, 3.0], np.float32).reshape(1, 1, 2, 1))
    assert found[MASK == 1].tolist() == [2, 3, 3, 2, 3, 3, 2, 2, 3]
    assert not found[MASK == 0].any()


def test_sparse_vectors_as_documented(run: Any) -> None:
    lut = np.array([[2.0, 20.0], [3.0, 30.0]], np.float32).reshape(1, 1, 2, 2)
    found = sparse_palette(run, lut, vector_axis=np.int32(0))
    assert found.shape == (8, 6)
    assert found[0::2][MASK == 1].tolist() == [2, 3, 3, 2, 3, 3, 2, 2, 3]
    assert found[1::2][MASK == 1].tolist() == [20, 30, 30, 20, 30, 30, 20, 20, 30]


def test_sparse_blocks_as_documented(run: Any) -> None:
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]])
    found = sparse(
        run,
        "constexpr_sparse_blockwise_shift_scale",
        data_mask=packed(mask, "uint1"),
        nonzero_data=np.array([10, 11, 3, 4, 5, 6, 7, 8, 9], np.int8),
        scale=np.array([[0.1, 0.2, 0.3, 0.4]], np.float32),
        offset=np.array([[1, 2, 3, 4]], np.int8),
    )
    expected = [0.9, 1.8, 0.2, 0.4, 0.6, 0.9, 1.2, 0.7, 1.4]
    np.testing.assert_allclose(found[mask == 1], expected, rtol=1e-6)
    assert not found[mask == 0].any()
