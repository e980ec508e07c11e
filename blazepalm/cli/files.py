"""Files that a command writes: refused before the work where they would be after it, and
written whole or not at all.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from blazepalm.models.errors import ArtifactError


def check_file(path: Path, formats: Sequence[str], what: str, *, option: str, force: bool) -> None:
    """Raises ArtifactError where `path` is of no known format, is a folder, or exists without
    `force`. `what` is what it holds ("anchors"), `option` the flag that named it.
    """
    if path.suffix.lower() not in formats:
        raise ArtifactError(f"{path}: {what} are written as {', '.join(formats)}")
    if path.is_dir():
        raise ArtifactError(f"{path}: is a folder, expected a file name")
    if path.exists() and not force:
        raise ArtifactError(f"{path}: exists already; choose another {option}, or give --force")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary sibling to write, and renames it to `path` in the end. The folder is
    made where it is missing. Raises ArtifactError; then nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
