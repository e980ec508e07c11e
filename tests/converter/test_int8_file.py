"""A TFLite file in 8-bit integers: PRELU, and a whole file by AI Edge Quantizer.
Reference: LiteRT on the float32 file.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blazepalm.converter.convert import convert
from blazepalm.converter.int8_file import (
    int8_file,
    missing_quantizer,
    ranges_of,
    with_integer_slopes,
)
from blazepalm.converter.loading import read_record
from blazepalm.converter.tflite.float_form import signed_float_form
from blazepalm.converter.tflite.read import read_as_stored
from blazepalm.converter.verify import verify
from blazepalm.errors import ArtifactError, CouldNotVerify
from blazepalm.reports.backends.integer.network import open_network
from blazepalm.reports.compression.int8_file import IntegerFile
from support.hand_scenes import rendered
from support.litert import run_litert
from support.tflite_builder import ModelBuilder, schema

RANDOM = np.random.default_rng(3)
SHAPE = (1, 6, 5, 4)
IN, OUT = 0.04, 0.03  # scales
BIASES = np.array([0.1, -0.2, 0.8, 0.3])


def prelu_between_casts(*, read_twice: bool = False) -> bytes:
    """int8 → DEQUANTIZE → PRELU → QUANTIZE → int8; `read_twice`: the float value is an output."""
    model = ModelBuilder()
    stored = model.tensor(SHAPE, "int8", quantisation=([IN], [-5], 0))
    given, found = model.tensor(SHAPE), model.tensor(SHAPE)
    slope = model.tensor((1, 1, 4), data=RANDOM.uniform(-0.5, 1.2, (1, 1, 4)))
    result = model.tensor(SHAPE, "int8", quantisation=([OUT], [7], 0))
    model.operator("DEQUANTIZE", [stored], [given], version=2)
    model.operator("PRELU", [given, slope], [found])
    model.operator("QUANTIZE", [found], [result])
    return model.build([stored], [result, found] if read_twice else [result])


def test_a_prelu_in_integers() -> None:
    """On paper: the slope is off by half a step of 1/127 of the largest, the value by at most 128
    steps of IN; each kernel rounds to a step of OUT.
    """
    content = prelu_between_casts()
    whole = with_integer_slopes(content, "prelu")
    assert [op.name for op in read_as_stored(whole, "prelu").operators] == ["PRELU"]
    image = RANDOM.integers(-128, 128, SHAPE).astype(np.int8)
    float_kernel, integers = (
        run_litert(file, image, plain=True).get_output_details()[0]["index"]
        for file in (content, whole)
    )
    one = run_litert(content, image, plain=True).get_tensor(float_kernel)
    other = run_litert(whole, image, plain=True).get_tensor(integers)
    bound = 1.2 / 127 / 2 * 128 * IN / OUT + 1
    assert 0 <= np.abs(one.astype(int) - other).max() <= bound < 3
    assert len(np.unique(other)) > 60


def test_a_prelu_whose_float_value_is_read_stays() -> None:
    content = prelu_between_casts(read_twice=True)
    names = [op.name for op in read_as_stored(with_integer_slopes(content, "p"), "p").operators]
    assert names == ["DEQUANTIZE", "PRELU", "QUANTIZE"]


@pytest.fixture(scope="module")
def plain() -> bytes:
    """image 1×8×8×3 → CONV_2D → PRELU → FULLY_CONNECTED, two tensors of one name."""
    model = ModelBuilder()
    image = model.tensor((1, 8, 8, 3), name="image")
    kernel = model.tensor((4, 3, 3, 3), data=RANDOM.normal(0, 0.3, (4, 3, 3, 3)), name="k")
    bias = model.tensor((4,), data=RANDOM.normal(0, 0.1, 4), name="k")
    inner, bent = model.tensor((1, 8, 8, 4)), model.tensor((1, 8, 8, 4))
    slope = model.tensor((1, 1, 4), data=np.array([[[0.2, -0.1, 0.5, 0.9]]]))
    weights = model.tensor((5, 256), data=RANDOM.normal(0, 0.1, (5, 256)))
    out = model.tensor((1, 5))
    options = schema.Conv2DOptionsT(strideH=1, strideW=1)
    model.operator("CONV_2D", [image, kernel, bias], [inner], options)
    model.operator("PRELU", [inner, slope], [bent])
    model.operator("FULLY_CONNECTED", [bent, weights, -1], [out], schema.FullyConnectedOptionsT())
    return signed_float_form(model.build([image], [out]), "net", ["image"], ["answer"])


def ranges(plain: bytes, image: np.ndarray) -> tuple[tuple[str, float, float], ...]:
    """Of every computed tensor, as LiteRT computes it."""
    interpreter = run_litert(plain, image)
    graph = read_as_stored(plain, "net")
    found: dict[str, Any] = {
        t.name: interpreter.get_tensor(t.index) for t in graph.tensors if not t.is_constant
    }
    return tuple(
        (name, min(0.0, float(v.min())), max(0.0, float(v.max()))) for name, v in found.items()
    )


def test_the_float_file_is_signed_and_names_each_tensor_once(plain: bytes) -> None:
    graph = read_as_stored(plain, "net")
    assert graph.stored is not None and graph.stored.output_keys == ("answer",)
    names = [tensor.name for tensor in graph.tensors]
    assert len(set(names)) == len(names) and "k%2" in names


def test_a_whole_file_in_integers(plain: bytes) -> None:
    """Every value is an integer, LiteRT's reference kernels give what our arithmetic gives, bit for
    bit, and the answer is within 3 % of the float32 file's: 256 products, each off by half a
    127th of its factors' peaks, add up to sqrt(256) of it.
    """
    if (missing := missing_quantizer()) is not None:
        pytest.skip(missing)
    image = RANDOM.random((1, 8, 8, 3), np.float32)
    measured = ranges(plain, image)
    content = int8_file(plain, "net", measured)
    graph = read_as_stored(content, "net")
    assert [op.name for op in graph.operators] == ["CONV_2D", "PRELU", "FULLY_CONNECTED"]
    assert {graph.tensors[t].dtype for op in graph.operators for t in op.outputs} == {"int8"}
    network = open_network(content, ("answer",), "net")
    values = network.values(image)
    (out,) = graph.outputs
    interpreter = run_litert(content, values[graph.inputs[0]], plain=True)
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(found, values[out])
    reference = run_litert(plain, image)
    wanted = reference.get_tensor(reference.get_output_details()[0]["index"])
    apart = np.abs(network.run(image)["answer"] - wanted).max()
    assert 0 < apart < 0.03 * np.abs(wanted).max()


def test_a_channel_without_weights_keeps_its_bias() -> None:
    """The channel is its bias in every pixel, 0.8, to a step of the result (1.6 / 255)."""
    if (missing := missing_quantizer()) is not None:
        pytest.skip(missing)
    model = ModelBuilder()
    image = model.tensor((1, 4, 4, 3), name="image")
    weights = RANDOM.uniform(-0.3, 0.3, (4, 1, 1, 3))
    weights[2] = 0.0
    kernel, bias = model.tensor((4, 1, 1, 3), data=weights), model.tensor((4,), data=BIASES)
    out = model.tensor((1, 4, 4, 4))
    options = schema.Conv2DOptionsT(strideH=1, strideW=1)
    model.operator("CONV_2D", [image, kernel, bias], [out], options)
    content = signed_float_form(model.build([image], [out]), "net", ["image"], ["answer"])
    shown = RANDOM.random((1, 4, 4, 3), np.float32)
    measured = ranges(content, shown)
    (name,) = {name for name, *_ in measured} - {"image"}
    whole = int8_file(content, "net", [("image", 0.0, 1.0), (name, -0.8, 0.8)])
    given = np.full((1, 4, 4, 3), -128, np.int8)
    interpreter = run_litert(whole, given, plain=True)
    (found,) = interpreter.get_output_details()
    scale, zero = found["quantization"]
    answer = (interpreter.get_tensor(found["index"]).astype(np.float64) - zero) * scale
    np.testing.assert_allclose(answer, np.broadcast_to(BIASES, answer.shape), atol=1.6 / 255)


def test_what_the_quantizer_refuses_is_one_sentence(plain: bytes) -> None:
    if (missing := missing_quantizer()) is not None:
        pytest.skip(missing)
    with pytest.raises(CouldNotVerify, match="^ai-edge-quantizer on net: ") as failure:
        int8_file(plain, "net", [])
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("record", [{}, {"ranges": [["a", 0]]}, {"ranges": [["a", "low", 1]]}, []])
def test_a_damaged_record(record: Any) -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        ranges_of(record)


@pytest.mark.skipif(
    not os.environ.get("BLAZEPALM_EVERY_RELEASE"), reason="long: BLAZEPALM_EVERY_RELEASE=1 runs it"
)
def test_a_release_in_integers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of palm-lite all values are integers, PRELU too; LiteRT's reference kernels agree bit for
    bit; its layers have prices; `verify` writes the same bytes.
    """
    if (missing := missing_quantizer()) is not None:
        pytest.skip(missing)
    monkeypatch.setattr("blazepalm.reports.compression.int8_file.FEW", 1)
    picture = tmp_path / "hand.png"
    Image.fromarray(rendered("open").image).save(picture)
    made = IntegerFile([str(picture)])
    (folder,) = convert("palm-lite", tmp_path / "palm", coreml=None, tflite=made)
    assert verify(folder).passed
    content = (folder / "model.int8.tflite").read_bytes()
    graph = read_as_stored(content, "palm")
    assert {graph.tensors[t].dtype for op in graph.operators for t in op.outputs} == {"int8"}
    assert graph.stored is not None and graph.stored.output_keys == ("boxes", "scores")
    record = read_record(folder)["int8_tflite"]
    computing = [op for op in graph.operators if op.name != "QUANTIZE"]  # to another scale
    assert len(record["layers"]) == len(computing) == 119
    image = np.random.default_rng(1).random((1, 192, 192, 3), np.float32)
    values = open_network(content, ("boxes", "scores"), "palm").values(image)
    interpreter = run_litert(content, values[graph.inputs[0]], plain=True)
    for detail, out in zip(interpreter.get_output_details(), graph.outputs, strict=True):
        np.testing.assert_array_equal(interpreter.get_tensor(detail["index"]), values[out])
