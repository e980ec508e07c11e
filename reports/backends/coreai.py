"""Runs a saved Core ML package's program in Apple's Core AI runtime, on a CPU: the backends
`coreai-mil…` (extra `coreai`).

It is neither the Neural Engine nor Core ML, which fuses operations in its own way. The runtime
aborts the process on a damaged file, so that it runs in one of its own, for each package; another
one makes Core AI's programs, each before its first picture, unless it is kept from another run.
"""

import importlib.util
import io
import os
import platform
import sys
import tempfile
import threading
import weakref
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.converter.program_cache import (
    code_sha256,
    kept_program,
    key_of,
    programs_folder,
)
from blazepalm.errors import ProcessDied
from blazepalm.reports.backends.backend import (
    FLOAT16,
    FLOAT32,
    Backend,
    Opening,
    Outputs,
    Package,
    Registration,
)
from blazepalm.reports.backends.child import Child, ChildLimits
from blazepalm.reports.backends.hashing import package_sha256
from blazepalm.reports.backends.mil import Program, load
from blazepalm.reports.backends.mil_package import APP_FP16, RAW_FP16, RAW_FP32, open_app
from blazepalm.reports.backends.names import COREAI, COREAI_APP, COREAI_APP_FP32, COREAI_FP16
from blazepalm.reports.backends.package_outputs import RawPackage, match

APP_FP32 = Package(COREAI_APP_FP32, "app", "fp32")

CHILD = "blazepalm.reports.backends.coreai_program"
# An inference of the largest release takes 2 s of a processor, its conversion 10 s and 0.6 GiB.
LIMITS = ChildLimits(opening=600, call=120, memory=8)
CONVERTING = ChildLimits(opening=600, call=600, memory=8)
LABEL = (
    "Core ML package, {} face: the saved program, computed by Apple's Core AI kernels on a CPU; "
    "not the Neural Engine, not Core ML's own fusions"
)
DECIDING = ("coreai-core", "coreai-torch", "torch")
CODE = ("reports/backends/mil", "reports/backends/coreai_program.py")
SUFFIX = ".aimodel"


class _Converter:
    """A process that makes Core AI's programs, as long as one is awaited: its imports alone take
    two seconds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._awaited: weakref.WeakSet[CoreAIProgram] = weakref.WeakSet()

    def expect(self, program: "CoreAIProgram") -> None:
        self._awaited.add(program)

    def done(self, program: "CoreAIProgram") -> None:
        """`program` needs nothing more."""
        with self._lock:
            self._awaited.discard(program)
            if self._child is not None and not self._awaited:
                self._close()

    def make(self, program: Program) -> bytes:
        """Core AI's program of a package: its folder as a ZIP file. Raises ProcessDied."""
        with self._lock, tempfile.TemporaryDirectory() as folder:
            asset = Path(folder) / f"made{SUFFIX}"
            paths = {"package": program.path.absolute(), "asset": asset}
            if self._child is None:
                self._child = Child("Core AI", f"{CHILD}:open_converter", {}, CONVERTING)
            self._child.what = f"Core AI on {program.source}"
            try:
                self._child(
                    {name: np.frombuffer(os.fsencode(p), np.uint8) for name, p in paths.items()}
                )
            except BaseException:
                self._close()
                raise
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(p for p in asset.rglob("*") if p.is_file()):
                    archive.write(path, path.relative_to(asset).as_posix())
            return packed.getvalue()

    def _close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


_CONVERTER = _Converter()


@dataclass(eq=False)
class CoreAIProgram:
    """A package's default function in Core AI."""

    program: Program
    _child: Child | None = None
    _died: ProcessDied | None = None
    _folder: Any = None  # of the files that the child reads
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        _CONVERTER.expect(self)

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Takes and returns the same as `Program.run`. Callable from several threads, one at a
        time. Raises what it raises, and ProcessDied if Core AI fails.
        """
        from blazepalm.reports.backends.mil.inputs import prepare_inputs
        from blazepalm.reports.backends.mil.values import NUMPY

        program = self.program
        function = program.functions[program.default_function]
        tensors = prepare_inputs(
            program.interfaces[program.default_function], inputs, program.source
        )
        arrays = {}
        for place, value in enumerate(function.inputs):
            array = tensors[value.name].numpy()
            half = value.type.dtype == "FLOAT16"
            arrays[f"i{place}"] = array.astype(np.float16) if half else array
        found = self._opened()(arrays)
        return {
            name: found[f"o{place}"].astype(NUMPY[function.types[name].dtype])
            for place, name in enumerate(function.outputs)
        }

    def close(self) -> None:
        """Ends the process, which otherwise ends with this object."""
        _CONVERTER.done(self)
        if self._child is not None:
            self._child.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _opened(self) -> Child:
        """The process with the program, which is made where none is kept."""
        with self._lock:
            if self._died is not None:  # it would die again, after ten seconds
                raise self._died
            try:
                self._child = self._child or self._open()
            except ProcessDied as error:
                self._died = error
                raise
            return self._child

    def _open(self) -> Child:
        program, folder = self.program, programs_folder("coreai")
        try:
            make = partial(_CONVERTER.make, program)
            content = kept_program(folder, _key(program.path), SUFFIX, make)
        finally:
            _CONVERTER.done(self)
        self._folder = tempfile.TemporaryDirectory()
        asset = Path(self._folder.name) / f"kept{SUFFIX}"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(asset)
        what = f"Core AI on {program.source}"
        return Child(what, f"{CHILD}:open_asset", {"asset": str(asset)}, LIMITS)


@dataclass(frozen=True)
class CoreAI:
    """A package of face `raw` in Core AI, as a backend."""

    name: str
    package: RawPackage
    program: CoreAIProgram

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs in float32."""
        return self.package.run(images, self.program.run)


def missing_coreai() -> str | None:
    """Why Core AI's runtime cannot run here, and how to install it; None where it can."""
    if sys.version_info < (3, 11) or sys.platform == "win32":
        return (
            f"Core AI needs Python 3.11 or newer on Linux or macOS, this is Python "
            f"{platform.python_version()} on {platform.system()}"
        )
    if all(importlib.util.find_spec(name) is not None for name in ("coreai", "coreai_torch")):
        return None
    return "Core AI is not installed; install it with: pip install 'blazepalm[coreai]'"


def _key(package: Path) -> str:
    known = {
        "package": package_sha256(package),
        "versions": {name: version(name) for name in DECIDING},
        "code": code_sha256(*CODE),
    }
    return key_of(known).hexdigest()[:32]


def _open_raw(opening: Opening, name: str, package: Package) -> Backend:
    program = load(opening.export(package))
    raw = match(program, opening.outputs, opening.output_shapes)
    return CoreAI(name, raw, CoreAIProgram(program))


def _open_app(opening: Opening, name: str, package: Package) -> Backend:
    return open_app(opening, name, package, lambda program: CoreAIProgram(program).run)


BACKENDS = tuple(
    Registration(
        name,
        LABEL.format(package.face),
        FLOAT16 if package.precision == "fp16" else FLOAT32,
        partial(_open_app if package.face == "app" else _open_raw, name=name, package=package),
        available=missing_coreai,
        package=package,
        every_picture=False,
        rare=True,
        asked_for=True,
        in_other_units=package.face == "app",
    )
    for name, package in (
        (COREAI, RAW_FP32),
        (COREAI_FP16, RAW_FP16),
        (COREAI_APP, APP_FP16),
        (COREAI_APP_FP32, APP_FP32),
    )
)
