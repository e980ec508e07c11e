"""MLIR bytecode by hand: its constants are numbered, everything else stays."""

import hashlib
import json
from pathlib import Path

import pytest

from blazepalm.converter.coreai.stable import make_stable, number, numbered, read_number

HEAD = b"ML\xefR" + b"\x0d" + b"MLIR22\x00"  # version 6: 6 << 1 | 1
FIRST = b"\x05" + b"\x07" + b"abc"  # another section of 3 bytes


def strings(*texts: bytes) -> bytes:
    """A string section: 0, its length, how many, the lengths in reverse order, the strings."""
    lengths = bytes((len(text) + 1) << 1 | 1 for text in reversed(texts))
    content = bytes([len(texts) << 1 | 1]) + lengths + b"".join(t + b"\0" for t in texts)
    assert len(content) < 128
    return b"\0" + bytes([len(content) << 1 | 1]) + content


def test_constants_are_numbered_in_the_file_s_order() -> None:
    last = b"\x08\x05xy"
    given = HEAD + FIRST + strings(b"resource_777", b"main", b"resource_12", b"resource_x") + last
    wanted = HEAD + FIRST + strings(b"resource_0", b"main", b"resource_1", b"resource_x") + last
    assert numbered(given) == wanted == numbered(wanted)


def test_aligned_sections_are_stepped_over() -> None:
    start = len(HEAD) + 3  # kind, length, alignment
    padding = b"\xcb" * (-start % 16)
    aligned = HEAD + b"\x85\x07\x21" + padding + b"abc"
    texts = strings(b"resource_9")
    assert numbered(aligned + texts) == aligned + strings(b"resource_0")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK" + HEAD + strings(b"a"),
        HEAD + FIRST,  # no strings
        HEAD + strings(b"resource_9") + b"\x85\x07\x05\xcb\xcbabc",  # its padding would move
        HEAD + b"\x00\x09" + b"\x03\x05",  # cut off
        HEAD + b"\x00\x0b\x05\x05\x05a\x00",  # two strings, one there
    ],
)
def test_other_bytes_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises((ValueError, IndexError)):
        numbered(content)
    (tmp_path / "metadata.json").write_text("{}")
    (tmp_path / "main.mlirb").write_bytes(content)
    (tmp_path / "main.hash").write_bytes(b"as it was")
    assert not make_stable(tmp_path)
    assert (tmp_path / "main.mlirb").read_bytes() == content
    assert (tmp_path / "main.hash").read_bytes() == b"as it was"


def test_the_hash_follows_and_the_time_goes(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text('{"creationDate": "2026", "license": "MIT"}')
    (tmp_path / "main.mlirb").write_bytes(HEAD + strings(b"resource_77"))
    assert make_stable(tmp_path)
    assert json.loads((tmp_path / "metadata.json").read_text()) == {"license": "MIT"}
    digest = hashlib.sha256(HEAD + strings(b"resource_0")).digest()
    assert (tmp_path / "main.hash").read_bytes() == digest


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0, b"\x01"),
        (127, b"\xff"),
        (128, b"\x02\x02"),  # 128 << 2 | 2
        (2**14 - 1, b"\xfe\xff"),
        (2**14, b"\x04\x00\x02"),  # 2**14 << 3 | 4
        (2**56, b"\x00" + bytes(7) + b"\x01"),
    ],
)
def test_numbers_of_one_to_nine_bytes(value: int, data: bytes) -> None:
    assert number(value) == data
    assert read_number(data + b"\xff", 0) == (value, len(data))
