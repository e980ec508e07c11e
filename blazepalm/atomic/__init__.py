"""Writes whole files and folders: each under a temporary name beside its target, renamed into place
at the end. After any failure the old content is still there, and nothing else.

Never replaces or deletes anything that could be the user's. A folder is replaced only if its own
manifest lists each file in it (`owned`); the old one is moved aside first, checked once more, put
back if the new one cannot take its place, and deleted last. An output is never an input, under any
name (`refuse_inputs`).

Temporaries are called `.blazepalm-<target>-<random>`. A writer holds a lock on
`.blazepalm-<target>.lock`, which lists them: the next writer to that target cleans up after a
killed run, and a second process at the same time is refused. Where locks are unavailable (Windows,
some network disks), neither happens.
"""

import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blazepalm.atomic.claim import OLD, Owned, claim, recover
from blazepalm.atomic.hold import held_off
from blazepalm.atomic.look import (
    Inputs,
    foreign,
    identify,
    part_of,
    refuse_inputs,
    status,
    told,
    walk,
)
from blazepalm.errors import ArtifactError

__all__ = [
    "Inputs",
    "Owned",
    "atomic_file",
    "atomic_folder",
    "check_alone",
    "check_file",
    "check_folder",
    "check_free",
    "check_into",
    "claim",
    "foreign",
    "identify",
    "part_of",
    "recover",
    "refuse_inputs",
    "remove_files",
    "status",
    "told",
    "walk",
]


@contextmanager
def atomic_file(path: Path, *, force: bool = True, option: str = "-o") -> Iterator[Path]:
    """Gives an empty file beside `path` to write, with the same suffix, which replaces `path` at
    the end; without `force` only if nothing is there by then. Creates missing folders. Raises
    ArtifactError.
    """
    with told(path), claim(path) as sibling:
        temporary = sibling(path.suffix)
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
            yield temporary
            check_free(path, force, option)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


@contextmanager
def atomic_folder(
    folder: Path,
    *,
    owned: Owned | None = None,
    force: bool = False,
    option: str = "-o",
    wait: bool = False,
) -> Iterator[Path]:
    """Gives an empty folder beside `folder` to fill, which replaces it at the end. Raises
    ArtifactError if `check_folder` does, before or after. `wait`: for another process that writes
    the same folder, instead of being refused.
    """
    place = _place(folder)

    def check(where: Path) -> None:
        if refusal := _refusal(where, owned, force, option):
            raise ArtifactError(f"{folder}: {refusal}")

    check_into(place.parent, folder)
    if place == place.parent:
        check(place)  # the root has no name to derive a lock from
    with told(folder), claim(place, owned=owned, wait=wait) as sibling:
        check(place)
        temporary = sibling()
        try:
            os.mkdir(temporary, 0o777)
            yield temporary
            _open_to_others(temporary)
            check(place)
            with held_off():
                _swap(temporary, place, (sibling(OLD), sibling()), check)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def check_file(
    path: Path,
    *,
    option: str = "-o",
    force: bool = False,
    formats: Collection[str] = (),
    what: str = "files",
    inputs: Iterable[str | Path] = (),
) -> None:
    """Raises ArtifactError, before any work, if `path` cannot be written, is one of `inputs`, or
    exists without `force`. `what` is the content ("anchors"), `option` the option that named it.
    """
    if formats and path.suffix.lower() not in formats:
        raise ArtifactError(f"{path}: {what} are written as {', '.join(formats)}")
    with told(path):
        status(path)
        refuse_inputs(path, identify(inputs))
        check_free(path, force, option)
        check_into(path.parent, path)
        recover(path)


def check_folder(
    folder: Path,
    *,
    owned: Owned | None = None,
    force: bool = False,
    option: str = "-o",
    wait: bool = False,
) -> None:
    """Raises ArtifactError, before any work, if `folder` cannot be made, or exists and is not
    empty, unless `force` is set and `owned` lists everything in it.
    """
    with told(folder):
        status(folder)
        place = _place(folder)
        check_into(place.parent, folder)
        recover(place, owned, wait)
        if refusal := _refusal(place, owned, force, option):
            raise ArtifactError(f"{folder}: {refusal}")


def check_into(folder: Path, wanted: Path) -> None:
    """Raises ArtifactError, naming `wanted`, if nothing can be created in `folder` or, if it does
    not exist, in its nearest existing parent.
    """
    with told(wanted):
        nearest = folder.absolute()
        while status(nearest) is None and nearest != nearest.parent:
            nearest = nearest.parent
    if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
        raise ArtifactError(f"{wanted}: cannot be written: {nearest} is not a writable folder")


def check_alone(folder: Path, ours: Collection[str], force: bool, option: str = "-o") -> None:
    """Raises ArtifactError, before any work, if `folder` holds anything but `ours` (names at its
    top), unless `force` is set: then the files are written beside it.
    """
    if force or not os.path.isdir(folder):
        return
    with told(folder):
        other = next((path for path, _ in walk(folder) if path.split("/")[0] not in ours), None)
    if other is not None:
        raise ArtifactError(
            f"{folder}: holds {other!r}, which is no part of the output; choose another {option}, "
            "or give --force to write beside it"
        )


def check_free(path: Path, force: bool, option: str) -> None:
    """Raises ArtifactError unless a file can be put there."""
    with told(path):
        found = status(path)
    if found is None:
        return
    if os.path.isdir(path):
        raise ArtifactError(f"{path}: is a folder, expected a file name")
    if not stat.S_ISREG(found.st_mode):
        kind = "a link" if stat.S_ISLNK(found.st_mode) else "not an ordinary file"
        raise ArtifactError(f"{path}: is {kind}; give a file name")
    if not force:
        raise ArtifactError(f"{path}: exists already; choose another {option}, or give --force")


def remove_files(folder: Path, names: Collection[str]) -> None:
    """Deletes our files by name, in that order, then the folder if it is empty. Raises OSError."""
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(folder / name)
    with suppress(OSError):
        folder.rmdir()


def _swap(
    temporary: Path, folder: Path, names: tuple[Path, Path], check: Callable[[Path], None]
) -> None:
    """Two names: for the old folder while it may be put back, and for when it is to be deleted."""
    aside, waste = names
    if not os.path.lexists(folder):
        os.rename(temporary, folder)
        return
    os.rename(folder, aside)
    try:
        check(aside)  # again, now that nothing more can be put into it
        os.rename(temporary, folder)
    except BaseException as error:
        try:
            os.rename(aside, folder)
        except OSError:
            raise ArtifactError(
                f"{folder}: cannot be written ({error}); its old content is in {aside}"
            ) from error
        raise
    try:
        os.rename(aside, waste)
        shutil.rmtree(waste)
    except OSError as error:
        raise ArtifactError(
            f"{folder}: written, but some of its old content could not be deleted: {error}"
        ) from error


def _refusal(folder: Path, owned: Owned | None, force: bool, option: str) -> str | None:
    """Why a folder must not be replaced; None if it may be."""
    found = status(folder)
    if found is None:
        return None
    if not stat.S_ISDIR(found.st_mode):
        link = " but a link" if stat.S_ISLNK(found.st_mode) else ""
        return f"exists and is not a folder{link}; choose another {option}"
    real, here = (Path(os.path.realpath(path)) for path in (folder, "."))
    if real in (here, *here.parents):
        return f"is the current folder or one above it; name a folder inside it with {option}"
    if os.path.ismount(folder):
        return f"is a separate disk and cannot be replaced; name a folder inside it with {option}"
    try:
        if foreign(folder, ()) is None:
            return None
        if owned is None:
            return f"exists already; remove it, or choose another {option}"
        other = foreign(folder, owned(folder))
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if other is not None:
        return (
            f"holds {other!r}, which blazepalm did not write; move it away, or choose another "
            f"{option}"
        )
    return None if force else f"exists already; choose another {option}, or give --force"


def _place(folder: Path) -> Path:
    """The folder by its real name; `.` and `x/..` have none."""
    return folder if folder.name not in ("", "..") else Path(os.path.realpath(folder))


def _open_to_others(folder: Path) -> None:
    """Gives files that a library made private the permissions that the folder was created with."""
    shared = stat.S_IMODE(os.lstat(folder).st_mode)
    for path, is_folder in walk(folder):
        found = os.lstat(folder / path).st_mode
        wanted = shared & (0o777 if is_folder else 0o666)
        if not stat.S_ISLNK(found) and found & wanted != wanted:
            os.chmod(folder / path, stat.S_IMODE(found) | wanted)
