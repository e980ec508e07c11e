"""Apple's Core AI runtime on a CPU (extra `coreai`): the backends `coreai-mil…` compute a saved
Core ML package's program, `coreai` the readable module, converted without Core ML.

It is neither the Neural Engine nor Core ML, which fuses operations in its own way.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.converter.coreai.needed import missing_coreai
from blazepalm.reports.backends.backend import (
    FLOAT16,
    FLOAT32,
    Backend,
    Opening,
    Outputs,
    Package,
    Registration,
    split_inputs,
)
from blazepalm.reports.backends.coreai_asset import Asset, asset_key
from blazepalm.reports.backends.hashing import package_sha256
from blazepalm.reports.backends.mil import Program, load
from blazepalm.reports.backends.mil_package import APP_FP16, RAW_FP16, RAW_FP32, open_app
from blazepalm.reports.backends.names import (
    COREAI,
    COREAI_APP,
    COREAI_APP_FP32,
    COREAI_FP16,
    COREAI_MODULE,
)
from blazepalm.reports.backends.package_outputs import RawPackage, match

APP_FP32 = Package(COREAI_APP_FP32, "app", "fp32")
LABEL = (
    "Core ML package, {} face: the saved program, computed by Apple's Core AI kernels on a CPU; "
    "not the Neural Engine, not Core ML's own fusions"
)
MODULE_LABEL = "the same module in Apple's Core AI, by its kernels on a CPU; not the Neural Engine"


@dataclass(frozen=True)
class CoreAIProgram:
    """A package's default function in Core AI."""

    program: Program
    asset: Asset

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Takes and returns the same as `Program.run`. Callable from several threads, one at a
        time. Raises what it raises, and ProcessDied if Core AI fails.
        """
        from blazepalm.reports.backends.mil.values import NUMPY

        program = self.program
        function = program.functions[program.default_function]
        found = self.asset(core_ai_inputs(program, inputs))
        return {
            name: found[f"o{place}"].astype(NUMPY[function.types[name].dtype])
            for place, name in enumerate(function.outputs)
        }


def core_ai_inputs(program: Program, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inputs of a package's default function as its program in Core AI takes them: `i0`, …."""
    from blazepalm.reports.backends.mil.inputs import prepare_inputs

    function = program.functions[program.default_function]
    tensors = prepare_inputs(program.interfaces[program.default_function], inputs, program.source)
    arrays = {}
    for place, value in enumerate(function.inputs):
        array = tensors[value.name].numpy()
        half = value.type.dtype == "FLOAT16"
        arrays[f"i{place}"] = array.astype(np.float16) if half else array
    return arrays


def core_ai_program(program: Program) -> CoreAIProgram:
    """A saved package's program in Core AI, made and opened on its first call."""
    path = program.path
    return CoreAIProgram(
        program, Asset(program.source, path, lambda: asset_key(package=package_sha256(path)))
    )


@dataclass(frozen=True)
class CoreAI:
    """A package of face `raw` in Core AI, as a backend."""

    name: str
    package: RawPackage
    program: CoreAIProgram

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs in float32."""
        return self.package.run(images, self.program.run)


@dataclass(frozen=True)
class CoreAIModule:
    """The readable module in Core AI. `inputs` are the shapes of the file's inputs; `outputs` and
    `shapes` are the file's, in the module's order; without `channels_first` the module takes what
    the file does.
    """

    name: str
    asset: Asset
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    channels_first: bool

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs."""
        rows = [self._run(image[None]) for image in images]
        return {
            name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(self.outputs)
        }

    def _run(self, image: np.ndarray) -> list[np.ndarray]:
        planes = [image.transpose(0, 3, 1, 2)] if self.channels_first else []
        given = planes or split_inputs(image, self.inputs)
        found = self.asset({f"i{n}": np.ascontiguousarray(x) for n, x in enumerate(given)})
        return [found[f"o{n}"].reshape(shape) for n, shape in enumerate(self.shapes)]


def _open_raw(opening: Opening, name: str, package: Package) -> Backend:
    program = load(opening.export(package))
    raw = match(program, opening.outputs, opening.output_shapes)
    return CoreAI(name, raw, core_ai_program(program))


def _open_app(opening: Opening, name: str, package: Package) -> Backend:
    return open_app(opening, name, package, lambda program: core_ai_program(program).run)


def _open_module(opening: Opening) -> Backend:
    """Exports the module and makes its program at once: torch cannot export while other threads run
    modules.
    """
    from blazepalm.converter.pte import exported, input_shapes, pte_outputs
    from blazepalm.converter.pte_cache import module_sha256

    converted, places = opening.converted, pte_outputs(opening.converted)
    digest = module_sha256(converted)
    with tempfile.TemporaryDirectory() as folder:
        origin = Path(folder) / "module.pt2"
        asset = Asset(opening.source, origin, lambda: asset_key(module=digest))
        if not asset.is_kept():
            import torch

            torch.export.save(exported(converted.module, input_shapes(converted)), origin)
            asset.kept()
    return CoreAIModule(
        COREAI_MODULE,
        asset,
        opening.input_shapes,
        tuple(opening.outputs[i] for i in places),
        tuple(opening.output_shapes[i] for i in places),
        channels_first=converted.recognition is not None,
    )


BACKENDS = (
    *(
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
            by_name=package in (RAW_FP16, APP_FP32),
            in_other_units=package.face == "app",
        )
        for name, package in (
            (COREAI, RAW_FP32),
            (COREAI_FP16, RAW_FP16),
            (COREAI_APP, APP_FP16),
            (COREAI_APP_FP32, APP_FP32),
        )
    ),
    Registration(
        COREAI_MODULE,
        MODULE_LABEL,
        FLOAT32,
        _open_module,
        available=missing_coreai,
        every_picture=False,
        rare=True,
        asked_for=True,
        by_name=True,
    ),
)
