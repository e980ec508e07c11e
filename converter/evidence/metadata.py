"""The metadata that TFLite's tools embed in a file: names of outputs, normalisation of the input.

A flatbuffer of its own, in the entry TFLITE_METADATA; only the fields needed here are read.
https://github.com/tensorflow/tflite-support/blob/v0.4.4/tensorflow_lite_support/metadata/metadata_schema.fbs
"""

import math
import struct
from dataclasses import dataclass
from typing import Any

import flatbuffers
from flatbuffers import number_types

ENTRY = "TFLITE_METADATA"
IDENTIFIER = b"M001"
MAX_ENTRIES = 64  # tensors, process units or channels
MAX_NAME = 256  # bytes
NORMALISATION = 1  # in union ProcessUnitOptions
DAMAGE = (struct.error, TypeError, ValueError, IndexError, OverflowError)

# the fields' positions in their tables
SUBGRAPHS = 3  # ModelMetadata
INPUTS, OUTPUTS = 2, 3  # SubGraphMetadata
NAME, PROCESS_UNITS = 0, 4  # TensorMetadata
KIND, OPTIONS = 0, 1  # ProcessUnit
MEAN, STD = 0, 1  # NormalizationOptions


@dataclass(frozen=True)
class Metadata:
    """`outputs`: the names of the outputs, in the file's order. `value_range`: what uint8 0..255
    becomes when normalised as the input's metadata say; None if they do not, or differ by channel.
    """

    outputs: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None


def read_metadata(content: bytes) -> Metadata:
    """Reads the entry; empty if it is damaged or of another kind."""
    if content[4:8] != IDENTIFIER:
        return Metadata()
    try:
        (root,) = struct.unpack_from("<I", content)
        (graph, *_) = _tables(flatbuffers.table.Table(content, root), SUBGRAPHS) or (None,)
        if graph is None:
            return Metadata()
        inputs = _tables(graph, INPUTS)
        ranges = [
            _normalised(unit) for table in inputs[:1] for unit in _tables(table, PROCESS_UNITS)
        ]
        return Metadata(
            outputs=tuple(_text(table, NAME) for table in _tables(graph, OUTPUTS)),
            value_range=next((found for found in ranges if found is not None), None),
        )
    except DAMAGE:
        return Metadata()


def _normalised(unit: Any) -> tuple[float, float] | None:
    kind = _offset(unit, KIND)
    at = _offset(unit, OPTIONS)
    if not kind or unit.Get(number_types.Uint8Flags, unit.Pos + kind) != NORMALISATION or not at:
        return None
    options = flatbuffers.table.Table(unit.Bytes, unit.Pos)
    unit.Union(options, at)
    mean, std = set(_floats(options, MEAN)), set(_floats(options, STD))
    if len(mean) != 1 or len(std) != 1:
        return None
    (shift,), (scale,) = mean, std
    if not (math.isfinite(shift) and 0 < scale < math.inf):
        return None
    return (0.0 - shift) / scale, (255.0 - shift) / scale


def _offset(table: Any, field: int) -> int:
    return int(table.Offset(4 + 2 * field))


def _count(table: Any, offset: int) -> int:
    count = int(table.VectorLen(offset))
    if count > MAX_ENTRIES:
        raise ValueError(f"{count} entries")
    return count


def _tables(table: Any, field: int) -> list[Any]:
    offset = _offset(table, field)
    if not offset:
        return []
    start = table.Vector(offset)
    return [
        flatbuffers.table.Table(table.Bytes, table.Indirect(start + 4 * number))
        for number in range(_count(table, offset))
    ]


def _floats(table: Any, field: int) -> list[float]:
    offset = _offset(table, field)
    if not offset:
        return []
    return list(struct.unpack_from(f"<{_count(table, offset)}f", table.Bytes, table.Vector(offset)))


def _text(table: Any, field: int) -> str:
    offset = _offset(table, field)
    if not offset:
        return ""
    start = table.Pos + offset
    start += table.Get(number_types.UOffsetTFlags, start)
    (length,) = struct.unpack_from("<I", table.Bytes, start)
    return bytes(table.Bytes[start + 4 : start + 4 + min(length, MAX_NAME)]).decode(
        errors="replace"
    )
