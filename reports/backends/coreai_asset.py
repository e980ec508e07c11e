"""Core AI's programs: made in one process, kept across runs, each run in a process of its own
(extra `coreai`).

The runtime aborts the process on a damaged file, so this process imports nothing of it. All
programs are made in one other process, because its imports alone take two seconds.
"""

import io
import json
import os
import tempfile
import threading
import weakref
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.cache_file import code_sha256, key_of
from blazepalm.child import Child
from blazepalm.child_pipe import Arrays
from blazepalm.converter.coreai.needed import CHILD, LIMITS, PACKAGES, SUFFIX
from blazepalm.converter.program_cache import kept_program, programs_file
from blazepalm.reports.backends.revived import Revived

RUNTIME = "coreai"
CONVERTER = "blazepalm.reports.backends.coreai_program:open_converter"
CODE = ("reports/backends/mil", "reports/backends/coreai_program.py", "converter/coreai")


def asset_key(**known: Any) -> str:
    """The key of a program: plain values that decide its bytes, with versions and our own code."""
    versions = {name: version(name) for name in PACKAGES}
    return key_of({**known, "versions": versions, "code": code_sha256(*CODE)})[:32]


@dataclass(eq=False)
class Asset:
    """A program of Core AI, made from the file at `origin` (a `.mlpackage`, or the `.pt2` of an
    exported module) unless `key` finds it; `source` is the model's name in messages. Callable from
    several threads, one at a time: inputs `i0`, `i1`, … → outputs `o0`, `o1`, …. With `layers`,
    MIL names of the package, its `function` is one of `coreai_program.export_layers`.

    Raises ProcessDied if Core AI fails; after two inputs in a row nothing more is tried.
    """

    source: str
    origin: Path
    key: Callable[[], str]
    layers: tuple[str, ...] | None = None
    function: str = "main"
    _running: Revived = field(init=False)
    _remove: Callable[[], Any] = lambda: None  # the files that the child reads

    def __post_init__(self) -> None:
        own = weakref.WeakMethod(self._open)  # a cycle would keep the process

        def start() -> Child:
            opening = own()
            assert opening is not None
            return opening()

        self._running = Revived(start)
        _CONVERTER.expect(self)

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> Arrays:
        return self._running(arrays)

    def is_kept(self) -> bool:
        """Whether the program need not be made."""
        with closing(programs_file(RUNTIME)) as file:
            return file.get(self.key()) is not None

    def kept(self) -> bytes:
        """The program's folder as a ZIP file, made where none is kept."""
        make = partial(_CONVERTER.make, self.source, self.origin, self.layers)
        try:
            return kept_program(RUNTIME, self.key(), make)
        finally:
            _CONVERTER.done(self)

    def close(self) -> None:
        """Ends the process, which otherwise ends with this object."""
        _CONVERTER.done(self)
        self._running.close()
        self._remove()

    def _open(self) -> Child:
        content = self.kept()
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._remove = weakref.finalize(self, folder.cleanup)
        asset = Path(folder.name) / f"kept{SUFFIX}"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(asset)
        what = f"Core AI on {self.source}"
        arguments = {"asset": str(asset), "function": self.function}
        return Child(what, f"{CHILD}:open_asset", arguments, LIMITS)


class _Converter:
    """The process that makes programs, as long as one is awaited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._awaited: weakref.WeakSet[Asset] = weakref.WeakSet()

    def expect(self, asset: Asset) -> None:
        self._awaited.add(asset)

    def done(self, asset: Asset) -> None:
        """`asset` needs nothing more."""
        with self._lock:
            self._awaited.discard(asset)
            if self._child is not None and not self._awaited:
                self._close()

    def make(self, source: str, origin: Path, layers: tuple[str, ...] | None = None) -> bytes:
        """The program's folder as a ZIP file. Raises ProcessDied."""
        with self._lock, tempfile.TemporaryDirectory() as folder:
            asset = Path(folder) / f"made{SUFFIX}"
            given = {"origin": os.fsencode(origin.absolute()), "asset": os.fsencode(asset)}
            if layers is not None:
                given["layers"] = json.dumps(layers).encode()
            if self._child is None:
                self._child = Child("Core AI", CONVERTER, {}, LIMITS)
            self._child.what = f"Core AI on {source}"
            sent = {name: np.frombuffer(text, np.uint8) for name, text in given.items()}
            try:
                self._child(sent)
            except BaseException:
                self._close()
                raise
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(p for p in asset.rglob("*") if p.is_file()):
                    info = zipfile.ZipInfo(path.relative_to(asset).as_posix())  # no date
                    archive.writestr(info, path.read_bytes())
            return packed.getvalue()

    def _close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


_CONVERTER = _Converter()
