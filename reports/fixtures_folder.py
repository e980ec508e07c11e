"""Arrays and pictures become the files of a fixtures folder, with their entries in its manifest
(`ios_harness/FIXTURES.md`).

The folder appears whole or not at all, and takes the place only of one that an export made:
nothing that is not listed in a fixtures manifest is ever removed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.atomic import atomic_folder
from blazepalm.models.errors import ArtifactError
from blazepalm.reports.device_fixtures import FORMAT, MANIFEST, MOST_BYTES
from blazepalm.reports.schema import read_json

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


@contextmanager
def whole_fixtures(folder: Path, *, force: bool) -> Iterator[FolderWriter]:
    """A writer into a temporary sibling, which takes the place of `folder` in the end. Raises
    ArtifactError where that is not to be replaced, or cannot be written; then nothing has changed.
    """
    with atomic_folder(folder, owned=owned_files, force=force, option="--output") as temporary:
        yield FolderWriter(temporary)


def owned_files(folder: Path) -> tuple[str, ...]:
    """What an export wrote into a folder, as its manifest says; nothing where there is none."""
    listed = _listed(folder / MANIFEST)
    return () if listed is None else (MANIFEST, *sorted(listed))


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
