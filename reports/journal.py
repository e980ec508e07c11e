"""What a run has done so far, on disk: an interrupted run goes on where it was cut off.

One compressed JSON file a case and group, written whole or not at all, in a folder that names
the plan it belongs to by a digest. A finished run removes it.
"""

import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

from blazepalm.models.errors import ArtifactError
from blazepalm.reports.fold import from_json, to_json
from blazepalm.reports.unit import Record

MOST_BYTES = 1 << 28  # of one record, unpacked
PLAN = "plan.json"


class Journal:
    """The records of one plan in `folder`; what another plan left there is removed."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder = folder
        text = json.dumps(plan, sort_keys=True)
        try:
            known = (folder / PLAN).read_text(encoding="utf-8") if folder.is_dir() else None
            if known != text:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                _write(folder / PLAN, text.encode())
        except OSError as error:
            raise ArtifactError(f"{folder}: cannot be written: {error.strerror}") from error
        self.resumed = 0

    def read(self, index: int, group: int, sha256: str) -> Record | None:
        """What was found on that case before, or None; `sha256` is the case's."""
        try:
            packed = self._path(index, group).read_bytes()
            unpacker = zlib.decompressobj()
            text = unpacker.decompress(packed, MOST_BYTES)
            record = from_json(json.loads(text))
        except (OSError, ValueError, KeyError, TypeError, zlib.error):
            return None
        if record.sha256 != sha256:
            return None
        self.resumed += 1
        return record

    def write(self, index: int, group: int, record: Record) -> None:
        text = json.dumps(to_json(record), separators=(",", ":"))
        try:
            _write(self._path(index, group), zlib.compress(text.encode(), 1))
        except OSError as error:
            raise ArtifactError(f"{self.folder}: cannot be written: {error.strerror}") from error

    def remove(self) -> None:
        """The run is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, index: int, group: int) -> Path:
        return self.folder / f"{index:07d}-{group}.json.z"


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    os.replace(temporary, path)
