"""Opens files, releases and packages for the hand pipeline in any backend: `torch` (the readable
modules), `tflite` (Google's runtime on the file itself, no torch needed), `coreml` (a package of
face `raw`, executed by blazepalm, not by Apple's runtime), or any registered one.

Files do not hold value range, thresholds and regions, and may put their outputs in any order. A
converted model keeps what it was converted with; for a plain file, `converter.evidence` finds them,
and `notice` reports how.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.architecture import examine
from blazepalm.converter.choose import WANTED, choose, is_bundle_with
from blazepalm.converter.convert import convert_graph, warn
from blazepalm.converter.converted import Converted
from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides, settle, summary
from blazepalm.converter.folder import (
    converted_folder,
    is_converted,
    original,
    package_of,
    source_of,
)
from blazepalm.converter.known import network_of, release_of
from blazepalm.converter.loading import load, read_record, structure_of
from blazepalm.converter.tflite.foreign import is_core_ml
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import (
    CouldNotVerify,
    InvalidInput,
    InvalidModel,
    UnknownRelease,
    unknown_name,
)
from blazepalm.models.anchors import anchors_from_heads
from blazepalm.models.hand_pipeline import HandModels, Runner, torch_runner
from blazepalm.models.releases import (
    Generation,
    Release,
    by_sha256,
    defaults,
    generation_of,
    load_registry,
)
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, Spec
from blazepalm.models.spec_json import spec_from_dict
from blazepalm.models.tasks import RULES, SOLUTIONS, TASKS
from blazepalm.reports.backends.backend import FLOAT16, Opening
from blazepalm.reports.backends.names import PIPELINE
from blazepalm.reports.backends.registry import registered, runs_pipeline

PACKAGES = (".mlpackage", ".mlmodel")

Source = str | Path | Converted  # a file, bundle, release (or alias) or package; or in memory
Notice = Callable[[str], None]


@dataclass(frozen=True)
class OpenModel:
    """A network ready to run. `backend`: `torch`, `tflite` or `coreml-mil`; `sha256`: of the
    `.tflite` it comes from, "" for a package that does not record it; `network_sha256`: of its
    network (`converter.tflite.network`), None if unknown; `float16`: whether it computes in it.
    """

    name: str  # the release's, else the file's
    backend: str
    spec: Spec
    generation: Generation
    run: Runner
    sha256: str
    network_sha256: str | None = None
    float16: bool = False


def open_hand_models(
    palm: Source,
    hand: Source,
    backend: str = "torch",
    *,
    threads: int = 1,
    precision: str = "fp16",
    rule: str | None = None,
    notice: Notice = warn,
    overrides: Overrides = NO_OVERRIDES,
) -> HandModels:
    """Opens both networks of the pipeline; arguments and errors as for `open_model`, `rule` as for
    `hand_models` (None: `rule_of` the detector).
    """
    detector, landmarks = (
        open_model(
            model,
            family,
            backend,
            threads=threads,
            precision=precision,
            notice=notice,
            overrides=overrides,
        )
        for model, family in ((palm, "palm"), (hand, "hand"))
    )
    return hand_models(detector, landmarks, rule or rule_of(palm))


def hand_models(palm: OpenModel, hand: OpenModel, rule: str = SOLUTIONS) -> HandModels:
    """Combines two open networks for the pipeline. `rule`: "solutions" takes each network's regions
    and repeats MediaPipe until 0.10, "tasks" repeats MediaPipe 1. Raises InvalidModel for another.
    """
    if rule not in RULES:
        raise InvalidModel(unknown_name("rule", rule, RULES))
    assert isinstance(palm.spec, PalmDetectorSpec) and isinstance(hand.spec, HandLandmarksSpec)
    return HandModels(
        detector=palm.run,
        detector_spec=palm.spec,
        anchors=detector_anchors(palm.spec),
        landmarks=hand.run,
        landmarks_spec=hand.spec,
        palm_rule=palm.generation.roi if rule == SOLUTIONS else load_registry().tasks["palm"],
        tracking_rule=hand.generation.roi,
        rule=rule,
    )


def rule_of(palm: Source) -> str:
    """The rule where none is named: "tasks" for a detector from a bundle, which only MediaPipe's
    tasks read, else "solutions". Raises as `choose.is_bundle_with`.
    """
    if not isinstance(palm, str | Path) or _is_package(Path(palm)) or is_converted(palm):
        return SOLUTIONS
    return TASKS if is_bundle_with(palm, "palm") else SOLUTIONS


def detector_anchors(spec: PalmDetectorSpec) -> NDArray[np.float32]:
    """(N, 4) anchors of the spec's heads, as in `models.anchors`."""
    return anchors_from_heads([(*head.size, head.anchors_per_cell) for head in spec.heads])


def open_model(
    model: Source,
    family: str,
    backend: str = "torch",
    *,
    threads: int = 1,
    precision: str = "fp16",
    notice: Notice = warn,
    overrides: Overrides = NO_OVERRIDES,
) -> OpenModel:
    """Opens one network. It must be of `family` ("palm" or "hand"), which also selects it from a
    bundle. `threads` applies to LiteRT, `precision` to the Core ML package made here; an
    `.mlpackage` has its own, and only the backend `coreml` runs it. `overrides` state what a file
    does not; they do not apply to a package or a converted model.

    Raises UnknownRelease, InvalidModel (also for a model of another family or of none),
    UnsupportedOperator, and CouldNotVerify where a backend is missing or cannot run the model.
    """
    if backend == "coreml":
        need_coremltools("backend coreml", "choose backend torch or tflite", CouldNotVerify)
    if isinstance(model, str | Path) and _is_package(Path(model)):
        if backend != "coreml":
            raise InvalidModel(f"{model}: is a Core ML package; choose backend coreml")
        return _open_package(Path(model), family, notice)
    if isinstance(model, str | Path) and is_converted(model):
        folder = Path(model)
        if overrides.concern(family):
            raise InvalidInput(
                f"{folder}: a converted folder states its outputs, range, generation"
            )
        package = package_of(folder)
        if backend == "coreml" and package is not None and package[1].get("face") == "raw":
            return _open_package(package[0], family, notice)
        if backend == "torch":
            return _open_folder(folder, family)
        model = converted_folder(folder, original(folder), notice)
    if backend == "tflite":
        return _open_litert(model, family, threads, notice, overrides)
    if not runs_pipeline(backend):
        raise CouldNotVerify(unknown_name("backend", backend, PIPELINE))
    converted = model
    if not isinstance(converted, Converted):
        source, content = choose(converted, family)
        converted = convert_graph(read_bytes(content, source), notice, overrides)
    recognition = converted.recognition
    spec = _of_family(str(_asked(model)), None if recognition is None else recognition.spec, family)
    generation = generation_of(spec.generation, family)
    digests = converted.graph.sha256, network_of(converted.graph)
    if backend == "torch":
        run = torch_runner(converted.module)
        return OpenModel(converted.name, "torch", spec, generation, run, *digests)
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as made:
        if backend == "coreml":
            backend = "coreml-mil"
            run = _package_runner(_export(converted, Path(made), precision), spec)
            half = precision == "fp16"
        else:
            _, content = choose(converted.graph.source, family)
            run = _registered_runner(converted, content, backend, Path(made), spec, notice)
            half = registered()[backend].precision == FLOAT16
    return OpenModel(converted.name, backend, spec, generation, run, *digests, float16=half)


def _open_folder(folder: Path, family: str) -> OpenModel:
    """Opens a converted folder's own weights; the file that they come from is not needed."""
    module, structure = load(folder), structure_of(folder, read_record(folder))
    spec = _of_family(str(folder), None if isinstance(structure, Graph) else structure, family)
    source = source_of(folder)
    return OpenModel(
        name=folder.absolute().name,
        backend="torch",
        spec=spec,
        generation=generation_of(spec.generation, family),
        run=torch_runner(module),
        sha256=source.sha256,
        network_sha256=source.network_sha256 or None,
    )


def output_shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """Each raw output's shape for one image, by the fields of `PalmOutput` or `HandOutput`."""
    if isinstance(spec, PalmDetectorSpec):
        return {"boxes": (spec.anchors, spec.coordinates), "scores": (spec.anchors, 1)}
    return {output.name: (output.values,) for output in spec.outputs}


def _asked(model: Source) -> str | Path:
    return model.graph.source if isinstance(model, Converted) else model


def _of_family(source: str, spec: Spec | None, family: str) -> Spec:
    kind = PalmDetectorSpec if family == "palm" else HandLandmarksSpec
    if isinstance(spec, kind):
        return spec
    other = "palm" if isinstance(spec, PalmDetectorSpec) else "hand"
    found = "a model of no known family" if spec is None else WANTED[other]
    raise InvalidModel(f"{source}: is {found}, expected {WANTED[family]}")


def _is_package(path: Path) -> bool:
    """Judges by the content; by the name if there is no such file."""
    return is_core_ml(path) or (path.suffix.lower() in PACKAGES and not path.is_file())


def _generation(release: Release | None, family: str, source: str, notice: Notice) -> Generation:
    if release is not None:
        return release.generation
    newest = defaults(family)
    notice(
        f"{source}: not a known release; value range, thresholds and regions are those of the "
        f"newest generation, {newest.name}"
    )
    return newest


def _shaped(
    outputs: Mapping[str, NDArray[Any]], count: int, spec: Spec
) -> dict[str, NDArray[np.float32]]:
    """The outputs in the shapes of `output_shapes`, whatever axes of length 1 the file adds."""
    return {
        name: np.asarray(outputs[name], np.float32).reshape(count, *shape)
        for name, shape in output_shapes(spec).items()
    }


def _registered_runner(
    converted: Converted, content: bytes, name: str, folder: Path, spec: Spec, notice: Notice
) -> Runner:
    """Runs the model in any backend of the registry."""
    from blazepalm.reports.backends.litert_rewrite import without_custom_operators

    registration = registered()[name]
    content = without_custom_operators(content, converted.graph.source).content
    opening = Opening(converted, content, packages=folder, notice=notice)
    reason = registration.available()
    backend = registration.open(opening) if reason is None else None
    if backend is None:
        raise CouldNotVerify(reason or f"{converted.graph.source}: backend {name} cannot run it")
    fields = dict(zip(opening.outputs, converted.outputs, strict=True))

    def run(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        found = {fields[output]: values for output, values in backend.run(images).items()}
        return _shaped(found, len(images), spec)

    return run


# TFLite -----------------------------------------------------------------------------------


def _open_litert(
    model: Source, family: str, threads: int, notice: Notice, overrides: Overrides
) -> OpenModel:
    from blazepalm.reports.backends.litert import open_litert
    from blazepalm.reports.backends.litert_rewrite import without_custom_operators

    source, content = choose(model.graph.source if isinstance(model, Converted) else model, family)
    graph = read_bytes(content, source)
    if isinstance(model, Converted) and graph.sha256 != model.graph.sha256:
        raise InvalidModel(f"{source}: is not the file that was converted")
    if isinstance(model, Converted):
        recognition = model.recognition
    else:
        recognition, _ = examine(graph)
    found = None if recognition is None else recognition.spec
    _of_family(str(_asked(model)), found, family)
    assert recognition is not None
    release = release_of(graph)
    if not isinstance(model, Converted):
        recognition = settle(graph, recognition, overrides, notice)
        if release is None:
            notice(f"{source}: not a known release: {summary(recognition.spec)}")
    spec = recognition.spec
    generation = generation_of(spec.generation, family)
    backend = open_litert(
        without_custom_operators(content, source).content,
        recognition.outputs,
        source=source,
        threads=threads,
    )
    name = release.name if release else Path(source).stem

    def run(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return _shaped(backend.run(images), len(images), spec)

    return OpenModel(name, "tflite", spec, generation, run, graph.sha256, network_of(graph))


# Core ML ----------------------------------------------------------------------------------


def _export(converted: Converted, folder: Path, precision: str) -> Path:
    from blazepalm.converter.coreml.export import export
    from blazepalm.converter.coreml.options import CoreMLOptions

    record = export(converted, folder, CoreMLOptions(face="raw", precision=precision))
    return folder / record.name


def _package_runner(path: Path, spec: Spec) -> Runner:
    """Runs a package. Its weights are mapped, so the package may be deleted afterwards."""
    from blazepalm.reports.backends.mil import load
    from blazepalm.reports.backends.package_outputs import RawPackage

    program = load(path)
    fields = tuple(output_shapes(spec))
    declared = {feature.name: feature.type.shape or () for feature in program.outputs}
    if missing := [name for name in fields if name not in declared]:
        raise InvalidModel(
            f"{path}: has no output {', '.join(missing)}; it has {', '.join(declared)}"
        )
    shapes = tuple(tuple(size or 1 for size in declared[name]) for name in fields)
    package = RawPackage(program, fields, fields, shapes)
    program.plan()

    def run(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return _shaped(package.run(images, program.run), len(images), spec)

    return run


def _open_package(path: Path, family: str, notice: Notice) -> OpenModel:
    """Opens a package that blazepalm wrote, as its metadata describe it."""
    from blazepalm.reports.backends.mil import load

    metadata = load(path).metadata
    face = metadata.get("blazepalm.face")
    if face is None:
        raise InvalidModel(f"{path}: was not written by blazepalm, so its model is unknown")
    if face != "raw":
        raise InvalidModel(
            f"{path}: has face {face}; the pipeline runs face raw: blazepalm convert … "
            "--coreml-face raw"
        )
    try:
        found = spec_from_dict(json.loads(metadata["blazepalm.spec"]))
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidModel(f"{path}: its metadata hold no readable model structure") from error
    spec = _of_family(str(path), found, family)
    sha256 = metadata.get("blazepalm.source_sha256", "")
    known = by_sha256(sha256)
    release = known or _release_named(metadata.get("blazepalm.release"))
    if spec.generation:
        try:
            generation = generation_of(spec.generation, family)
        except UnknownRelease as error:
            raise InvalidModel(f"{path}: {error}; convert the model again") from error
    else:  # written before packages recorded it
        generation = _generation(release, family, str(path), notice)
    run = _package_runner(path, spec)
    name = release.name if release else path.stem
    network = None if known is None else known.network_sha256
    half = metadata.get("blazepalm.precision") != "fp32"
    return OpenModel(name, "coreml-mil", spec, generation, run, sha256, network, float16=half)


def _release_named(name: str | None) -> Release | None:
    """The release that a package names; its file may differ from that release's."""
    return next((release for release in load_registry().releases if release.name == name), None)
