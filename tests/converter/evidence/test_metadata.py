"""Metadata built field by field, as metadata_schema.fbs numbers them; and a real file's."""

import flatbuffers
import pytest

from blazepalm.converter.evidence.metadata import ENTRY, Metadata, read_metadata
from blazepalm.converter.tflite import read
from support.models import shared_file


def _vector(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: flatbuffers.Builder, values: list[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())


def _table(builder: flatbuffers.Builder, fields: dict[int, int]) -> int:
    builder.StartObject(8)
    for slot, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def built(names: list[str], mean: list[float], std: list[float]) -> bytes:
    builder = flatbuffers.Builder(256)
    options = _table(builder, {0: _floats(builder, mean), 1: _floats(builder, std)})
    builder.StartObject(2)
    builder.PrependUint8Slot(0, 1, 0)  # NormalizationOptions
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    unit = builder.EndObject()
    image = _table(builder, {4: _vector(builder, [unit])})
    outputs = [_table(builder, {0: builder.CreateString(name)}) for name in names]
    inputs = _vector(builder, [image])
    graph = _table(builder, {2: inputs, 3: _vector(builder, outputs)})
    root = _table(builder, {3: _vector(builder, [graph])})
    builder.Finish(root, file_identifier=b"M001")
    return bytes(builder.Output())


def test_names_and_range() -> None:
    """(0 - 127.5) / 127.5 = -1, (255 - 127.5) / 127.5 = 1."""
    content = built(["landmarks", "presence score"], [127.5] * 3, [127.5] * 3)
    assert read_metadata(content) == Metadata(("landmarks", "presence score"), (-1.0, 1.0))


def test_channels_that_differ_give_no_range() -> None:
    assert read_metadata(built([], [123.0, 116.0, 104.0], [1.0] * 3)).value_range is None
    assert read_metadata(built([], [0.0], [0.0])).value_range is None


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_damage_is_nothing(cut: int) -> None:
    content = built(["landmarks"], [0.0], [255.0])
    assert isinstance(read_metadata(content[:cut]), Metadata)
    broken = bytearray(content)
    broken[cut % len(content)] ^= 0xFF
    assert isinstance(read_metadata(bytes(broken)), Metadata)
    assert read_metadata(b"") == Metadata()


def test_a_real_file() -> None:
    """MediaPipe documents the classifier's only output as "hand gestures"."""
    content = read(shared_file("gr_canned_gesture_classifier.tflite")).metadata[ENTRY]
    assert read_metadata(content).outputs == ("hand gestures",)
