"""Files that are not models, or damaged ones: each is refused by InvalidModel in one sentence,
quickly and without using much memory.
"""

import os
import random
import re
import resource
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from blazepalm.converter.tflite import budget, bundle, read, read_bytes
from blazepalm.errors import InvalidModel
from support.models import shared_model
from support.tflite_builder import ModelBuilder, schema


def refusal(content: bytes, source: str = "bad.tflite") -> str:
    """The one sentence that refuses these bytes."""
    started = time.process_time()  # its own time, whatever else runs beside it
    with pytest.raises(InvalidModel) as caught:
        read_bytes(content, source)
    assert time.process_time() - started < 2
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    assert message.isprintable()  # one line, no escape sequences
    return message


def refused_path(path: Any) -> str:
    with pytest.raises(InvalidModel) as caught:
        read(path)
    return str(caught.value)


# Files ----------------------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no.tflite"
    assert refused_path(path) == f"{path}: no such file"


def test_a_folder(tmp_path: Path) -> None:
    assert str(tmp_path) in refused_path(tmp_path)
    assert "folder" in refused_path(tmp_path) or "regular file" in refused_path(tmp_path)


def test_a_path_that_cannot_be() -> None:
    assert "cannot be read" in refused_path("a\0b.tflite")
    assert "cannot be read" in refused_path("x" * 5000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tflite")
    assert "not a regular file" in refused_path(tmp_path / "pipe.tflite")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_a_device_is_not_read() -> None:
    assert refused_path("/dev/zero") == "/dev/zero: not a regular file"


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked.tflite"
    path.write_bytes(b"x")

    def locked(*_: object) -> int:  # the superuser may read every file
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(bundle.os, "open", locked)
    assert "cannot be read: Permission denied" in refused_path(path)


def test_a_file_beyond_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.tflite"
    with open(path, "wb") as file:
        file.truncate(bundle.MODEL_BYTES + 1)  # sparse: takes no room
    assert f"{bundle.MODEL_BYTES + 1} bytes, more than" in refused_path(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "the file is empty"),
        (b"\x1c", "not a TFLite model"),
        (b"This is a text file, not a model.\n" * 100, "not a TFLite model"),
        (b"\x1b[2J\x1b[31mTFL2", "not a TFLite model"),
        (b"<!DOCTYPE html><html>404</html>", "not a TFLite model but a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"PK\x03\x04" + bytes(100), "this is a bundle"),
        (b"\x04\x00\x00\x00TFL3", "damaged"),
        (b"\xff\xff\xff\xffTFL3" + bytes(100), "damaged"),
        (b"\x08\x00\x00\x00TFL3" + b"\xff" * 100, "damaged"),
        (b"\x08\x00\x00\x00TFL3" + bytes(100), "schema version 0"),
    ],
)
def test_what_is_no_model(content: bytes, found: str) -> None:
    assert found in refusal(content)


# Models damaged by hand -----------------------------------------------------------------

Damage = Callable[[ModelBuilder], None]


def damaged(damage: Damage) -> bytes:
    """A good model (tensors 0 image, 1 weight, 2 bias, 3 flat, 4 result), then `damage` on it."""
    model = ModelBuilder()
    image = model.tensor((1, 2, 3, 1), name="image")
    weight = model.tensor((2, 6), data=np.ones((2, 6)), name="weight")
    bias = model.tensor((2,), "float16", np.ones(2), name="bias")
    flat, result = model.tensor((1, 6), name="flat"), model.tensor((1, 2), name="result")
    wide = model.tensor((2,), name="wide")
    model.operator("RESHAPE", [image], [flat], schema.ReshapeOptionsT(newShape=[1, 6]))
    model.operator("DEQUANTIZE", [bias], [wide], schema.DequantizeOptionsT())
    options = schema.FullyConnectedOptionsT()
    model.operator("FULLY_CONNECTED", [flat, weight, wide], [result], options)
    model.metadata("note", b"kept")
    model.graph.inputs, model.graph.outputs = [image], [result]
    damage(model)
    return model.build(model.graph.inputs, model.graph.outputs)


def test_the_model_is_good_before_the_damage() -> None:
    content = damaged(lambda model: None)
    assert len(read_bytes(content, "m").operators) == 2
    Interpreter(model_content=content).allocate_tensors()


def tensor(number: int, **fields: Any) -> Damage:
    return lambda m: [setattr(m.graph.tensors[number], k, v) for k, v in fields.items()] and None


def operator(number: int, **fields: Any) -> Damage:
    return lambda m: [setattr(m.graph.operators[number], k, v) for k, v in fields.items()] and None


def edges(**fields: Any) -> Damage:
    return lambda m: [setattr(m.graph, k, v) for k, v in fields.items()] and None


def buffer(number: int, **fields: Any) -> Damage:
    return lambda m: [setattr(m.model.buffers[number], k, v) for k, v in fields.items()] and None


def whole(**fields: Any) -> Damage:
    return lambda m: [setattr(m.model, k, v) for k, v in fields.items()] and None


def two_subgraphs(model: ModelBuilder) -> None:
    model.model.subgraphs = [model.graph, model.graph]


def bad_custom_code(model: ModelBuilder) -> None:
    model.model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    model.model.operatorCodes[0].customCode = "\x1b[2J"


def negative_opcode(model: ModelBuilder) -> None:
    model.model.operatorCodes[0].builtinCode = -5
    model.model.operatorCodes[0].deprecatedBuiltinCode = -5


DAMAGED: list[tuple[Damage, str]] = [
    (whole(version=2), "schema version 2, only 3 is supported"),
    (whole(subgraphs=[]), "0 subgraphs"),
    (two_subgraphs, "2 subgraphs"),
    (whole(buffers=[]), "tensor 0 is in buffer 0, but there are 0"),
    # indices
    (tensor(1, buffer=99), "tensor 1 is in buffer 99"),
    (operator(2, opcodeIndex=3), "operator 2 uses opcode 3, but there are 3"),
    (operator(2, inputs=[3, 6, -1]), "operator 2 FULLY_CONNECTED, input 1 is tensor 6"),
    (operator(2, inputs=[3, -2, -1]), "operator 2 FULLY_CONNECTED, input 1 is tensor -2"),
    (operator(2, inputs=[2**31 - 1]), "input 0 is tensor 2147483647"),
    (operator(2, outputs=[6]), "operator 2 FULLY_CONNECTED, output 0 is tensor 6"),
    (operator(2, outputs=[-1]), "operator 2 FULLY_CONNECTED, output 0 is tensor -1"),
    (edges(inputs=[6]), "the graph's input 0 is tensor 6"),
    (edges(outputs=[-1]), "the graph's output 0 is tensor -1"),
    (bad_custom_code, "custom opcode 0 has the invalid name '\\x1b[2J'"),
    # shapes and sizes
    (tensor(1, shape=[2, -6]), "tensor 1 has shape [2, -6]; only fixed shapes"),
    (tensor(3, shape=[-1, 6]), "tensor 3 has shape [-1, 6]; only fixed shapes"),
    (tensor(3, shape=[2**31 - 1] * 3), "more than 2147483648 elements"),
    (tensor(1, shape=[0, 2**31 - 1, 2**31 - 1]), "more than 2147483648 elements"),
    (tensor(3, shape=[1] * 33), "tensor 3 has 33 dimensions"),
    (tensor(1, shape=[2, 7]), "%1 'weight' holds 48 bytes, 14 float32 take 56"),
    (tensor(1, shape=[2, 5]), "%1 'weight' holds 48 bytes, 10 float32 take 40"),
    (tensor(1, shape=None), "%1 'weight' holds 48 bytes, 1 float32 take 4"),
    (tensor(1, shape=[2**15, 2**15]), "%1 'weight' holds 48 bytes"),
    (tensor(1, type=schema.TensorType.INT64), "%1 'weight' holds 48 bytes, 12 int64 take 96"),
    (tensor(1, type=schema.TensorType.STRING), "%1 'weight' is a constant of type string"),
    (tensor(1, type=99), "%1 'weight' is a constant of type type_99"),
    (buffer(1, data=b"123"), "%1 'weight' holds 3 bytes"),
    (buffer(1, data=None), "reads %1 'weight', which nothing computes"),
    (buffer(1, data=None, offset=48, size=2**40), "buffer 1 is at bytes 48 to"),
    (buffer(1, data=None, offset=2**63, size=2**63), "buffer 1 is at bytes"),
    (tensor(1, name="x" * 70000), "the name of tensor 1 has 70000 bytes"),
    # order
    (edges(inputs=[]), "the graph has no input"),
    (edges(outputs=[]), "the graph has no output"),
    (edges(inputs=[0, 0]), "the graph's input %0 'image' is listed twice"),
    (edges(inputs=[0, 1]), "the graph's input %1 'weight' is a constant"),
    (edges(inputs=[0, 3]), "operator 0 RESHAPE writes %3 'flat', which is an input"),
    (edges(inputs=[3]), "operator 0 RESHAPE reads %0 'image', which nothing computes"),
    (operator(0, outputs=[1]), "operator 0 RESHAPE writes %1 'weight', which is a constant"),
    (operator(0, outputs=[4]), "operator 2 FULLY_CONNECTED reads %3 'flat', which nothing"),
    (operator(2, outputs=[3]), "operator 2 FULLY_CONNECTED writes %3 'flat', which is"),
    (operator(0, inputs=[4]), "reads %4 'result' before operator 2 FULLY_CONNECTED computes it"),
    (operator(0, inputs=[3]), "reads %3 'flat' before operator 0 RESHAPE computes it"),
    (operator(2, outputs=[]), "nothing computes the graph's output %4 'result'"),
    (operator(1, inputs=[2, 2]), "operator 1 DEQUANTIZE has 2 inputs"),
    (operator(1, inputs=[-1]), "operator 1 DEQUANTIZE has 1 inputs"),
    (operator(1, inputs=[]), "operator 1 DEQUANTIZE has 0 inputs"),
    (operator(1, outputs=[]), "operator 2 FULLY_CONNECTED reads %5 'wide', which nothing computes"),
    (operator(1, outputs=[5, 4]), "operator 2 FULLY_CONNECTED writes %4 'result', which is"),
]


@pytest.mark.parametrize(("damage", "found"), DAMAGED, ids=[found[:60] for _, found in DAMAGED])
def test_a_damaged_model(damage: Damage, found: str) -> None:
    assert found in refusal(damaged(damage))


def test_a_negative_opcode_is_only_unknown() -> None:
    assert read_bytes(damaged(negative_opcode), "m").operators[0].name == "BUILTIN_-5"


def test_operators_out_of_order_are_refused_as_litert_runs_them() -> None:
    message = refusal(damaged(lambda m: m.graph.operators.reverse()))
    assert "operator 0 FULLY_CONNECTED reads %3 'flat' before operator 2 RESHAPE" in message


def test_names_may_hold_anything() -> None:
    """Names are kept unchanged; messages show them escaped."""
    name = b"\xff\xfe\x1b[31mred\n\x00end".decode("utf-8", "surrogateescape")
    content = damaged(tensor(1, name="\x1b[31mred\nend", shape=[2, 7]))
    assert r"'\x1b[31mred\nend'" in refusal(content)
    content = damaged(tensor(1, name="\x1b[31mred\nend"))
    assert read_bytes(content, "m").tensors[1].name == "\x1b[31mred\nend"
    content = damaged(tensor(1, name="QQQQ")).replace(b"QQQQ", b"\xff\xfe\x1b\x00")
    assert read_bytes(content, "m").tensors[1].name == "\ufffd\ufffd\x1b\x00"
    assert name


def test_a_shape_signature_is_tolerated() -> None:
    content = damaged(tensor(0, shapeSignature=[-1, 2, 3, 1]))
    assert read_bytes(content, "m").tensors[0].shape == (1, 2, 3, 1)


def test_an_empty_constant_is_a_constant() -> None:
    """RESHAPE to a scalar reads a shape of no elements, which has no bytes."""
    model = ModelBuilder()
    image, scalar = model.tensor((1,)), model.tensor(())
    shape = model.tensor((0,), "int32")
    model.operator("RESHAPE", [image, shape], [scalar])
    graph = read_bytes(model.build([image], [scalar]), "m")
    assert graph.tensors[shape].data is not None
    assert graph.tensors[shape].data.shape == (0,)


# Amplification: small files that describe much ------------------------------------------


def resized(side: int, times: int = 1) -> bytes:
    """A pixel, resized to side × side; then the same again, `times` in all."""
    model = ModelBuilder()
    last = image = model.tensor((1, 1, 1, 1), name="image")
    size = model.tensor((2,), "int32", np.array([side, side]))
    for step in range(times):
        large = model.tensor((1, side, side, 1), name=f"large{step}")
        options = schema.ResizeNearestNeighborOptionsT()
        model.operator("RESIZE_NEAREST_NEIGHBOR", [last, size], [large], options)
        last = large
    return model.build([image], [last])


def multiplied(side: int) -> bytes:
    """A column times a row."""
    model = ModelBuilder()
    column, row = model.tensor((side, 1)), model.tensor((1, side))
    table = model.tensor((side, side), name="large0")
    model.operator("MUL", [column, row], [table], schema.MulOptionsT())
    return model.build([column, row], [table])


def received(side: int) -> bytes:
    """An input of side × side, summed."""
    model = ModelBuilder()
    image, axes = (
        model.tensor((side, side), name="large0"),
        model.tensor((2,), "int32", np.arange(2)),
    )
    result = model.tensor(())
    model.operator("SUM", [image, axes], [result], schema.ReducerOptionsT())
    return model.build([image], [result])


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (resized(16384), 1 << 28),
        (resized(8192, times=4), 1 << 28),  # each alone would do
        (multiplied(16384), 1 << 28),
        (received(16384), 1 << 28),
    ],
)
def test_results_that_fill_memory(content: bytes, values: int) -> None:
    """Any operator can make large results of nothing; what counts is all of them together."""
    assert len(content) < 1500
    message = refusal(content)
    assert int(re.findall("computes ([0-9]+) values", message)[0]) - values < 1 << 16
    assert "'large0'" in message and "at most 134217728 are allowed" in message


def test_indices_that_fill_memory() -> None:
    """A result that is allowed, but whose places are listed one by one, eight bytes each."""
    from blazepalm.converter.lowering import lower  # needs torch, as nothing else here

    model = ModelBuilder()
    image = model.tensor((1, 1, 3, 1))
    size = model.tensor((2,), "int32", np.array([1, 100_000_000]))
    large = model.tensor((1, 1, 100_000_000, 1))
    options = schema.ResizeNearestNeighborOptionsT()
    model.operator("RESIZE_NEAREST_NEIGHBOR", [image, size], [large], options)
    graph = read_bytes(model.build([image], [large]), "wide.tflite")
    with pytest.raises(InvalidModel, match="operator 0 RESIZE.*: picks 100000000 places along one"):
        lower(graph)


def test_one_buffer_dequantised_a_thousand_times() -> None:
    """4 MB of halves read by 1000 DEQUANTIZE would be 8 GB."""
    model = ModelBuilder()
    image = model.tensor((1,))
    half = model.tensor((1 << 21,), "float16", np.ones(1 << 21, np.float16))
    outputs = [model.tensor((1 << 21,)) for _ in range(1000)]
    for out in outputs:
        model.operator("DEQUANTIZE", [half], [out])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "out of proportion to the file" in refusal(model.build([image], outputs))
    most = budget.FREE_BYTES + budget.MAX_UNFOLDING * (5 << 20)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 1.5 * most


@pytest.mark.parametrize("table", ["tensors", "operators"])
def test_one_entry_listed_a_million_times(table: str) -> None:
    """A vector of offsets that all point to the same table."""
    content = damaged(lambda m: None)
    root = schema.Model.GetRootAs(content, 0)
    graph = root.Subgraphs(0)
    slot = {"tensors": 4, "operators": 10}[table]
    field = graph._tab.Offset(slot) + graph._tab.Pos
    (first,) = struct.unpack_from("<I", content, field)
    vector = field + first
    entry = vector + 4 + struct.unpack_from("<I", content, vector + 4)[0]
    end = len(content) + -len(content) % 4
    count = 1_000_000
    offsets = (1 << 32) + entry - (end + 4 + 4 * np.arange(count, dtype=np.int64))
    damaged_content = bytearray(content).ljust(end, b"\0")
    damaged_content += struct.pack("<I", count) + (offsets % (1 << 32)).astype("<u4").tobytes()
    struct.pack_into("<I", damaged_content, field, end - field)
    assert "the flatbuffer is damaged" in refusal(bytes(damaged_content))


def test_many_names_in_the_same_place() -> None:
    """Eight thousand tensors with one name of 60 KB: 500 MB, from half a megabyte."""
    model = ModelBuilder()
    model.tensor((1,), name="long" * 15000)
    for _ in range(8000):
        model.tensor((1,), name="short")
    content = bytearray(model.build([0], [0]))
    long = content.index(b"longlong") - 4
    graph = schema.Model.GetRootAs(bytes(content), 0).Subgraphs(0)
    for number in range(8000):
        table = graph.Tensors(number)._tab
        field = table.Offset(10) + table.Pos
        struct.pack_into("<I", content, field, long - field)
    assert "the parts overlap" in refusal(bytes(content))


# Fuzz -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "release", ["hand-recrop-2020-07", "palm-lite-2021-11", "hand-full-2022", "hand-sparse-2021-02"]
)
def test_truncated_at_a_hundred_places(release: str) -> None:
    content = shared_model(release).read_bytes()
    cuts = range(0, len(content), len(content) // 100)
    for length in cuts:
        with pytest.raises(InvalidModel):
            read_bytes(content[:length], "cut.tflite")
    assert len(cuts) >= 100


def structure(content: bytes) -> np.ndarray:
    """The positions of a file outside its buffers, where damage does the most harm."""
    root = schema.Model.GetRootAs(content, 0)
    start = np.frombuffer(content, np.uint8).ctypes.data
    outside = np.ones(len(content), bool)
    for number in range(root.BuffersLength()):
        data = root.Buffers(number).DataAsNumpy()
        if not isinstance(data, int) and data.size:
            outside[data.ctypes.data - start :][: data.size] = False
    return np.flatnonzero(outside)


WORDS = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    bytes(4),
    b"\x00\x00\x00\x80",
    b"\x01\x00\x00\x00",
]


@pytest.mark.parametrize(
    "release", ["hand-recrop-2020-07", "palm-full-2023-09", "hand-sparse-2021-02"]
)
def test_damaged_structure_gives_invalid_model_or_a_graph(release: str) -> None:
    content = shared_model(release).read_bytes()
    positions = structure(content)
    rng = random.Random(release)
    refused = 0
    for _ in range(60):
        changed = bytearray(content)
        for _ in range(rng.choice([1, 2, 10, 50])):
            at = int(rng.choice(positions))
            if rng.random() < 0.5:
                changed[at] = rng.randrange(256)
            else:
                changed[at & ~3 : (at & ~3) + 4] = rng.choice(WORDS)
        started = time.process_time()
        try:
            read_bytes(bytes(changed), "damaged.tflite")
        except InvalidModel:
            refused += 1
        assert time.process_time() - started < 2
    assert refused > 20
