"""Maps a weight file of an ML program (MIL blob storage, version 2) as arrays, without copying.

Little-endian throughout, as coremltools' BlobWriter writes it (mlmodel/src/MILBlob/Blob at
https://github.com/apple/coremltools/tree/9.0; the tests compare with its library):

    header, 64 bytes     uint32 count, uint32 version = 2, zeros
    record, 64 bytes     uint32 0xDEADBEEF, uint32 type, uint64 bytes, uint64 offset of the data,
                         uint64 unused bits at the end (types of less than a byte), zeros

A value in the program names its *record* by offset. Types of less than a byte are packed, least
significant bits first, across byte borders; here they are unpacked to one byte each.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blazepalm.errors import InvalidModel

HEADER = struct.Struct("<II")
RECORD = struct.Struct("<IIQQQ")
ALIGNMENT = 64
VERSION = 2
SENTINEL = 0xDEADBEEF

# the type number of a record → MIL's name of the element type
TYPES = {
    1: "FLOAT16",
    2: "FLOAT32",
    3: "UINT8",
    4: "INT8",
    6: "INT16",
    7: "UINT16",
    8: "INT4",
    9: "UINT1",
    10: "UINT2",
    11: "UINT4",
    12: "UINT3",
    13: "UINT6",
    14: "INT32",
    15: "UINT32",
}


@dataclass(frozen=True)
class Blob:
    """One record: `data` is a byte view of the mapped file."""

    dtype: str
    offset: int
    data: np.ndarray


class BlobFile:
    """A mapped weight file. Writing into an array read from it changes memory, not the file."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidModel if the file is not blob storage of version 2."""
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:  # ValueError: an empty file
            raise InvalidModel(f"{path}: cannot be read as weights ({error})") from error
        self.size = len(self._map)
        if self.size < ALIGNMENT:
            raise InvalidModel(f"{path}: {self.size} bytes are too few for a weight file")
        _, version = HEADER.unpack_from(self._map)
        if version != VERSION:
            raise InvalidModel(
                f"{path}: weight storage of version {version}; only version {VERSION} is supported"
            )

    def read(self, offset: int) -> Blob:
        """The record at `offset`. Raises InvalidModel if the record or its data is not in
        the file.
        """
        size = self.size
        if offset % ALIGNMENT or not ALIGNMENT <= offset <= size - ALIGNMENT:
            raise InvalidModel(f"{self.path}: no weight at offset {offset} of {size} bytes")
        sentinel, number, length, start, _ = RECORD.unpack_from(self._map, offset)
        if sentinel != SENTINEL:
            raise InvalidModel(f"{self.path}: no weight begins at offset {offset}")
        if number not in TYPES:
            raise InvalidModel(f"{self.path}: weight of unknown type {number} at offset {offset}")
        if start % ALIGNMENT or start > size or length > size - start:
            raise InvalidModel(
                f"{self.path}: the weight at offset {offset} claims {length} bytes from {start}, "
                f"but the file has {size}"
            )
        data = np.frombuffer(self._map, np.uint8, count=length, offset=start)
        return Blob(TYPES[number], offset, data)


def unpack(data: np.ndarray, bits: int, count: int, *, signed: bool) -> np.ndarray:
    """`count` integers of `bits` (1 to 7) bits each from packed bytes, as uint8 or int8."""
    stream = np.unpackbits(data, bitorder="little", count=count * bits).reshape(count, bits)
    values = np.packbits(stream, axis=1, bitorder="little")[:, 0]
    if not signed:
        return values
    return (values.astype(np.int16) - (values >> (bits - 1)).astype(np.int16) * (1 << bits)).astype(
        np.int8
    )
