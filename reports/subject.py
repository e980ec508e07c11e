"""One model opened for parity: converted in memory, and every backend that can run it here.

The Core ML packages are exported to a folder and read back from there: what is compared is
what was saved.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.tflite import read_bytes
from blazepalm.models.errors import CouldNotVerify
from blazepalm.models.releases import defaults
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.reports.backends.backend import Backend, Outputs, input_shape, output_names
from blazepalm.reports.backends.litert import open_litert
from blazepalm.reports.backends.rewrite import without_custom_operators
from blazepalm.reports.chain import HandChain, HandRules, PalmChain, PalmRules, Raw
from blazepalm.reports.names import file_name
from blazepalm.reports.rows import BY_FLOOR, BY_TASK, NOT_JUDGED

if TYPE_CHECKING:
    from blazepalm.converter.convert import Converted

ORACLE, TFLITE, TFLITE_REF, GENERIC, TORCH = "oracle", "tflite", "tflite-ref", "generic", "torch"
MIL, MIL_FP16, MIL_APP = "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"
REFERENCE = "reference"


@dataclass(frozen=True)
class Role:
    """What a backend is, in words, and what judges it."""

    label: str
    precision: str
    judge: str


ROLES = {
    ORACLE: Role("the generic torch lowering in float64", "float64", REFERENCE),
    TFLITE: Role("LiteRT, default kernels (XNNPACK)", "float32", REFERENCE),
    TFLITE_REF: Role("LiteRT, reference kernels", "float32", REFERENCE),
    GENERIC: Role("the generic torch lowering", "float32", NOT_JUDGED),
    TORCH: Role("the readable torch module", "float32", BY_FLOOR),
    MIL: Role("Core ML package, raw face, executed by blazepalm", "float32", BY_FLOOR),
    MIL_FP16: Role("Core ML package, raw face, executed by blazepalm", "float16", BY_TASK),
    MIL_APP: Role("Core ML package as shipped, executed by blazepalm", "float16", BY_TASK),
}

# (backend, face, precision) of the packages that parity exports
PACKAGES = ((MIL, "raw", "fp32"), (MIL_FP16, "raw", "fp16"), (MIL_APP, "app", "fp16"))


@dataclass(frozen=True)
class Subject:
    """`backends` run (N, H, W, C) float32 and give the file's outputs; `app` runs the shipped
    package on the same input and gives its own. `rules` is None where no family was
    recognised. `artifacts`: SHA-256 of what a backend ran, where that is a file. `stages`: by
    backend, functions in place of its chain's own (a planted fault).
    """

    converted: "Converted"
    outputs: tuple[str, ...]
    fields: tuple[str, ...]
    input_shape: tuple[int, ...]
    value_range: tuple[float, float]
    value_range_from: str
    notes: tuple[str, ...]
    backends: Mapping[str, Backend]
    app: Callable[[np.ndarray], Raw] | None
    rules: PalmRules | HandRules | None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, Callable[..., Any]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.converted.name

    @property
    def family(self) -> str | None:
        recognition = self.converted.recognition
        return None if recognition is None else recognition.family

    def named(self, outputs: Outputs) -> Raw:
        """The file's outputs under their readable names."""
        pairs = zip(self.outputs, self.fields, strict=True)
        return {name: outputs[output] for output, name in pairs if output in outputs}

    def palm_chain(self, backend: str) -> PalmChain:
        assert isinstance(self.rules, PalmRules)
        if backend == MIL_APP:
            assert self.app is not None
            return self.rules.chain(self.app, decodes=True)
        chain = self.rules.chain(lambda x: self.named(self.backends[backend].run(x)))
        spoilt: Mapping[str, Any] = self.stages.get(backend, {})
        return replace(chain, **spoilt)

    def hand_chain(self, backend: str) -> HandChain:
        assert isinstance(self.rules, HandRules)
        if backend == MIL_APP:
            assert self.app is not None
            return self.rules.chain(self.app, decodes=True)
        chain = self.rules.chain(lambda x: self.named(self.backends[backend].run(x)))
        spoilt: Mapping[str, Any] = self.stages.get(backend, {})
        return replace(chain, **spoilt)


def open_subject(
    source: str,
    content: bytes,
    *,
    workers: int,
    packages: Path | None,
    images: bool = True,
    only: tuple[str, ...] | None = None,
) -> Subject:
    """Converts one model's bytes and opens its backends (those named in `only`, else all).
    `packages` is a folder for the Core ML packages; None leaves those backends out; without
    `images` those are left out that the task judges.

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
    outputs, shape = output_names(graph), input_shape(graph)
    backends, note = open_backends(converted, content, workers, only)
    if note:
        notes.append(note)
    artifacts: dict[str, str] = {}
    app = None
    if packages is not None:
        if not images:
            only = tuple(n for n in only or ROLES if ROLES[n].judge != BY_TASK)
        app = _open_packages(converted, packages, backends, artifacts, only)
    value_range, value_range_from = value_range_of(converted)
    return Subject(
        converted=converted,
        outputs=outputs,
        fields=converted.outputs,
        input_shape=shape,
        value_range=value_range,
        value_range_from=value_range_from,
        notes=tuple(notes),
        backends=backends,
        app=app,
        rules=_rules(converted),
        artifacts=artifacts,
    )


def open_backends(
    converted: "Converted", content: bytes, workers: int, only: tuple[str, ...] | None = None
) -> tuple[dict[str, Backend], str | None]:
    """The TFLite and torch backends of one model by name, and what must be said about how
    LiteRT was fed.
    """
    from blazepalm.reports.backends import lowered, readable

    graph = converted.graph
    outputs = output_names(graph)
    rewritten = without_custom_operators(content, graph.source)
    opened: dict[str, Backend] = {}
    for name, reference in ((TFLITE, False), (TFLITE_REF, True)):
        if only is None or name in only:
            opened[name] = open_litert(
                rewritten.content,
                outputs,
                source=graph.source,
                reference_kernels=reference,
                copies=workers,
            )
    generic = lowered.generic(converted.generic, outputs)
    if only is None or ORACLE in only:
        opened[ORACLE] = lowered.oracle(converted.generic, outputs)
    if only is None or GENERIC in only:
        opened[GENERIC] = generic
    if only is None or TORCH in only:
        opened[TORCH] = (
            readable.readable(converted.module, outputs, converted.outputs)
            if converted.recognition is not None
            else lowered.Lowered(TORCH, generic.module, generic.dtype, outputs)
        )
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


def _open_packages(
    converted: "Converted",
    folder: Path,
    backends: dict[str, Backend],
    artifacts: dict[str, str],
    only: tuple[str, ...] | None,
) -> Callable[[np.ndarray], Raw] | None:
    """Exports and reads back every package; adds the raw ones to `backends`, returns the app."""
    from blazepalm.converter.coreml import export
    from blazepalm.converter.coreml.options import CoreMLOptions
    from blazepalm.reports.backends import mil
    from blazepalm.reports.backends.executed import open_executed

    graph = converted.graph
    shapes = tuple(graph.tensors[t].shape for t in graph.outputs)
    app = None
    for name, face, precision in PACKAGES:
        if (only is not None and name not in only) or (
            face == "app" and converted.recognition is None
        ):
            continue
        parent = folder / file_name(converted.name) / name
        if not any(parent.glob("*.mlpackage")):  # another worker's process made it
            export(converted, parent, CoreMLOptions(face=face, precision=precision))
        (package,) = parent.glob("*.mlpackage")
        artifacts[name] = package_sha256(package)
        if face == "app":
            app = _app_runner(mil.load(package), converted)
        else:
            backends[name] = open_executed(package, output_names(graph), shapes, name=name)
    return app


def package_sha256(package: Path) -> str:
    """Of the paths and contents of all files of a package, in their paths' order."""
    digest = hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.is_file()):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _app_runner(program: Any, converted: "Converted") -> Callable[[np.ndarray], Raw]:
    """The shipped package as a function of the float input: the pixels are its whole grey
    levels again.
    """
    assert converted.recognition is not None
    low, high = converted.recognition.spec.value_range
    (feature,) = program.inputs

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
    generation = converted.release.generation if converted.release else defaults("palm")
    return PalmRules(recognition.spec, anchors.detach().float().numpy().copy(), generation.roi)
