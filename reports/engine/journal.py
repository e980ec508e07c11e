"""Stores finished records on disk, so that an interrupted run resumes where it stopped.

One compressed MessagePack file per case and group, preceded by its SHA-256, written whole or not
at all, beside the plan that they are of; and the names of the pictures that are put beside the
report before the report is there. A finished run removes the folder.
"""

import hashlib
import json
import os
import re
import stat
import zlib
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from blazepalm.atomic import atomic_file, foreign, remove_files, status, told
from blazepalm.atomic.look import OURS
from blazepalm.errors import ArtifactError
from blazepalm.limits import JOURNAL_BYTES
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.record import Record, from_bytes, to_bytes

DIGEST = hashlib.sha256().digest_size
JOURNAL = ".blazepalm-journal"
PLAN = "plan.json"
PICTURES = "pictures.json"
RECORD = re.compile(r"\d{7,}-\d+\.(msgpack|json)\.z")  # JSON: from older versions


class Journal:
    """The records of one plan in `folder`; removes those of any other plan. `begun`: nothing of
    this plan was there before.
    """

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        check_journal(folder)
        self.folder = folder
        self.resumed = 0
        self.begun = False
        content = json.dumps(plan, sort_keys=True).encode()
        with told(folder):
            if _content(folder / PLAN) != content:
                _remove(folder, but=(PICTURES,))
                _write(folder / PLAN, content)
                self.begun = True

    def read(self, index: int, group: int, case: Case) -> Record | None:
        """The stored record of exactly this case, or None."""
        try:
            packed = self._path(index, group).read_bytes()
            if hashlib.sha256(packed[DIGEST:]).digest() != packed[:DIGEST]:
                return None  # damaged
            content = zlib.decompressobj().decompress(packed[DIGEST:], JOURNAL_BYTES)
            record = from_bytes(content)
        except (OSError, ValueError, RecursionError, zlib.error):
            return None
        if (record.case, record.kind, record.sha256) != (case.name, case.kind, case.sha256):
            return None
        self.resumed += 1
        return record

    def write(self, index: int, group: int, record: Record) -> None:
        try:
            packed = zlib.compress(to_bytes(record), 1)
        except UnicodeEncodeError:  # the case's name is not valid Unicode: compare it again
            return
        _write(self._path(index, group), hashlib.sha256(packed).digest() + packed)

    def _path(self, index: int, group: int) -> Path:
        return self.folder / f"{index:07d}-{group}.msgpack.z"


def note_pictures(folder: Path, names: Collection[str]) -> None:
    """Keeps the names of pictures that are about to be put beside the report. Raises
    ArtifactError.
    """
    _write(folder / PICTURES, json.dumps(sorted({*names, *noted_pictures(folder)})).encode())


def noted_pictures(folder: Path) -> tuple[str, ...]:
    """The names that runs which did not get to their report have kept."""
    try:
        names = msgspec.json.decode(_content(folder / PICTURES) or b"[]", type=list[str])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return ()
    return tuple(names)


def remove_journal(folder: Path) -> None:
    """Removes the journal of a finished run."""
    with suppress(OSError):
        _remove(folder)


def check_journal(folder: Path) -> None:
    """Raises ArtifactError if the folder holds anything that no interrupted run left."""
    with told(folder):
        found = status(folder)
        if found is None:
            return
        if not stat.S_ISDIR(found.st_mode):
            raise ArtifactError(f"{folder}: is not a folder; move it away")
        other = foreign(folder, _ours(folder))
    if other is not None:
        raise ArtifactError(f"{folder}: holds {other!r}, which no parity run wrote; move it away")


def _ours(folder: Path) -> list[str]:
    """Removes the plan last: while it exists, records may exist too."""
    names = os.listdir(folder)
    records = (name for name in names if RECORD.fullmatch(name) or OURS.fullmatch(name))
    return [*records, PICTURES, PLAN]


def _remove(folder: Path, but: Collection[str] = ()) -> None:
    if os.path.isdir(folder):
        remove_files(folder, [name for name in _ours(folder) if name not in but])


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: Path, content: bytes) -> None:
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
