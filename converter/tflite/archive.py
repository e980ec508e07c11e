"""A ZIP that is not trusted: recognised, its directory checked, its members inflated in bounds.

An archive is told by the record at its end, as every ZIP reader tells it: MediaPipe's bundles
are aligned, with one to three zero bytes before the first `PK`. ZIP, APPNOTE.TXT 4.3.16:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

Nothing is written to disk, a member's path may not climb out, and declared as well as true
sizes are bounded before anything is inflated.
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

MAX_INFLATED = 1 << 28  # bytes of an archive's members together
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
ZIP64_LOCATOR = struct.Struct("<4sIQI")  # signature, disk, where the record is, disks
MAX_COMMENT = 0xFFFF
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1  # general purpose flag

# What zipfile raises on a damaged archive.
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
    """How many bytes may still be inflated, over an archive and all that lie in it."""

    def __init__(self, left: int) -> None:
        self.left = left


def is_archive(content: bytes) -> bool:
    """Whether the bytes end in a ZIP's directory, whatever comes before it."""
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
    """An archive whose directory was checked. Raises InvalidModel, also for damage that the
    block meets.
    """
    try:
        _check_directory(content, source)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(archive.infolist(), source, budget.left)
            yield archive
    except DAMAGE as error:
        raise InvalidModel(f"{source}: the bundle is damaged ({error}); fetch it again") from error


def start_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo, length: int) -> bytes:
    """The first bytes of a member."""
    with archive.open(member) as stream:
        return stream.read(length)


def inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str, budget: Budget) -> bytes:
    """A member's bytes, counted while they come, whatever was declared."""
    parts = []
    with archive.open(member) as stream:
        while part := stream.read(CHUNK):
            budget.left -= len(part)
            if budget.left < 0:
                raise InvalidModel(f"{label}: inflates beyond {MAX_INFLATED} bytes")
            parts.append(part)
    return b"".join(parts)


def _find_end(content: bytes) -> int:
    """Where zipfile finds the end record; −1 where there is none."""
    at = len(content) - END.size
    if at >= 0 and content.startswith(END_OF_DIRECTORY, at) and content.endswith(b"\0\0"):
        return at
    found = content.rfind(END_OF_DIRECTORY, max(at - MAX_COMMENT, 0))
    return found if found <= at else -1


def _check_directory(content: bytes, source: str) -> None:
    """Bounds the central directory before zipfile lists it."""
    at = _find_end(content)
    if at < 0:
        raise InvalidModel(f"{source}: the bundle has no end; it is truncated, fetch it again")
    for entries, size in _declared(content, at, source):
        if entries > MAX_MEMBERS or size > MAX_DIRECTORY:
            raise InvalidModel(
                f"{source}: the bundle lists {entries} members in {size} bytes, more than "
                f"{MAX_MEMBERS} in {MAX_DIRECTORY}"
            )


def _declared(content: bytes, at: int, source: str) -> list[tuple[int, int]]:
    """(members, bytes of the directory) by every end record that zipfile may believe. Where there
    are 64-bit ones (PyTorch writes them always), the plain one counts for nothing.
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
    """Refuses the whole bundle for any member that is not an honest file."""
    if len(members) > MAX_MEMBERS:
        raise InvalidModel(f"{source}: {len(members)} members, more than {MAX_MEMBERS}")
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
            raise InvalidModel(f"{what} is compressed by method {member.compress_type}")
    total = sum(member.file_size for member in members)
    if total > left:
        raise InvalidModel(f"{source}: the bundle would inflate to {total} bytes, more than {left}")
