"""A path → the bytes of the models behind it: a plain file, or the members of a bundle.

MediaPipe's `.task` is a ZIP of `.tflite` files (a bundle may hold further bundles). It is
told by its content, not by its suffix. `bundle.task:hand_detector.tflite` names one member.

A bundle is not trusted: nothing is written to disk, a member's path may not climb out, and
declared as well as true sizes are bounded before anything is inflated.
"""

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from blazepalm.models.errors import InvalidModel

LARGEST_FILE = 1 << 30  # bytes
LARGEST_INFLATED = 1 << 28  # bytes of a bundle's members together
MOST_MEMBERS = 1024
LARGEST_DIRECTORY = 1 << 20  # bytes of the ZIP's central directory
DEEPEST_NESTING = 2
CHUNK = 1 << 20

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
END_OF_DIRECTORY = b"PK\x05\x06"
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


def read_contents(path: str | Path) -> list[tuple[str, bytes]]:
    """(source, content) of every model behind `path`. Raises InvalidModel."""
    file, member = _split(str(path))
    content = read_file(file)
    if not is_bundle(content):
        if member is not None:
            raise InvalidModel(f"{file}: not a bundle, it has no member {member}")
        return [(file, content)]
    models = list(bundle_members(content, file))
    if not models:
        raise InvalidModel(f"{file}: the bundle holds no .tflite model")
    if member is None:
        return models
    chosen = [model for model in models if model[0] == f"{file}:{member}"]
    if len(chosen) != 1:
        raise InvalidModel(f"{file}: no member {member}; there are {_listed(models)}")
    return chosen


def file_of(path: str | Path) -> str:
    """The file that is read: of a member, its bundle."""
    return _split(str(path))[0]


def choose_one(path: str | Path) -> tuple[str, bytes]:
    """The one model behind `path`; InvalidModel lists the members where there are several."""
    models = read_contents(path)
    if len(models) > 1:
        raise InvalidModel(
            f"{path}: the bundle holds {len(models)} models, name one of them: {_listed(models)}"
        )
    return models[0]


def is_bundle(content: bytes) -> bool:
    return content.startswith(ZIP_MAGIC)


def read_file(path: str) -> bytes:
    """The bytes of a regular file of at most a gigabyte. Raises InvalidModel."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)  # does not wait on a pipe
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidModel(f"{path}: not a regular file")
            if status.st_size > LARGEST_FILE:
                raise InvalidModel(f"{path}: {status.st_size} bytes, more than {LARGEST_FILE}")
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise InvalidModel(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise InvalidModel(f"{path}: this is a folder, expected a .tflite file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidModel(f"{path!r}: cannot be read: {reason}") from error
    if len(content) > LARGEST_FILE:
        raise InvalidModel(f"{path}: more than {LARGEST_FILE} bytes")
    return content


def bundle_members(content: bytes, source: str) -> Iterator[tuple[str, bytes]]:
    """(source:member, bytes) of every `.tflite` in a bundle, in the archive's order, those of
    bundles inside it included.
    """
    yield from _members(content, source, [LARGEST_INFLATED], DEEPEST_NESTING)


def _members(
    content: bytes, source: str, left: list[int], depth: int
) -> Iterator[tuple[str, bytes]]:
    try:
        _check_directory(content, source)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_members(members, source, left[0])
            for member in members:
                suffix = PurePosixPath(member.filename).suffix.lower()
                if member.is_dir() or suffix not in (".tflite", ".task", ".zip"):
                    continue
                label = f"{source}:{member.filename}"
                inflated = _inflate(archive, member, label, left)
                if suffix == ".tflite":
                    yield label, inflated
                elif depth > 1 and is_bundle(inflated):
                    yield from _members(inflated, label, left, depth - 1)
    except DAMAGE as error:
        raise InvalidModel(f"{source}: the bundle is damaged ({error}); fetch it again") from error


def _check_directory(content: bytes, source: str) -> None:
    """Bounds the central directory before zipfile lists it."""
    tail = content[-(22 + 0xFFFF) :]
    at = tail.rfind(END_OF_DIRECTORY)
    if at < 0 or len(tail) - at < 22:
        raise InvalidModel(f"{source}: the bundle has no end; it is truncated, fetch it again")
    entries, size = struct.unpack_from("<HI", tail, at + 10)
    if entries > MOST_MEMBERS or size > LARGEST_DIRECTORY:
        raise InvalidModel(
            f"{source}: the bundle lists {entries} members in {size} bytes, more than "
            f"{MOST_MEMBERS} in {LARGEST_DIRECTORY}"
        )


def _check_members(members: list[zipfile.ZipInfo], source: str, left: int) -> None:
    """Refuses the whole bundle for any member that is not an honest file."""
    if len(members) > MOST_MEMBERS:
        raise InvalidModel(f"{source}: {len(members)} members, more than {MOST_MEMBERS}")
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


def _inflate(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str, left: list[int]
) -> bytes:
    """A member's bytes, counted while they come, whatever was declared."""
    parts = []
    with archive.open(member) as stream:
        while part := stream.read(CHUNK):
            left[0] -= len(part)
            if left[0] < 0:
                raise InvalidModel(f"{label}: inflates beyond {LARGEST_INFLATED} bytes")
            parts.append(part)
    return b"".join(parts)


def _split(path: str) -> tuple[str, str | None]:
    """`bundle.task:member` → both parts, where no file goes by the whole name."""
    if ":" in path and not os.path.lexists(path):
        file, _, member = path.partition(":")
        while member and not os.path.isfile(file) and ":" in member:
            more, _, member = member.partition(":")
            file = f"{file}:{more}"
        if member and os.path.isfile(file):
            return file, member
    return path, None


def _listed(models: list[tuple[str, bytes]]) -> str:
    return ", ".join(source for source, _ in models)
