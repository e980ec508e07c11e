"""Executes a saved Core ML package with blazepalm: the backends `coreml-mil…`.

The package is read back from disk, and its MIL program runs operation by operation in torch
(`reports.backends.mil`), not in Apple's runtime.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from blazepalm.converter.coreml.needed import missing_coremltools
from blazepalm.errors import CouldNotVerify
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
from blazepalm.reports.backends.mil.accumulation import CORE_AI_SUMS, FLOAT16_SUMS, FLOAT32_SUMS
from blazepalm.reports.backends.names import (
    COREAI_APP,
    MIL,
    MIL_APP,
    MIL_FP16,
    MIL_FP16_BOUND,
    MIL_FP16_CORE_AI,
)
from blazepalm.reports.backends.package_outputs import Execute, RawPackage, match

RAW_FP32 = Package(MIL, "raw", "fp32")
RAW_FP16 = Package(MIL_FP16, "raw", "fp16")
APP_FP16 = Package(MIL_APP, "app", "fp16")

# outputs that the app face of each family must have
APP_OUTPUTS = {"palm": {"boxes", "keypoints", "scores"}, "hand": {"landmarks", "presence"}}


@dataclass(frozen=True)
class Executed:
    """A package as a backend, callable from several threads. `accumulation`: how products are
    summed (`mil.accumulation`).
    """

    name: str
    package: RawPackage
    accumulation: str = FLOAT32_SUMS

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs in float32."""
        return self.package.run(images, self._execute)

    def intermediates(
        self, images: np.ndarray, names: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Every value that the program computes for one batch (or those of `names`), by its MIL
        name, in execution order and in the program's own layout and dtype.
        """
        program = self.package.program
        found = program.run(
            self.package.given(images),
            accumulation=self.accumulation,
            intermediates=True if names is None else names,
        )
        plan = program.plan(accumulation=self.accumulation)
        wanted = plan.slots if names is None else names
        return {name: found[name] for name in plan.slots if name in found and name in wanted}

    def _execute(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.package.program.run(given, accumulation=self.accumulation)


def open_executed(
    package: Path,
    outputs: tuple[str, ...],
    shapes: Sequence[tuple[int, ...]],
    *,
    name: str = MIL,
    accumulation: str = FLOAT32_SUMS,
) -> Executed:
    """Reads a package and makes it ready to run. `outputs` and `shapes` are those of the TFLite
    file, in its order.

    Raises InvalidModel for a broken package, UnsupportedOperator listing all operators that
    cannot run, CouldNotVerify for a package whose input and outputs are not the file's.
    """
    program = load(package)
    executed = Executed(name, match(program, outputs, shapes), accumulation)
    program.plan(accumulation=accumulation)
    return executed


@dataclass(frozen=True)
class App:
    """A package of face `app` of a model with inputs in `low`..`high`; returns its own outputs, as
    `execute` computes them from the package's inputs.
    """

    name: str
    program: Program
    low: float
    high: float
    execute: Execute

    def run(self, images: np.ndarray) -> Outputs:
        """(1, H, W, C) float32 in the release's range, converted back to uint8 levels."""
        (feature,) = self.program.inputs
        levels = np.rint((images[0] - self.low) * (255 / (self.high - self.low)))
        return self.execute({feature.name: np.clip(levels, 0, 255).astype(np.uint8)})


def open_app(
    opening: Opening,
    name: str = MIL_APP,
    package: Package = APP_FP16,
    execute: Callable[[Program], Execute] = lambda program: program.run,
) -> App:
    """Opens a package of face `app`, by default the shipped one. `execute` gives what computes its
    program. Raises CouldNotVerify if it lacks a required output.
    """
    program = load(opening.export(package))
    recognition = opening.converted.recognition
    assert recognition is not None
    missing = APP_OUTPUTS[recognition.family] - {output.name for output in program.outputs}
    if missing:
        raise CouldNotVerify(f"{program.source}: has no output {', '.join(sorted(missing))}")
    return App(name, program, *recognition.spec.value_range, execute(program))


def _open_raw(
    opening: Opening, name: str, package: Package, accumulation: str = FLOAT32_SUMS
) -> Backend:
    return open_executed(
        opening.export(package),
        opening.outputs,
        opening.output_shapes,
        name=name,
        accumulation=accumulation,
    )


def _missing() -> str | None:
    return missing_coremltools("writing a Core ML package")


RAW_BACKENDS = (
    Registration(
        MIL,
        "Core ML package, raw face, executed by blazepalm",
        FLOAT32,
        partial(_open_raw, name=MIL, package=RAW_FP32),
        available=_missing,
        optional=False,
        package=RAW_FP32,
    ),
    Registration(
        MIL_FP16,
        "Core ML package, raw face, executed by blazepalm",
        FLOAT16,
        partial(_open_raw, name=MIL_FP16, package=RAW_FP16),
        available=_missing,
        optional=False,
        package=RAW_FP16,
    ),
    Registration(
        MIL_FP16_CORE_AI,
        "Core ML package, raw face, executed by blazepalm, summing as Core AI does on a CPU",
        FLOAT16,
        partial(_open_raw, name=MIL_FP16_CORE_AI, package=RAW_FP16, accumulation=CORE_AI_SUMS),
        available=_missing,
        package=RAW_FP16,
        every_picture=False,  # costs seven times as much
        asked_for=True,
        stands_in_for=COREAI_APP,
    ),
    Registration(
        MIL_FP16_BOUND,
        "Core ML package, raw face, executed by blazepalm, float16 sums rounded after every step",
        FLOAT16,
        partial(_open_raw, name=MIL_FP16_BOUND, package=RAW_FP16, accumulation=FLOAT16_SUMS),
        available=_missing,
        package=RAW_FP16,
        every_picture=False,
        asked_for=True,
        by_name=True,
    ),
)
APP_BACKEND = Registration(
    MIL_APP,
    "Core ML package as shipped, executed by blazepalm",
    FLOAT16,
    open_app,
    available=_missing,
    optional=False,
    package=APP_FP16,
)
