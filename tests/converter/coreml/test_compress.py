"""Compression: smaller, still the same model, with a near-optimal palette."""

from pathlib import Path

import numpy as np
import pytest

from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.converter.coreml.compress import _cube_root, palette
from blazepalm.reports.backends.mil import load
from support.converted import converted, images

HAND = "hand-recrop-2020-07"


def test_compressed_weights_are_fewer_bytes(tmp_path: Path) -> None:
    """The executed package still gives about the same numbers."""
    model = converted(HAND)
    sizes, outputs = {}, {}
    image = images(HAND, 1, seed=2)
    for kind in (None, "palettize8", "palettize6", "int8"):
        options = CoreMLOptions(face="raw", precision="fp32", compress=kind)
        record = export(model, tmp_path / str(kind), options)
        sizes[kind] = record.weight_bytes
        program = load(tmp_path / str(kind) / record.name)
        outputs[kind] = program.run({record.inputs[0].name: image})["output_crop"]
        assert not [name for name in record.operations if "constexpr" in name]
    assert sizes["palettize6"] < sizes["palettize8"] < sizes[None]
    assert sizes["int8"] < 0.7 * sizes[None]
    scale = np.abs(outputs[None]).max()
    for kind in ("palettize8", "int8"):
        error = np.abs(outputs[kind] - outputs[None]).max()
        assert 0 < error < 0.05 * scale


@pytest.mark.parametrize("kind", ["palettize6", "int8"])
def test_anchors_are_not_compressed(kind: str, tmp_path: Path) -> None:
    """A score threshold tolerates small errors, an anchor's position does not: constants of the
    decoder are stored unchanged, every large weight is compressed.
    """
    from coremltools.proto import Model_pb2

    name = "palm-lite-2021-11"
    record = export(converted(name), tmp_path, CoreMLOptions(compress=kind))
    message = Model_pb2.Model()
    file = tmp_path / record.name / "Data/com.apple.CoreML/model.mlmodel"
    message.ParseFromString(file.read_bytes())
    (function,) = message.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    kinds = {value.name: op.type for op in block.operations for value in op.outputs}
    assert kinds["decode__offset"] == "const"
    changed = sum(kind.startswith("constexpr_") for kind in kinds.values())
    assert changed > 30
    convolutions = sum(layer.operation == "conv" for layer in record.layers)
    assert changed < convolutions  # the small ones are left alone


def test_few_values_are_kept_exactly() -> None:
    weight = np.array([[3.0, -1.0], [3.0, 0.5]], np.float16)
    values, indices = palette(weight, 4)
    assert values.dtype == np.float16 and values.tolist() == [-1.0, 0.5, 3.0, 3.0]
    assert indices.dtype == np.uint8 and np.array_equal(values[indices], weight.ravel())


@pytest.mark.parametrize("size", [64, 256])
def test_a_palette_of_uniform_numbers_is_even(size: int) -> None:
    """For uniform numbers in 0..1 an even palette is best; its error is 1 / (12 size²)."""
    weight = ((np.arange(40_000) * 0.6180339887498949) % 1).astype(np.float32).reshape(200, 200)
    values, indices = palette(weight, size)
    error = np.mean((values[indices].astype(np.float64) - weight.ravel()) ** 2)
    assert 0.99 < error * 12 * size**2 < 1.1
    assert np.all(np.diff(values) >= 0)


def test_each_number_gets_its_nearest_value() -> None:
    weight = np.random.Generator(np.random.PCG64(0)).standard_normal(5000).astype(np.float16)
    values, indices = palette(weight, 64)
    distance = np.abs(weight.astype(np.float64)[:, None] - values.astype(np.float64)[None])
    assert np.allclose(distance[np.arange(5000), indices], distance.min(axis=1))


def test_cube_roots() -> None:
    counts = np.array([0, 1, 2, 8, 27, 1000, 12345, 10**7], np.float64)
    np.testing.assert_allclose(_cube_root(counts), np.cbrt(counts), rtol=1e-15)
