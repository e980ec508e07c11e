"""Keeps programs that take long to make in the user's cache folder, one folder for each runtime.

A program is found by a key, the SHA-256 of everything that decides its bytes. Its file name also
holds the SHA-256 of its content, which is compared on reading: a runtime may run a damaged program
without a word. One process makes a program while others wait for it. The oldest are deleted beyond
MAX_BYTES. Without a writable folder nothing is kept.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from blazepalm.atomic import atomic_file, claim
from blazepalm.errors import ArtifactError
from blazepalm.models.release_registry import cache_folder

MAX_BYTES = 256 << 20  # some fifty programs of one runtime


def kept_program(folder: Path, key: str, suffix: str, make: Callable[[], bytes]) -> bytes:
    """The program of this key, from `folder` (`programs_folder`) if it is there, else as `make`
    returns it. Raises what `make` raises.
    """
    if (content := find_program(folder, key, suffix)) is not None:
        return content
    with ExitStack() as stack:
        with suppress(ArtifactError):
            stack.enter_context(claim(folder / f"{key}{suffix}", wait=True))
        if (content := find_program(folder, key, suffix)) is not None:
            return content  # another process has made it meanwhile
        content = make()
        with suppress(ArtifactError):
            name = f"{key}-{hashlib.sha256(content).hexdigest()}{suffix}"
            with atomic_file(folder / name) as temporary:
                temporary.write_bytes(content)
            _trim(folder, suffix)
    return content


def programs_folder(runtime: str) -> Path:
    """Where a runtime's programs are kept, beside the folder of fetched releases."""
    return cache_folder().parent / runtime


def find_program(folder: Path, key: str, suffix: str) -> bytes | None:
    """The program of this key; None if `folder` does not hold it whole."""
    for path in sorted(folder.glob(f"{key}-*{suffix}")):
        if (content := _whole(path)) is not None:
            return content
    return None


def _whole(path: Path) -> bytes | None:
    """A kept program's bytes; None, and it is deleted, if its SHA-256 is not its name's."""
    with suppress(OSError):
        content = path.read_bytes()
        if path.stem.rpartition("-")[2] == hashlib.sha256(content).hexdigest():
            os.utime(path)  # it was of use
            return content
        path.unlink()
    return None


def _trim(folder: Path, suffix: str) -> None:
    """Deletes the programs that were of no use for the longest time."""
    with suppress(OSError):
        kept = [(path.stat(), path) for path in folder.glob(f"*{suffix}")]
        total = sum(status.st_size for status, _ in kept)
        for status, path in sorted(kept, key=lambda entry: entry[0].st_mtime_ns):
            if total <= MAX_BYTES:
                return
            path.unlink()
            total -= status.st_size
