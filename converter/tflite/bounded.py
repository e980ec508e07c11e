"""Copies vectors, names and buffers out of an untrusted file.

Flatbuffers may share parts, so a file of a kilobyte can describe gigabytes. In honest files the
parts do not overlap; the copies made here may add up to a few times the file's size.
"""

from typing import Any

import numpy as np

from blazepalm.errors import InvalidModel

MAX_TEXT_BYTES = 1 << 16  # bytes of a name; fused operators join dozens of names
OVERLAP = 4  # times the file's size
FREE = 1 << 20  # entries and bytes allowed to any file

LOCAL_HEADER = b"PK\x03\x04"
END_OF_DIRECTORY = b"PK\x05\x06"


class BoundedFile:
    """The content, and how much more may be copied out of it."""

    def __init__(self, content: bytes, source: str) -> None:
        self.content = content
        self.source = source
        self.size = len(content)
        self.budget = OVERLAP * len(content) + FREE
        self.start = _address(np.frombuffer(content, np.uint8))
        self.end = 0  # the furthest end of a buffer so far, as an offset

    def outside(self, offset: int, size: int, what: str) -> np.ndarray:
        if offset + size > self.size:
            raise self.invalid(
                f"{what} is at bytes {offset} to {offset + size} of a file of {self.size} bytes"
            )
        self.spend(size)
        return np.frombuffer(self.content, dtype=np.uint8, count=size, offset=offset)

    def vector(self, vector: Any, dtype: str = "int32") -> np.ndarray:
        """A vector as the accessor returns it: an array, or 0 if the field is absent."""
        if isinstance(vector, int):
            return np.zeros(0, dtype)
        array: np.ndarray = vector
        self.spend(array.size)
        return array

    def integers(self, vector: Any) -> tuple[int, ...]:
        return tuple(self.vector(vector).tolist())

    def references(self, vector: Any, tensors: int, lowest: int, what: str) -> tuple[int, ...]:
        indices = self.integers(vector)
        for slot, index in enumerate(indices):
            if not lowest <= index < tensors:
                raise self.invalid(f"{what} {slot} is tensor {index}, but there are {tensors}")
        return indices

    def text(self, encoded: bytes | None, what: str) -> str:
        if encoded is None:
            return ""
        if len(encoded) > MAX_TEXT_BYTES:
            raise self.invalid(f"{what} has {len(encoded)} bytes; fetch the file again")
        self.spend(len(encoded))
        return encoded.decode("utf-8", errors="replace")

    def spend(self, amount: int) -> None:
        self.budget -= amount
        if self.budget < 0:
            raise self.invalid("the parts overlap: together they are larger than the file")

    def invalid(self, found: str) -> InvalidModel:
        return InvalidModel(f"{self.source}: {found}")

    def note_end(self, buffer: np.ndarray) -> None:
        """Records how far into the file a buffer reaches."""
        if buffer.size:
            offset = _address(buffer) - self.start
            self.end = max(self.end, offset + buffer.size)

    def check_tail(self) -> None:
        """MediaPipe appends a ZIP of label files to a model. A ZIP that starts after the last
        buffer must be complete, or the download was truncated.
        """
        start = self.content.find(LOCAL_HEADER, self.end)
        if start < 0:
            return
        last = self.content.rfind(END_OF_DIRECTORY, start)
        comment = int.from_bytes(self.content[last + 20 : last + 22], "little")
        if last < 0 or last + 22 + comment > self.size:
            raise self.invalid("truncated in the ZIP after the model; fetch the file again")


def _address(array: np.ndarray) -> int:
    address, _ = array.__array_interface__["data"]
    return int(address)
