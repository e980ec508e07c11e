"""A model's bytes → a `Subject`: converted in memory, its Core ML packages exported to a folder
and read back from there, and every backend opened that can run it here.

What is compared is what was saved.
"""

import hashlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.coreml.needed import missing_coremltools
from blazepalm.converter.tflite import read_bytes
from blazepalm.errors import CouldNotVerify
from blazepalm.file_names import file_name
from blazepalm.models.releases import generation_of
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.reports.backends.backend import Backend, Outputs, input_shape, output_names
from blazepalm.reports.backends.litert import open_litert
from blazepalm.reports.backends.litert_rewrite import without_custom_operators
from blazepalm.reports.compare.roles import (
    GENERIC,
    MIL,
    MIL_APP,
    MIL_FP16,
    NATIVE,
    ORACLE,
    ROLES,
    TENSORFLOW,
    TFLITE,
    TFLITE_REF,
    TORCH,
)
from blazepalm.reports.compare.rows import BY_TASK
from blazepalm.reports.stages.stages import HandRules, PalmRules, Raw
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

# (backend, face, precision) of the packages that parity exports
PACKAGES = ((MIL, "raw", "fp32"), (MIL_FP16, "raw", "fp16"), (MIL_APP, "app", "fp16"))

# what the app face of each family must give
APP_OUTPUTS = {"palm": {"boxes", "keypoints", "scores"}, "hand": {"landmarks", "presence"}}


@dataclass(frozen=True)
class OneAtATime:
    """A backend that several threads may call, though what it calls may not be."""

    backend: Backend
    lock: Any = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return self.backend.name

    def run(self, images: np.ndarray) -> Outputs:
        with self.lock:
            return self.backend.run(images)


def open_subject(
    source: str,
    content: bytes,
    *,
    workers: int,
    packages: Path | None,
    images: bool = True,
    compress: str | None = None,
    only: tuple[str, ...] | None = None,
) -> Subject:
    """Converts one model's bytes and opens its backends (those named in `only`, else all), to be
    called from `workers` threads at once. `packages` is a folder for the Core ML packages; None
    leaves those backends out, and without coremltools they are `missing`; `compress` is done to
    the float16 ones. Without `images`, or for a
    model of no family, those are left out that only the task can judge.

    Raises BlazePalmError where it cannot be read or converted, CouldNotVerify where it computes
    in integers or LiteRT cannot run it.
    """
    from blazepalm.converter.convert import convert_graph

    graph = read_bytes(content, source)
    if graph.dequantised:
        raise CouldNotVerify(
            f"{source} computes in integers: LiteRT rounds every value, the converted module "
            "does not, so float32 parity has nothing to compare"
        )
    notes: list[str] = []
    converted = convert_graph(graph, lambda note: notes.append(note.removeprefix(f"{source}: ")))
    shape = input_shape(converted.graph)
    backends, note = open_backends(converted, content, workers, only)
    if note:
        notes.append(note)
    artifacts: dict[str, str] = {}
    missing: dict[str, str] = {}
    app = None
    if packages is not None:
        if not images or converted.recognition is None:
            only = tuple(n for n in only or ROLES if ROLES[n].judge != BY_TASK)
        reason = missing_coremltools("writing a Core ML package")
        if reason is None:
            app = _open_packages(
                converted, packages, compress, backends, artifacts, only, notes.append
            )
        else:
            missing = {name: reason for name, *_ in PACKAGES if only is None or name in only}
        if compress is not None and app is not None:
            notes.append(f"its float16 packages are compressed: {compress}")
    value_range, value_range_from = value_range_of(converted)
    return Subject(
        converted=converted,
        outputs=output_names(graph),
        fields=converted.outputs,
        output_shapes=tuple(graph.tensors[t].shape for t in graph.outputs),
        input_shape=shape,
        value_range=value_range,
        value_range_from=value_range_from,
        notes=tuple(notes),
        backends=backends,
        app=app,
        rules=_rules(converted),
        artifacts=artifacts,
        missing=missing,
    )


def open_backends(
    converted: "Converted", content: bytes, workers: int, only: tuple[str, ...] | None = None
) -> tuple[dict[str, Backend], str | None]:
    """The TFLite and torch backends of one model by name, and what must be said about how
    LiteRT was fed. TensorFlow is used where it is installed.
    """
    from blazepalm.reports.backends import torch_generic, torch_readable
    from blazepalm.reports.backends.tensorflow_lite import has_tensorflow, open_tensorflow

    graph = converted.graph
    outputs = output_names(graph)
    rewritten = without_custom_operators(content, graph.source)
    generic = torch_generic.generic(converted.generic, outputs)

    def litert(reference_kernels: bool) -> Backend:
        return open_litert(
            rewritten.content,
            outputs,
            source=graph.source,
            reference_kernels=reference_kernels,
            copies=workers,
        )

    def tensorflow() -> Backend:
        return open_tensorflow(rewritten.content, outputs, source=graph.source, copies=workers)

    def torch() -> Backend:
        if converted.recognition is None:
            return torch_generic.Lowered(TORCH, generic.module, generic.dtype, outputs)
        return torch_readable.readable(converted.module, outputs, converted.outputs)

    makers: dict[str, Callable[[], Backend]] = {
        TFLITE: lambda: litert(False),
        TFLITE_REF: lambda: litert(True),
        ORACLE: lambda: torch_generic.oracle(converted.generic, outputs),
        GENERIC: lambda: generic,
        TORCH: torch,
    }
    if has_tensorflow():
        makers[TENSORFLOW] = tensorflow
    opened = {name: make() for name, make in makers.items() if only is None or name in only}
    return opened, rewritten.note


def value_range_of(converted: "Converted") -> tuple[tuple[float, float], str]:
    """The range of the inputs, and who says so: the registry knows a release by its SHA-256;
    another file gets the newest of its family, and one of no family 0..1.
    """
    if converted.release is not None:
        return converted.release.generation.value_range, "registry"
    if converted.recognition is not None:
        return converted.recognition.spec.value_range, "newest of the family"
    return (0.0, 1.0), "assumed"


def package_sha256(package: Path) -> str:
    """Of the paths and contents of all files of a package, in their paths' order."""
    digest = hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.is_file()):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _open_packages(
    converted: "Converted",
    folder: Path,
    compress: str | None,
    backends: dict[str, Backend],
    artifacts: dict[str, str],
    only: tuple[str, ...] | None,
    notice: Callable[[str], None],
) -> Callable[[np.ndarray], Raw] | None:
    """Exports and reads back every package; adds the raw ones to `backends`, returns the app. On
    macOS the float16 one is loaded into Core ML itself, too; where that cannot be, it is said.
    """
    from blazepalm.converter.coreml import export
    from blazepalm.converter.coreml.options import CoreMLOptions
    from blazepalm.reports.backends import mil
    from blazepalm.reports.backends.mil_package import open_executed

    graph = converted.graph
    shapes = tuple(graph.tensors[t].shape for t in graph.outputs)
    app = None
    for name, face, precision in PACKAGES:
        if only is not None and name not in only:
            continue
        parent = folder / file_name(converted.name) / name
        if not any(parent.glob("*.mlpackage")):  # another worker's process made it
            price = compress if precision == "fp16" else None
            export(converted, parent, CoreMLOptions(face, precision, compress=price))
        (package,) = parent.glob("*.mlpackage")
        artifacts[name] = package_sha256(package)
        if face == "app":
            app = _app_runner(mil.load(package), converted)
            continue
        backends[name] = open_executed(package, output_names(graph), shapes, name=name)
        if name == MIL_FP16 and sys.platform == "darwin":
            try:
                found = _open_native(package, output_names(graph), shapes)
            except CouldNotVerify as error:
                notice(f"not compared with Core ML itself: {error}")
                continue
            for native in found:
                backends[native.name] = native
                artifacts[native.name] = artifacts[name]
    return app


def _open_native(
    package: Path, outputs: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]
) -> list[Backend]:
    """The package in Core ML itself, once for each choice of compute units."""
    from blazepalm.reports.backends.apple import UNITS, open_native

    found = [open_native(package, outputs, shapes, units=units) for units in UNITS]
    assert all(native.name.startswith(NATIVE) for native in found)
    return [OneAtATime(native) for native in found]


def _app_runner(program: Any, converted: "Converted") -> Callable[[np.ndarray], Raw]:
    """The shipped package as a function of the float input: the pixels are its whole grey
    levels again. Raises CouldNotVerify where the package does not give what it must.
    """
    recognition = converted.recognition
    assert recognition is not None
    low, high = recognition.spec.value_range
    (feature,) = program.inputs
    missing = APP_OUTPUTS[recognition.family] - {output.name for output in program.outputs}
    if missing:
        raise CouldNotVerify(f"{program.source}: gives no {', '.join(sorted(missing))}")

    def run(images: np.ndarray) -> Raw:
        levels = np.rint((images[0] - low) * (255 / (high - low)))
        found: Raw = program.run({feature.name: np.clip(levels, 0, 255).astype(np.uint8)})
        return found

    return run


def _rules(converted: "Converted") -> PalmRules | HandRules | None:
    recognition = converted.recognition
    if recognition is None:
        return None
    if isinstance(recognition.spec, HandLandmarksSpec):
        return HandRules(recognition.spec)
    assert isinstance(recognition.spec, PalmDetectorSpec)
    anchors: Any = converted.module.anchors
    generation = generation_of(recognition.spec.generation, "palm")
    return PalmRules(recognition.spec, anchors.detach().float().numpy().copy(), generation.roi)
