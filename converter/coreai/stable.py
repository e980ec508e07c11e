"""Makes a `.aimodel` folder's bytes depend on nothing but its program.

Core AI names each constant after a hash that depends on where the process lies in memory, and
stores the time. Here the constants are numbered in the file's own order, and no time is stored.
`main.mlirb` is MLIR bytecode, https://mlir.llvm.org/docs/BytecodeFormat/: sections one after the
other, of which one holds all strings; `main.hash` is its SHA-256.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROGRAM, HASH, METADATA = "main.mlirb", "main.hash", "metadata.json"
ASSET_FILES = (PROGRAM, HASH, METADATA)
MAGIC = b"ML\xefR"
STRINGS = 0  # the kind of section
ALIGNED = 0x80  # in its first byte: an alignment follows its length
PADDING = 0xCB
CONSTANT = re.compile(rb"resource_\d+")


class Section(NamedTuple):
    """A section from `start`, its header included, to `end`; its content begins at `content`."""

    kind: int
    start: int
    content: int
    end: int
    aligned: bool


def make_stable(asset: Path) -> bool:
    """Rewrites a folder in place. False, and the program is left as it is, if it is not laid out as
    expected.
    """
    metadata = json.loads((asset / METADATA).read_text(encoding="utf-8"))
    metadata.pop("creationDate", None)
    text = json.dumps(metadata, indent=1, sort_keys=True, ensure_ascii=False)
    (asset / METADATA).write_text(text + "\n", encoding="utf-8")
    try:
        program = numbered((asset / PROGRAM).read_bytes())
    except (IndexError, ValueError):
        return False
    (asset / PROGRAM).write_bytes(program)
    (asset / HASH).write_bytes(hashlib.sha256(program).digest())
    return True


def numbered(program: bytes) -> bytes:
    """The bytecode with its constants called `resource_0`, `resource_1`, …. Raises ValueError or
    IndexError for bytecode of another layout.
    """
    found = list(sections(program))
    place = next((i for i, section in enumerate(found) if section.kind == STRINGS), None)
    if place is None or any(section.aligned for section in found[place:]):
        raise ValueError("its strings cannot be replaced")
    strings = found[place]
    content = renamed(program[strings.content : strings.end])
    header = bytes([STRINGS]) + number(len(content))
    return program[: strings.start] + header + content + program[strings.end :]


def sections(program: bytes) -> Iterator[Section]:
    """The sections of MLIR bytecode."""
    if not program.startswith(MAGIC):
        raise ValueError("not MLIR bytecode")
    _, place = read_number(program, len(MAGIC))  # the version
    place = program.index(b"\0", place) + 1  # after the producer
    while place < len(program):
        start, kind = place, program[place]
        length, place = read_number(program, place + 1)
        if kind & ALIGNED:
            alignment, place = read_number(program, place)
            while place % alignment:
                if program[place] != PADDING:
                    raise ValueError("a section is not padded as it says")
                place += 1
        yield Section(kind & ~ALIGNED, start, place, place + length, bool(kind & ALIGNED))
        place += length
    if place != len(program):
        raise ValueError("a section is cut off")


def renamed(content: bytes) -> bytes:
    """The string section: how many, their lengths in reverse order, the strings, each with a 0."""
    count, place = read_number(content, 0)
    for _ in range(count):
        _, place = read_number(content, place)
    strings = content[place:].split(b"\0")
    if len(strings) != count + 1 or strings.pop():
        raise ValueError("its strings are not as many as it says")
    constants = (b"resource_%d" % n for n in range(count))
    strings = [next(constants) if CONSTANT.fullmatch(s) else s for s in strings]
    lengths = b"".join(number(len(s) + 1) for s in reversed(strings))
    return number(count) + lengths + b"".join(s + b"\0" for s in strings)


def read_number(data: bytes, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the place after it. As many low bits of the first byte are
    0 as bytes follow it.
    """
    first = data[place]
    size = (first & -first).bit_length() if first else 9
    value = int.from_bytes(data[place : place + size], "little")
    return value >> (8 if size == 9 else size), place + size


def number(value: int) -> bytes:
    """The bytes of a number, as few as it takes."""
    size = max(1, -(-value.bit_length() // 7))
    if size > 8:
        return b"\0" + value.to_bytes(8, "little")
    return (((value << 1) | 1) << (size - 1)).to_bytes(size, "little")
