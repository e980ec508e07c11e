"""Messages between a process and its child: msgpack, then the bytes of arrays; never pickle."""

import contextlib
import math
import sys
from collections.abc import Mapping
from typing import IO, Any

import msgspec
import numpy as np

from blazepalm.errors import CouldNotVerify

Arrays = dict[str, np.ndarray]

MAX_FRAME = 1 << 30  # bytes of one message
PIPE_BYTES = 1 << 20  # that a pipe holds: as many as Linux allows any user
NUMERIC = "biuf"  # kinds of numpy types that are sent


class Array(msgspec.Struct):
    """What an array is; its bytes follow the message that names it."""

    dtype: str
    shape: tuple[int, ...]


def described(arrays: Mapping[str, np.ndarray]) -> dict[str, Array]:
    """What a message says of arrays. Raises CouldNotVerify for what cannot be sent."""
    for value in arrays.values():
        _check_kind(value.dtype)
        if value.nbytes > MAX_FRAME:
            raise CouldNotVerify(f"{value.nbytes} bytes are too many for another process")
    return {name: Array(value.dtype.str, value.shape) for name, value in arrays.items()}


def _check_kind(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in NUMERIC:
        raise CouldNotVerify(f"an array of {dtype} cannot go from one process to another")


def widen(*pipes: IO[bytes]) -> None:
    """Makes pipes on Linux large enough for a picture: the two processes need not take turns."""
    if sys.platform == "linux":
        import fcntl

        for pipe in pipes:
            with contextlib.suppress(OSError):  # more than the system allows
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def send(stream: IO[bytes], message: bytes, arrays: Mapping[str, np.ndarray]) -> None:
    """Sends one message and its arrays. Raises CouldNotVerify if it is too long."""
    if len(message) > MAX_FRAME:
        raise CouldNotVerify(f"{len(message)} bytes are too many for another process")
    stream.write(len(message).to_bytes(8, "little"))
    stream.write(message)
    for value in arrays.values():
        stream.write(_bytes_of(np.ascontiguousarray(value)))
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """One message; None where the stream ends before it does."""
    size = int.from_bytes(stream.read(8), "little")
    if not 0 < size <= MAX_FRAME:
        return None
    message = stream.read(size)
    return message if len(message) == size else None


def receive_arrays(stream: IO[bytes], arrays: Mapping[str, Array]) -> Arrays | None:
    """The arrays of a message; None where the stream ends before they do."""
    found = {}
    for name, array in arrays.items():
        dtype = np.dtype(array.dtype)
        _check_kind(dtype)
        if math.prod(array.shape) * dtype.itemsize > MAX_FRAME:
            return None
        found[name] = value = np.empty(array.shape, dtype)
        if stream.readinto(_bytes_of(value)) != value.nbytes:  # type: ignore[attr-defined]
            return None
    return found


def _bytes_of(value: np.ndarray) -> memoryview:
    """The memory of a contiguous array."""
    return memoryview(value.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
