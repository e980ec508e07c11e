"""Bytes of stored weights by kind, against what is written down here by hand."""

import gc
import warnings
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize as cto
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder
from torch import nn

from blazepalm.reports.backends.mil import load
from blazepalm.reports.backends.mil.weights import StoredWeights, stored_weights
from support.packages import save_functions

X = np.ones((1, 64), np.float32)


def rows(path: Path) -> tuple[StoredWeights, ...]:
    program = load(path)
    return stored_weights(program.functions.values())


def test_plain_weights_by_type(save: Any) -> None:
    def build(x: Any) -> Any:
        y = Builder.linear(x=x, weight=np.ones((32, 64), np.float32))
        return y, Builder.linear(
            x=Builder.cast(x=x, dtype="fp16"), weight=np.ones((16, 64), np.float16)
        )

    assert rows(save(build, x=X)) == (
        StoredWeights("float32", 2, 2048 + 32, 4 * (2048 + 32)),  # a bias each, of zeros
        StoredWeights("float16", 2, 1024 + 16, 2 * (1024 + 16)),
    )


def test_nothing_stored(save: Any) -> None:
    assert rows(save(lambda x: Builder.mul(x=x, y=np.float32(2)), x=X)) == ()


def test_affine_and_palette_of_ios16(save: Any) -> None:
    """int8 weights with a scale and an offset a row; 6-bit indices into a table of 64."""

    def build(x: Any) -> Any:
        quantised = Builder.constexpr_affine_dequantize(
            quantized_data=np.ones((32, 64), np.int8),
            scale=np.ones(32, np.float32),
            zero_point=np.zeros(32, np.int8),
            axis=np.int32(0),
        )
        palettised = Builder.constexpr_lut_to_dense(
            indices=np.zeros(64 * 64 * 6 // 8, np.uint8),
            lut=np.arange(64, dtype=np.float32),
            shape=np.array([64, 64], np.uint32),
        )
        return Builder.linear(x=x, weight=quantised), Builder.linear(x=x, weight=palettised)

    found = {row.stored_as: row for row in rows(save(build, "iOS16", x=X))}
    assert found.pop("float32").values == 32 + 64  # the biases
    assert set(found) == {"quantised int8", "palettised 6-bit"}
    quantised, palettised = found["quantised int8"], found["palettised 6-bit"]
    assert (quantised.tensors, quantised.values) == (1, 32 * 64)
    assert quantised.stored_bytes == 32 * 64 + 32 * 4 + 32
    assert (palettised.tensors, palettised.values) == (1, 64 * 64)
    assert palettised.stored_bytes == 64 * 64 * 6 // 8 + 64 * 4


def test_sparse_of_ios16(save: Any) -> None:
    def build(x: Any) -> Any:
        weight = Builder.constexpr_sparse_to_dense(
            nonzero_data=np.ones(1024, np.float32),
            mask=np.array([0xFF] * 128 + [0] * 128, np.uint8),
            shape=np.array([32, 64], np.uint32),
        )
        return Builder.linear(x=x, weight=weight)

    assert rows(save(build, "iOS16", x=X)) == (
        StoredWeights("sparse float32", 1, 2048, 4096 + 256),
        StoredWeights("float32", 1, 32, 128),
    )


@pytest.mark.parametrize(
    ("bits", "stored"), [(4, "sparse palettised 4-bit"), (8, "sparse palettised 8-bit")]
)
def test_two_ways_one_on_the_other(convert: Any, bits: int, stored: str) -> None:
    """coremltools' own optimisation prunes, then palettises: one weight, compressed in
    both ways.
    """
    torch.manual_seed(0)
    path = convert(
        nn.Linear(64, 64, bias=False), [ct.TensorType("x", shape=(1, 64))], target="iOS18"
    )
    both = path.with_name("both.mlpackage")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prune_and_palettise(path, bits, both)
        gc.collect()  # coremltools leaves it to this to remove its scratch folders, and warns
    row, bias = rows(both)
    assert row.stored_as == stored
    assert (bias.stored_as, bias.values) == ("float32", 64)
    assert (row.tensors, row.values) == (1, 64 * 64)
    mask, indices = 64 * 64 // 8, 64 * 64 // 2 * bits // 8
    assert mask + indices < row.stored_bytes <= mask + indices + 4 * 2**bits


def prune_and_palettise(path: Path, bits: int, target: Path) -> None:
    """Half of the weights to zero, the others to 2^bits values."""
    settings = cto.coreml.OptimizationConfig
    prune = cto.coreml.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=1)
    palette = cto.coreml.OpPalettizerConfig(mode="uniform", nbits=bits, weight_threshold=1)
    model = ct.models.MLModel(str(path), skip_model_load=True)
    pruned = cto.coreml.prune_weights(model, settings(global_config=prune))
    both = cto.coreml.palettize_weights(
        pruned, settings(global_config=palette), joint_compression=True
    )
    both.save(str(target))


def test_functions_share_their_weights(convert: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = convert(nn.Linear(64, 64), [ct.TensorType("x", shape=(1, 64))], target="iOS18")
    save_functions(tmp_path / "two.mlpackage", first=path, second=path)
    (row,) = rows(tmp_path / "two.mlpackage")
    assert row.stored_as == "float32"
    assert row.stored_bytes == 64 * 64 * 4 + 64 * 4
