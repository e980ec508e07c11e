"""Inspects the disk: who owns what, and whether two names are one file. Changes nothing."""

import errno
import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from blazepalm.errors import ArtifactError

LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # files that systems leave in folders
OURS = re.compile(r"\.blazepalm-[0-9a-f]{8}(\.lock|\.part|-[0-9a-f]{16}(\.\w{1,8})?)")

Inputs = frozenset[tuple[int, int]]  # device and inode of each


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns an OSError into an ArtifactError that names `path`."""
    try:
        yield
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written: {error.strerror or error}") from error


def status(path: Path) -> os.stat_result | None:
    """A path's own status (links not followed); None if nothing is there. Raises OSError."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise OSError(errno.EINVAL, "its name has a null character") from error


def foreign(folder: Path, ours: Collection[str], top: Collection[str] | None = None) -> str | None:
    """The first path in a folder, relative to it, that is neither one of `ours` nor a parent folder
    of one; None if there is none. `top`: check only these names at the top. Raises OSError.
    """
    files = {unicodedata.normalize("NFC", path) for path in ours}
    folders = {str(above) for path in files for above in PurePosixPath(path).parents}
    for path, is_folder in walk(folder, top):
        name = unicodedata.normalize("NFC", path)
        if name not in files and not (is_folder and name in folders):
            return path
    return None


def walk(folder: Path, top: Collection[str] | None = None) -> Iterator[tuple[str, bool]]:
    """The path of everything in a folder, and whether it is a folder (a link is not)."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            found = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries)
        for name, is_folder in found:
            path = f"{inside}{name}"
            if inside == "" and top is not None and name not in top:
                continue
            if not is_folder and (name in LITTER or OURS.fullmatch(name)):
                continue
            yield path, is_folder
            if is_folder:
                waiting.append(f"{path}/")


def identify(paths: Iterable[str | Path]) -> Inputs:
    """The identities of files and folders on the disk, whatever their names."""
    found = (_identity(path) for path in paths)
    return frozenset(identity for identity in found if identity is not None)


def refuse_inputs(path: Path, inputs: Inputs) -> None:
    """Raises ArtifactError if `path` is one of the files that are read, or is inside a folder (a
    package) that is.
    """
    if inputs:
        real = Path(os.path.realpath(path))
        if any(_identity(above) in inputs for above in (real, *real.parents)):
            raise ArtifactError(f"{path}: is one of the inputs; write to another file")


def part_of(path: Path, suffix: str) -> Path:
    """A temporary name beside `path`, short enough whatever the length of its name."""
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]
    return path.with_name(f".blazepalm-{digest}{suffix}")


def _identity(path: str | Path) -> tuple[int, int] | None:
    try:
        found = os.stat(os.path.realpath(path))
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
