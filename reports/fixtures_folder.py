"""Arrays and pictures become the files of a fixtures folder, with their entries in its manifest
(`ios_harness/FIXTURES.md`).

The folder appears whole or not at all, and takes the place only of one that an export made:
nothing that is not listed in a fixtures manifest is ever removed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.folder import put_in_place
from blazepalm.models.errors import ArtifactError
from blazepalm.reports.device_fixtures import FORMAT, MANIFEST, MOST_BYTES
from blazepalm.reports.schema import read_json

LITTER = (".DS_Store", "Thumbs.db", ".gitkeep")

Entry = dict[str, Any]


@dataclass
class FolderWriter:
    """`put`, `tensor` and `image` write a file each; `manifest` comes last. `files`: SHA-256 of
    every file by its path.
    """

    folder: Path
    files: dict[str, str] = field(default_factory=dict)

    def put(self, path: str, data: bytes) -> str:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.files[path] = hashlib.sha256(data).hexdigest()
        return path

    def tensor(self, path: str, values: Any) -> Entry:
        """Any array, as little-endian float32."""
        array = np.ascontiguousarray(values, "<f4")
        return {"file": self.put(path, array.tobytes()), "shape": list(array.shape)}

    def image(self, path: str, rgb: NDArray[np.uint8]) -> Entry:
        """(H, W, 3) RGB, as BGRA."""
        height, width = rgb.shape[:2]
        bgra = np.dstack((rgb[..., ::-1], np.full((height, width), 255, np.uint8)))
        return {"file": self.put(path, bgra.tobytes()), "width": width, "height": height}

    def package(self, path: str, files: Mapping[str, str]) -> str:
        """Lists a package that lies in the folder already, `files` with their SHA-256; returns
        the package's own.
        """
        self.files |= {f"{path}/{name}": digest for name, digest in files.items()}
        lines = [f"{digest}  {name}\n" for name, digest in sorted(files.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def manifest(self, entries: Entry) -> str:
        """Writes the manifest; returns its SHA-256."""
        values = {"format": FORMAT, **entries, "files": dict(sorted(self.files.items()))}
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
        data = (text.replace('},{"', '},\n{"') + "\n").encode()
        (self.folder / MANIFEST).write_bytes(data)
        return hashlib.sha256(data).hexdigest()


def check_folder(folder: Path, *, force: bool) -> None:
    """Raises ArtifactError unless the folder is missing, empty, or, with `force`, fixtures that
    an export wrote and nothing else.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ArtifactError(f"{folder}: is no folder; choose another --output")
    try:
        found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not _is_folder(p)}
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be read: {error.strerror}") from error
    found = {path for path in found if path.rsplit("/", 1)[-1] not in LITTER}
    if not found:
        return
    listed = _listed(folder / MANIFEST) if MANIFEST in found else None
    if listed is None:
        raise ArtifactError(
            f"{folder}: holds something else than fixtures; choose another --output"
        )
    if foreign := sorted(found - listed - {MANIFEST}):
        raise ArtifactError(
            f"{folder}: holds {foreign[0]!r}, which no export wrote; move it away, or choose "
            "another --output"
        )
    if not force:
        raise ArtifactError(
            f"{folder}: holds fixtures already; choose another --output, or give --force"
        )


@contextmanager
def whole_fixtures(folder: Path, *, force: bool) -> Iterator[FolderWriter]:
    """A writer into a temporary sibling, which takes the place of `folder` in the end. Raises
    ArtifactError as `check_folder`, and where it cannot be written; then nothing has changed.
    """
    check_folder(folder, force=force)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        yield FolderWriter(temporary)
        put_in_place(folder, temporary)
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _listed(path: Path) -> set[str] | None:
    """The files of a manifest; None where it is none."""
    try:
        values = read_json(path, MOST_BYTES)
    except ArtifactError:
        return None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        return None
    files = values.get("files")
    return {str(name) for name in files} if isinstance(files, dict) else None
