"""Lets one process write a file or folder at a time: a lock beside it lists the temporary names in
use, so that the next run can clean up after a killed one.

Where locks are unavailable (Windows, some network disks), nothing is locked or cleaned up.
"""

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blazepalm.atomic.hold import held_off
from blazepalm.atomic.look import OURS, foreign, part_of, status, told
from blazepalm.errors import ArtifactError, InUse

OLD = ".old"  # suffix of a folder that was moved aside
WAITING = 0.1  # seconds between attempts to take a lock
UNLOCKABLE = (errno.ENOLCK, errno.ENOTSUP, errno.EBADF, errno.EINVAL, errno.ENOSYS)

Owned = Callable[[Path], Collection[str]]  # the files that a folder's manifest lists, if any


@contextmanager
def claim(
    path: Path, *, owned: Owned | None = None, wait: bool = False
) -> Iterator[Callable[..., Path]]:
    """Locks `path` against other processes and gives a factory of temporary names beside it. Cleans
    up after a killed run. Raises ArtifactError.
    """
    if path.name in ("", ".."):
        raise ArtifactError(f"{path}: is a folder, expected a file name")
    made: list[Path] = []
    held: list[int] = []  # the lock's descriptor, if there are locks
    name = part_of(path, ".lock")
    try:
        with told(path):
            while True:
                with held_off():
                    _make_parents(path.parent, made)
                    lock = _lock(name, path, wait)
                    if lock is not None and lock >= 0:
                        held.append(lock)
                        _sweep(lock, path, owned)
                if lock is not None:
                    break
                time.sleep(WAITING)

        def sibling(suffix: str = "") -> Path:
            token = secrets.token_hex(8)
            plain = suffix if re.fullmatch(r"\.\w{1,8}", suffix, re.ASCII) else ""
            temporary = part_of(path, f"-{token}{plain}")
            for lock in held:
                os.write(lock, f"{temporary.name}\n".encode("ascii"))
            return temporary

        yield sibling
    finally:
        try:
            _release(name, held, made)
        except BaseException:  # a signal's, which came in between
            _release(name, held, made)
            raise


def _release(name: Path, held: list[int], made: list[Path]) -> None:
    """Gives back the lock, and removes new folders that stayed empty. Twice does no harm."""
    if held:
        with suppress(OSError):
            if os.path.samestat(os.fstat(held[0]), os.lstat(name)):
                os.unlink(name)
        os.close(held.pop())
    for folder in reversed(made):
        with suppress(OSError):  # it stays if it is not empty
            folder.rmdir()


def recover(path: Path, owned: Owned | None = None, wait: bool = False) -> None:
    """Cleans up after a killed run; refuses a target that another process is writing."""
    if path.name not in ("", "..") and os.path.lexists(part_of(path, ".lock")):
        with claim(path, owned=owned, wait=wait):
            pass


def _lock(name: Path, path: Path, wait: bool) -> int | None:
    """The descriptor of the locked file; -1 if locks are unavailable, None if the caller shall
    `wait` for another process.
    """
    if sys.platform == "win32":
        return -1
    import fcntl

    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    while True:
        lock = os.open(name, flags, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = status(name)
            if found is not None and os.path.samestat(os.fstat(lock), found):
                return lock
            os.close(lock)  # its holder deleted the file
        except BlockingIOError as error:
            os.close(lock)
            if not wait:
                raise InUse(f"{path}: another process is writing it") from error
            return None
        except OSError as error:
            os.close(lock)
            if error.errno not in UNLOCKABLE:
                raise
            with suppress(OSError):
                os.unlink(name)
            return -1


def _sweep(lock: int, path: Path, owned: Owned | None) -> None:
    """Puts back the old folder of a run that was killed before the new one was in place, and
    deletes the other names in the lock file.
    """
    names = os.read(lock, 1 << 20).decode("ascii", "replace").split("\n")
    target = part_of(path, "-").name
    for left in (path.with_name(name) for name in names if OURS.fullmatch(name)):
        found = status(left) if left.name.startswith(target) else None
        if found is None:
            continue
        if not stat.S_ISDIR(found.st_mode):
            os.unlink(left)
        elif not left.name.endswith(OLD):
            shutil.rmtree(left)
        elif not os.path.lexists(path):
            os.rename(left, path)
        elif owned is not None and foreign(left, owned(left)) is None:
            shutil.rmtree(left)
    os.ftruncate(lock, 0)


def _make_parents(folder: Path, made: list[Path]) -> None:
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        try:
            os.mkdir(one)
            made.append(one)
        except FileExistsError:
            if not os.path.isdir(one):
                raise
