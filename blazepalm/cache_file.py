"""Keeps values that take long to compute in one SQLite file in the user's cache folder.

A value is found by a key, the SHA-256 of everything that decides its bytes. Beside it stands the
SHA-256 of key and value, which is compared on reading: a damaged value, or another key's, is made
again. A file that SQLite cannot read is deleted. The values that were of no use for the longest
time are deleted beyond a size; one run writes no more than that, so that it never deletes its own.
Without a writable folder nothing is kept.
"""

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
SECONDS = 5.0  # timeout for another process's lock
DAY = 86400
PAGE = 32768  # bytes; a large value is read page by page, which takes five times as long by 4096
TABLE = """CREATE TABLE IF NOT EXISTS kept
(key TEXT PRIMARY KEY, sha256 BLOB, size INTEGER, used INTEGER, value BLOB)"""


class CacheFile:
    """The values in the file `path`, together at most `most` bytes. Callable from several threads
    and processes.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.most = path, most
        self._written = 0  # bytes, by this run
        self._trimmed = 0  # of them, when the file was last trimmed
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        with suppress(OSError, sqlite3.OperationalError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._file = _open(path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                path.unlink()
                self._file = _open(path)

    def get(self, key: str) -> bytes | None:
        """The value of this key; None if it is not there whole."""
        with self._lock:
            try:
                found = self._execute("SELECT sha256, used, value FROM kept WHERE key = ?", key)
                if not found:
                    return None
                digest, used, value = found[0]
                if not isinstance(value, bytes) or digest != _digest(key, value):
                    self._execute("DELETE FROM kept WHERE key = ?", key)
                    return None
                if not isinstance(used, int) or abs(time.time() - used) > DAY:
                    self._execute("UPDATE kept SET used = ? WHERE key = ?", _now(), key)
                return value
            except sqlite3.OperationalError:  # another process is writing, or the disk is full
                return None
            except sqlite3.DatabaseError:
                self._give_up()
                return None

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value, unless this run has written as much as the file may hold."""
        with self._lock:
            if self._written + len(value) > self.most:
                return
            try:
                row = (key, _digest(key, value), len(value), _now(), value)
                self._execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", *row)
                self._written += len(value)
                if self._written - self._trimmed > self.most // 16 or not self._trimmed:
                    self._trimmed = self._written
                    self._trim()
            except sqlite3.OperationalError:
                return
            except sqlite3.DatabaseError:
                self._give_up()

    def close(self) -> None:
        """Closes the file; nothing more can be asked of it."""
        if self._file is not None:
            self._file.close()

    def _execute(self, command: str, *values: Any) -> list[Any]:
        return [] if self._file is None else self._file.execute(command, values).fetchall()

    def _trim(self) -> None:
        """Deletes what was of no use for the longest time, and first what was kept while the clock
        was ahead: it would outlive all that is kept from now on.
        """
        total = self._execute("SELECT total(size) FROM kept")
        excess = total[0][0] - self.most if total else 0
        if excess <= 0:
            return
        oldest_first = "SELECT key, size FROM kept ORDER BY used > ? DESC, used, rowid"
        for key, size in self._execute(oldest_first, _now() + DAY):
            if excess <= 0:
                return
            self._execute("DELETE FROM kept WHERE key = ?", key)
            excess -= size

    def _give_up(self) -> None:
        """Deletes a damaged file; the next run begins a new one."""
        with suppress(sqlite3.Error, OSError):
            if self._file is not None:
                self._file.close()
            self.path.unlink()
        self._file = None


def key_of(known: Mapping[str, Any]) -> str:
    """A key: the SHA-256 of plain values that decide a value's bytes."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


@cache
def code_sha256(*parts: str) -> str:
    """SHA-256 of all our code in these folders or files, each relative to the package."""
    digest = hashlib.sha256()
    for part in parts:
        place = PACKAGE / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def versions(*distributions: str) -> dict[str, str]:
    """The version of each distribution, empty for one that is not installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _open(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=SECONDS, isolation_level=None, check_same_thread=False)
    try:
        file.execute("PRAGMA synchronous = OFF")  # a power cut may cost the cache
        file.execute(f"PRAGMA page_size = {PAGE}")  # of a new file
        file.execute(TABLE)
        os.chmod(path, 0o600)
    except BaseException:
        file.close()
        raise
    return file


def _digest(key: str, value: bytes) -> bytes:
    return hashlib.sha256(key.encode() + value).digest()


def _now() -> int:
    return int(time.time())
