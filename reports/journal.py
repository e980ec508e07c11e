"""What a run has done so far, on disk: an interrupted run goes on where it was cut off.

One compressed JSON file a case and group, written whole or not at all, in a folder that names
the plan it belongs to. A finished run removes it.
"""

import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

from blazepalm.models.errors import ArtifactError
from blazepalm.reports.cases import Case
from blazepalm.reports.record import Record, from_json, to_json

MOST_BYTES = 1 << 28  # of one record, unpacked
PLAN = "plan.json"


class Journal:
    """The records of one plan in `folder`; what another plan left there is removed."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder = folder
        self.resumed = 0
        content = json.dumps(plan, sort_keys=True).encode()
        try:
            if _content(folder / PLAN) != content:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True, exist_ok=True)
                _write(folder / PLAN, content)
        except OSError as error:
            raise ArtifactError(f"{folder}: cannot be written: {error.strerror}") from error

    def read(self, index: int, group: int, case: Case) -> Record | None:
        """What was found on that very case before, or None."""
        try:
            packed = self._path(index, group).read_bytes()
            text = zlib.decompressobj().decompress(packed, MOST_BYTES)
            record = from_json(json.loads(text))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, zlib.error):
            return None
        except (RecursionError, OverflowError):
            return None
        if (record.case, record.kind, record.sha256) != (case.name, case.kind, case.sha256):
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


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    os.replace(temporary, path)
