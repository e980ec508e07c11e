"""Weight files: written by coremltools' own library and read here, and bytes laid out by hand."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coremltools.libmilstoragepython import _BlobStorageWriter as Writer

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.blob import BlobFile, unpack

# the writer's method → MIL's type, the numpy type it takes, and values that tell much
WRITERS: list[tuple[str, str, Any, list[float]]] = [
    ("float", "FLOAT32", np.float32, [0.1, -2.5, 3e38]),
    ("int8", "INT8", np.int8, [-128, 0, 127]),
    ("uint8", "UINT8", np.uint8, [0, 7, 255]),
    ("int16", "INT16", np.int16, [-32768, 0, 12345]),
    ("uint16", "UINT16", np.uint16, [0, 7, 65535]),
    ("int32", "INT32", np.int32, [-(2**31), 0, 2**31 - 1]),
    ("uint32", "UINT32", np.uint32, [0, 7, 2**32 - 1]),
]
SMALL = [("uint1", 1), ("uint2", 2), ("uint3", 3), ("uint4", 4), ("uint6", 6), ("int4", 4)]


def record(
    number: int = 2, size: int = 4, start: int = 128, sentinel: int = 0xDEADBEEF, version: int = 2
) -> bytes:
    """A file of one record and one float32, 1.0."""
    head = struct.pack("<II", 1, version).ljust(64, b"\0")
    entry = struct.pack("<IIQQQ", sentinel, number, size, start, 0).ljust(64, b"\0")
    return head + entry + struct.pack("<f", 1.0)


@pytest.mark.parametrize(("method", "name", "dtype", "values"), WRITERS)
def test_whole_bytes(
    tmp_path: Path, method: str, name: str, dtype: Any, values: list[float]
) -> None:
    writer = Writer(str(tmp_path / "weight.bin"))
    array = np.array(values, dtype)
    getattr(writer, f"write_{method}_data")(array[::-1].copy())
    offset = getattr(writer, f"write_{method}_data")(array)
    blob = BlobFile(tmp_path / "weight.bin").read(offset)
    assert blob.dtype == name
    np.testing.assert_array_equal(blob.data.view(dtype), array)


def test_float16(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / "weight.bin"))
    array = np.array([0.1, -65504.0, 6e-8], np.float16)
    offset = writer.write_fp16_data(array.view(np.uint16))
    blob = BlobFile(tmp_path / "weight.bin").read(offset)
    assert blob.dtype == "FLOAT16"
    np.testing.assert_array_equal(blob.data.view(np.float16), array)


@pytest.mark.parametrize(("name", "bits"), SMALL)
def test_less_than_a_byte(tmp_path: Path, name: str, bits: int) -> None:
    from coremltools.converters.mil.mil import types

    signed = name.startswith("int")
    values = np.arange(29) % (1 << bits) - (1 << (bits - 1)) * signed
    writer = Writer(str(tmp_path / "weight.bin"))
    array = values.astype(types.nptype_from_builtin(getattr(types, name)))
    offset = getattr(writer, f"write_{name}_data")(array)
    blob = BlobFile(tmp_path / "weight.bin").read(offset)
    assert blob.dtype == name.upper()
    np.testing.assert_array_equal(unpack(blob.data, bits, 29, signed=signed), values)


def test_nothing_is_copied_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "weight.bin"
    path.write_bytes(record())
    blob = BlobFile(path).read(64)
    assert blob.data.base is not None
    blob.data[:] = 0
    assert path.read_bytes() == record()


@pytest.mark.parametrize(
    ("content", "offset", "sentence"),
    [
        (b"", 64, "cannot be read"),
        (b"\0" * 63, 64, "too few"),
        (record(version=1), 64, "version 1"),
        (record(), 0, "no weight at offset 0"),
        (record(), 65, "no weight at offset 65"),
        (record(), 128, "no weight at offset 128"),
        (record(), 1 << 60, "no weight at offset"),
        (record(sentinel=7), 64, "no weight begins"),
        (record(number=99), 64, "unknown type 99"),
        (record(size=8), 64, "claims 8 bytes from 128, but the file has 132"),
        (record(size=1 << 62), 64, "claims"),
        (record(start=1 << 63), 64, "claims"),
        (record(start=130), 64, "claims"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, offset: int, sentence: str) -> None:
    path = tmp_path / "weight.bin"
    path.write_bytes(content)
    with pytest.raises(InvalidModel, match=sentence):
        BlobFile(path).read(offset)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="cannot be read"):
        BlobFile(tmp_path / "weight.bin")
