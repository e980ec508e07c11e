"""`constexpr_*`: compressed weights, decompressed once, when the program is prepared.

coremltools/converters/mil/mil/ops/defs/iOS16/constexpr_ops.py and iOS18/compression.py.
`lut_to_dense` and `sparse_to_dense` have two forms under one name: up to iOS 17 indices and mask
are packed bytes with a separate `shape`; from iOS 18 on they are tensors of less than a byte, with
one table per block.
"""

import math

import numpy as np

from blazepalm.reports.backends.mil.blob import unpack
from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.storage_types import TYPE_NAMES
from blazepalm.reports.backends.mil.values import NUMPY


@executes("constexpr_cast")
def constexpr_cast(call: Call) -> Kernel:
    target = TYPE_NAMES.get(call.text("output_dtype"), "")
    if target not in ("FLOAT16", "FLOAT32"):
        raise call.invalid(f"output_dtype is {call.text('output_dtype')!r}")
    return Kernel(constants=(call.array("source_val").astype(NUMPY[target]),))


@executes("constexpr_affine_dequantize")
def constexpr_affine_dequantize(call: Call) -> Kernel:
    """scale · (quantized_data − zero_point), with one of each, or one per entry of `axis`."""
    data, scale = call.array("quantized_data"), call.array("scale")
    zero = call.array("zero_point")
    axis = call.integer("axis")
    if not -data.ndim <= axis < data.ndim:
        raise call.invalid(f"axis is {axis} of rank {data.ndim}")
    along = [-1 if a == axis % data.ndim else 1 for a in range(data.ndim)]
    spread = [v.reshape(along) if v.ndim == 1 else v for v in (scale, zero)]
    require_size(np.broadcast_shapes(data.shape, *(v.shape for v in spread)))
    steps = data.astype(np.float32) - spread[1].astype(np.float32)
    return Kernel(constants=((steps * spread[0].astype(np.float32)).astype(scale.dtype),))


@executes("constexpr_lut_to_dense")
def constexpr_lut_to_dense(call: Call) -> Kernel:
    """Replaces each index by the table's entry."""
    lut = call.array("lut")
    if not call.has("shape"):
        return Kernel(constants=(look_up(call.array("indices"), lut, _vector_axis(call)),))
    shape = call.integers("shape")
    require_size(shape)
    packed, bits = call.array("indices"), max(1, (lut.size - 1).bit_length())
    if packed.dtype != np.uint8 or packed.size != -(-math.prod(shape) * bits // 8):
        raise call.invalid(f"{packed.size} bytes of indices for shape {list(shape)}")
    indices = packed if bits == 8 else unpack(packed, bits, math.prod(shape), signed=False)
    return Kernel(constants=(lut.reshape(-1)[indices].reshape(shape),))


@executes("constexpr_sparse_to_dense")
def constexpr_sparse_to_dense(call: Call) -> Kernel:
    """The non-zero values where the mask is set, 0 elsewhere."""
    values, mask = call.array("nonzero_data"), call.array("mask")
    if call.has("shape"):
        shape = call.integers("shape")
        require_size(shape)
        if mask.dtype != np.uint8 or mask.size != -(-math.prod(shape) // 8):
            raise call.invalid(f"{mask.size} bytes of mask for shape {list(shape)}")
        mask = unpack(mask, 1, math.prod(shape), signed=False).reshape(shape)
    return Kernel(constants=(densify(values, mask),))


@executes("constexpr_blockwise_shift_scale")
def constexpr_blockwise_shift_scale(call: Call) -> Kernel:
    """scale · (data − offset), one of each per block."""
    offset = call.array("offset") if call.has("offset") else None
    return Kernel(constants=(shift_scale(call.array("data"), call.array("scale"), offset),))


@executes("constexpr_lut_to_sparse")
def constexpr_lut_to_sparse(call: Call) -> Kernel:
    """`lut_to_dense` of the non-zero values only: returns their mask and the values."""
    mask, lut = call.array("indices_mask"), call.array("lut")
    axis = _vector_axis(call)
    dense = look_up(densify(call.array("indices_nonzero_data"), mask), lut, axis)
    if lut.shape[-1] > 1:
        assert axis is not None
        mask = np.repeat(mask, lut.shape[-1], axis)
    return Kernel(constants=(mask, dense[mask != 0]))


@executes("constexpr_sparse_blockwise_shift_scale")
def constexpr_sparse_blockwise_shift_scale(call: Call) -> Kernel:
    """`blockwise_shift_scale` of the non-zero values only: returns their mask and the values."""
    mask, scale = call.array("data_mask"), call.array("scale")
    offset = call.array("offset") if call.has("offset") else None
    dense = shift_scale(densify(call.array("nonzero_data"), mask), scale, offset)
    return Kernel(constants=(mask, dense[mask != 0]))


def densify(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Zeros where the mask is 0; elsewhere the values, in order."""
    if np.count_nonzero(mask) != values.size:
        raise ValueError(f"{values.size} values for a mask of {np.count_nonzero(mask)}")
    dense: np.ndarray = np.zeros(mask.shape, values.dtype)
    dense[mask != 0] = values.reshape(-1)
    return dense


def look_up(indices: np.ndarray, lut: np.ndarray, axis: int | None) -> np.ndarray:
    """Indices of rank K and a table of rank K + 2 (blocks…, entries, vector) → values; a vector
    longer than one extends `axis`.
    """
    if lut.ndim != indices.ndim + 2:
        raise ValueError(f"a table of rank {lut.ndim} for indices of rank {indices.ndim}")
    blocks = np.ix_(*[_blocks(n, m) for n, m in zip(indices.shape, lut.shape, strict=False)])
    require_size((*indices.shape, lut.shape[-1]))
    vectors: np.ndarray = lut[(*blocks, indices)]
    if lut.shape[-1] == 1:
        return vectors[..., 0]
    if axis is None or not -indices.ndim <= axis < indices.ndim:
        raise ValueError(f"vectors of {lut.shape[-1]} along axis {axis}")
    axis %= indices.ndim
    shape = [n * lut.shape[-1] if a == axis else n for a, n in enumerate(indices.shape)]
    return np.moveaxis(vectors, -1, axis + 1).reshape(shape)


def shift_scale(data: np.ndarray, scale: np.ndarray, offset: np.ndarray | None) -> np.ndarray:
    """Applies each block's scale and offset; computed in float32, rounded once."""
    if scale.ndim != data.ndim or (offset is not None and offset.shape != scale.shape):
        raise ValueError(f"scales of shape {list(scale.shape)} for data {list(data.shape)}")
    blocks = np.ix_(*[_blocks(n, m) for n, m in zip(data.shape, scale.shape, strict=True)])
    steps: np.ndarray = data.astype(np.float32)
    if offset is not None:
        steps -= offset[blocks].astype(np.float32)
    scaled: np.ndarray = (steps * scale[blocks].astype(np.float32)).astype(scale.dtype)
    return scaled


def _blocks(size: int, count: int) -> np.ndarray:
    """For each of `size` places, the number of its block, out of `count` equal blocks."""
    if count < 1 or size % count:
        raise ValueError(f"{size} places do not divide into {count} blocks")
    return np.arange(size) // max(1, size // count)


def _vector_axis(call: Call) -> int | None:
    return call.integer("vector_axis") if call.has("vector_axis") else None
