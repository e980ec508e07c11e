"""Reads an untrusted ZIP: recognises it, checks its directory, inflates its members within bounds.

Like every ZIP reader, it recognises an archive by the record at its end: MediaPipe's bundles are
aligned, with one to three zero bytes before the first `PK`. ZIP, APPNOTE.TXT 4.3.16:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

It writes nothing to disk, refuses member paths that leave the bundle, and bounds both declared and
actual sizes before inflating anything.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from blazepalm.errors import InvalidModel

MAX_INFLATED = 1 << 28  # bytes of all members of an archive together
MAX_MEMBERS = 1024
MAX_DIRECTORY = 1 << 20  # bytes of the central directory
CHUNK = 1 << 20

LOCAL_HEADER = b"PK\x03\x04"
DIRECTORY_HEADER = b"PK\x01\x02"
END_OF_DIRECTORY = b"PK\x05\x06"
ZIP64_RECORD = b"PK\x06\x06"
ZIP64_POINTER = b"PK\x06\x07"
END = struct.Struct("<4sHHHHIIH")  # signature, 2 disks, 2 counts, size, offset, comment
# signature, size, 2 versions, 2 disks, 2 counts, size of the directory, its offset
ZIP64_END = struct.Struct("<4sQHHIIQQQQ")
ZIP64_LOCATOR = struct.Struct("<4sIQI")  # signature, disk, offset of the record, disks
MAX_COMMENT = 0xFFFF
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1  # general purpose flag

# The exceptions that zipfile raises on a damaged archive.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
    IndexError,
    KeyError,
)


class Budget:
    """How many more bytes may be inflated, for an archive and everything inside it."""

    def __init__(self, left: int) -> None:
        self.left = left


def is_archive(content: bytes) -> bool:
    """Whether the bytes end in a ZIP's directory, whatever precedes it."""
    at = _find_end(content)
    if at < 0:
        return False
    if _has_locator(content, at):
        return True
    _, _, _, _, entries, size, _, _ = END.unpack_from(content, at)
    start = at - size
    if entries == 0 and size == 0:
        return True
    return start >= 0 and content.startswith(DIRECTORY_HEADER, start)


@contextmanager
def open_archive(content: bytes, source: str, budget: Budget) -> Iterator[zipfile.ZipFile]:
    """Opens an archive after checking its directory. Raises InvalidModel, also for damage found
    inside the `with` block.
    """
    try:
        _check_directory(content, source)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(archive.infolist(), source, budget.left)
            yield archive
    except DAMAGE as error:
        raise InvalidModel(f"{source}: the bundle is damaged ({error}); fetch it again") from error


def start_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo, length: int) -> bytes:
    """The first `length` bytes of a member."""
    with archive.open(member) as stream:
        return stream.read(length)


def inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str, budget: Budget) -> bytes:
    """A member's bytes, counted while inflating, whatever size was declared."""
    parts = []
    with archive.open(member) as stream:
        while part := stream.read(CHUNK):
            budget.left -= len(part)
            if budget.left < 0:
                raise InvalidModel(f"{label}: inflates to more than {MAX_INFLATED} bytes")
            parts.append(part)
    return b"".join(parts)


def _find_end(content: bytes) -> int:
    """Offset of the end record that zipfile would use; −1 if there is none."""
    at = len(content) - END.size
    if at >= 0 and content.startswith(END_OF_DIRECTORY, at) and content.endswith(b"\0\0"):
        return at
    found = content.rfind(END_OF_DIRECTORY, max(at - MAX_COMMENT, 0))
    return found if found <= at else -1


def _check_directory(content: bytes, source: str) -> None:
    """Bounds the central directory before zipfile lists it."""
    at = _find_end(content)
    if at < 0:
        raise InvalidModel(f"{source}: the bundle is truncated (no end record); fetch it again")
    for entries, size in _declared(content, at, source):
        if entries > MAX_MEMBERS or size > MAX_DIRECTORY:
            raise InvalidModel(
                f"{source}: the bundle lists {entries} members in {size} bytes, more than "
                f"{MAX_MEMBERS} in {MAX_DIRECTORY}"
            )


def _declared(content: bytes, at: int, source: str) -> list[tuple[int, int]]:
    """(members, bytes of the directory) of every end record that zipfile might use. If there are
    64-bit ones (PyTorch always writes them), the plain one is ignored.
    """
    if not _has_locator(content, at):
        _, _, _, _, entries, size, _, _ = END.unpack_from(content, at)
        return [(entries, size)]
    _, _, pointed, _ = ZIP64_LOCATOR.unpack_from(content, at - ZIP64_LOCATOR.size)
    before = at - ZIP64_LOCATOR.size - ZIP64_END.size
    places = {place for place in (before, pointed) if content.startswith(ZIP64_RECORD, place)}
    if before < 0 or before not in places:
        raise InvalidModel(f"{source}: the bundle is damaged (no ZIP64 record); fetch it again")
    records = (content[place : place + ZIP64_END.size] for place in places)
    whole = [ZIP64_END.unpack(record) for record in records if len(record) == ZIP64_END.size]
    return [(entries, size) for *_, entries, size, _ in whole]


def _has_locator(content: bytes, at: int) -> bool:
    start = at - ZIP64_LOCATOR.size
    return start >= 0 and content.startswith(ZIP64_POINTER, start)


def _check_members(members: list[zipfile.ZipInfo], source: str, left: int) -> None:
    """Refuses the whole bundle if any member is suspicious."""
    if len(members) > MAX_MEMBERS:
        raise InvalidModel(f"{source}: has {len(members)} members, more than {MAX_MEMBERS}")
    names: set[str] = set()
    for member in members:
        name, what = member.filename, f"{source}: member {member.filename!r}"
        if not name.isprintable() or name in names:
            raise InvalidModel(f"{what} is unprintable or listed twice")
        names.add(name)
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in name:
            raise InvalidModel(f"{what} has a path that leads out of the bundle")
        if member.flag_bits & ENCRYPTED:
            raise InvalidModel(f"{what} is encrypted")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InvalidModel(f"{what} is a symbolic link")
        if member.compress_type not in METHODS:
            raise InvalidModel(f"{what} uses compression method {member.compress_type}")
    total = sum(member.file_size for member in members)
    if total > left:
        raise InvalidModel(f"{source}: the bundle would inflate to {total} bytes, more than {left}")
