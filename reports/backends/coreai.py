"""Runs a saved Core ML package's program in Apple's Core AI runtime, on a CPU: the backends
`coreai-mil` and `coreai-mil-fp16` (extra `coreai`).

It is neither the Neural Engine nor Core ML, which fuses operations in its own way. The runtime
aborts the process on a damaged file, so that it runs in one of its own, for each package; another
one, which ends, makes Core AI's program before the first picture.
"""

import importlib.util
import platform
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.child import Child, ChildLimits
from blazepalm.file_names import file_name
from blazepalm.reports.backends.backend import (
    FLOAT16,
    FLOAT32,
    Backend,
    Opening,
    Outputs,
    Package,
    Registration,
)
from blazepalm.reports.backends.mil import Program, load
from blazepalm.reports.backends.mil_package import RAW_FP16, RAW_FP32
from blazepalm.reports.backends.names import COREAI, COREAI_FP16
from blazepalm.reports.backends.package_outputs import RawPackage, match

CHILD = "blazepalm.reports.backends.coreai_program"
# An inference of the largest release takes 2 s of a processor, its conversion 10 s and 0.6 GiB.
LIMITS = ChildLimits(opening=600, call=120, memory=8)
LABEL = (
    "Core ML package, raw face: the saved program, computed by Apple's Core AI kernels on a CPU; "
    "not the Neural Engine, not Core ML's own fusions"
)


@dataclass
class CoreAIProgram:
    """A package's default function in Core AI. `folder` is where its `.aimodel` is kept."""

    program: Program
    folder: Path
    _child: Child | None = None
    _lock: Any = field(default_factory=threading.Lock)

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
        if self._child is not None:
            self._child.close()

    def _opened(self) -> Child:
        """The process with the program, which is made where there is none yet."""
        with self._lock:
            if self._child is None:
                what = f"Core AI on {self.program.source}"
                asset = str(self.folder.absolute() / self.program.path.stem / "made.aimodel")
                if not Path(asset).exists():
                    made = {"package": str(self.program.path.absolute()), "asset": asset}
                    Child(what, f"{CHILD}:save_asset", made, LIMITS).close()
                self._child = Child(what, f"{CHILD}:open_asset", {"asset": asset}, LIMITS)
            return self._child


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


def _open(opening: Opening, name: str, package: Package) -> Backend:
    program = load(opening.export(package))
    raw = match(program, opening.outputs, opening.output_shapes)
    assert opening.packages is not None
    folder = opening.packages / file_name(opening.converted.name) / name
    folder.mkdir(parents=True, exist_ok=True)
    return CoreAI(name, raw, CoreAIProgram(program, folder))


BACKENDS = tuple(
    Registration(
        name,
        LABEL,
        precision,
        partial(_open, name=name, package=package),
        available=missing_coreai,
        package=package,
        every_picture=False,
        asked_for=True,
    )
    for name, precision, package in ((COREAI, FLOAT32, RAW_FP32), (COREAI_FP16, FLOAT16, RAW_FP16))
)
