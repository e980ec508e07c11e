"""Opens files, releases and packages for the hand pipeline in any backend: `torch` (the readable
modules), `fast` (the quickest form of these), `tflite` (Google's runtime on the file itself, no
torch needed), `coreml` (a package of face `raw`, executed by blazepalm, not by Apple's runtime), or
any registered one.

Files do not hold value range, thresholds and regions, and may put their outputs in any order. A
converted model keeps what it was converted with; for a plain file, `converter.evidence` finds them,
and `notice` reports how.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.choose import choose, is_bundle_with
from blazepalm.converter.convert import convert_graph, warn
from blazepalm.converter.converted import Converted
from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.converter.folder import (
    converted_folder,
    is_converted,
    original,
    package_of,
    source_of,
)
from blazepalm.converter.known import network_of
from blazepalm.converter.loading import load, read_record, structure_of
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import CouldNotVerify, InvalidInput, InvalidModel, NoDevice, unknown_name
from blazepalm.models.anchors import anchors_from_heads
from blazepalm.models.gesture_spec import GestureSpec
from blazepalm.models.release_registry import load_registry
from blazepalm.models.releases import generation_of
from blazepalm.models.runners import HandModels, Runner, forward_runner, torch_runner
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, Spec
from blazepalm.models.tasks import RULES, SOLUTIONS, TASKS
from blazepalm.reports.backends.backend import FLOAT16, Opening
from blazepalm.reports.backends.names import FAST, PIPELINE, TORCH
from blazepalm.reports.backends.registry import registered, runs_pipeline
from blazepalm.reports.hands.open_model import Notice, OpenModel, Source, of_family, shaped
from blazepalm.reports.hands.open_package import (
    export_raw,
    is_package,
    open_package,
    package_runner,
)
from blazepalm.reports.hands.open_tflite import open_tflite

if TYPE_CHECKING:
    import torch
    from torch import nn


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
    if not isinstance(palm, str | Path) or is_package(Path(palm)) or is_converted(palm):
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
    callers: int = 1,
    device: "torch.device | None" = None,
    in_turn: bool = False,
) -> OpenModel:
    """Opens one network. It must be of `family` ("palm" or "hand"), which also selects it from a
    bundle. `threads` applies to LiteRT, `precision` to the Core ML package made here; an
    `.mlpackage` has its own, and only the backend `coreml` runs it. `overrides` state what a file
    does not; they do not apply to a package or a converted model. `device` (`gpu_of`): where the
    backend `torch` computes, if not on the CPU. `callers`, `in_turn`: as for `open_finder`.

    Raises UnknownRelease, InvalidModel (also for a model of another family or of none),
    UnsupportedOperator, and CouldNotVerify where a backend is missing or cannot run the model.
    """
    if backend == "coreml":
        need_coremltools("backend coreml", "choose backend torch or tflite", CouldNotVerify)
    if isinstance(model, str | Path) and is_package(Path(model)):
        if backend != "coreml":
            raise InvalidModel(f"{model}: is a Core ML package; choose backend coreml")
        return open_package(Path(model), family, notice)
    if isinstance(model, str | Path) and is_converted(model):
        folder = Path(model)
        if overrides.concern(family):
            raise InvalidInput(
                f"{folder}: a converted folder states its outputs, range, generation"
            )
        package = package_of(folder)
        if backend == "coreml" and package is not None and package[1].get("face") == "raw":
            return open_package(package[0], family, notice)
        if backend in (TORCH, FAST):
            return _open_folder(folder, family, backend, callers, device)
        model = converted_folder(folder, original(folder), notice)
    if backend == "tflite":
        return open_tflite(model, family, threads, notice, overrides, callers, in_turn)
    if not runs_pipeline(backend):
        raise CouldNotVerify(unknown_name("backend", backend, PIPELINE))
    converted = model
    if not isinstance(converted, Converted):
        source, content = choose(converted, family)
        converted = convert_graph(read_bytes(content, source), notice, overrides)
    recognition = converted.recognition
    spec = of_family(model, None if recognition is None else recognition.spec, family)
    generation = generation_of(spec.generation, family)
    digests = converted.graph.sha256, network_of(converted.graph)
    if backend in (TORCH, FAST):
        module = converted.module if backend == TORCH else None
        backend, run = _module_runner(converted.module, backend, callers, device)
        return OpenModel(converted.name, backend, spec, generation, run, *digests, module=module)
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as made:
        if backend == "coreml":
            backend = "coreml-mil"
            run = package_runner(export_raw(converted, Path(made), precision), spec)
            half = precision == "fp16"
        else:
            _, content = choose(converted.graph.source, family)
            run = _registered_runner(converted, content, backend, Path(made), spec, notice, callers)
            half = registered()[backend].precision == FLOAT16
    return OpenModel(converted.name, backend, spec, generation, run, *digests, float16=half)


def _open_folder(
    folder: Path, family: str, backend: str, callers: int, device: "torch.device | None"
) -> OpenModel:
    """Opens a converted folder's own weights; the file that they come from is not needed."""
    module, structure = load(folder), structure_of(folder, read_record(folder))
    known = None if isinstance(structure, Graph | GestureSpec) else structure
    spec = of_family(folder, known, family)
    source = source_of(folder)
    plain = module if backend == TORCH else None
    backend, run = _module_runner(module, backend, callers, device)
    return OpenModel(
        name=folder.absolute().name,
        backend=backend,
        spec=spec,
        generation=generation_of(spec.generation, family),
        run=run,
        sha256=source.sha256,
        network_sha256=source.network_sha256 or None,
        module=plain,
    )


def gpu_of(device: str, backend: str) -> "torch.device | None":
    """The GPU that `device` names ("cuda", "cuda:1"), None for "cpu". Raises NoDevice for one that
    is not there, and for a backend that does not compute on it.
    """
    if device == "cpu":
        return None
    if backend != TORCH:
        raise NoDevice(f"--device {device} needs --backend torch, not {backend}")
    from blazepalm.models.batched.networks import device_of

    found = device_of(device)
    return found if found.type == "cuda" else None


def _module_runner(
    module: "nn.Module", backend: str, callers: int, device: "torch.device | None"
) -> tuple[str, Runner]:
    """The backend's name, with the form that `fast` chose or the GPU, and the module run by it."""
    if device is not None:
        from blazepalm.models.batched.networks import device_runner

        return f"{TORCH}:{device}", device_runner(module, device)
    if backend == TORCH:
        return TORCH, torch_runner(module)
    from blazepalm.reports.forms.fast import choose
    from blazepalm.reports.forms.make import PLAIN

    choice, forward, _ = choose(module, callers=callers)
    run = torch_runner(module) if choice.chosen == PLAIN else forward_runner(forward)
    return f"{FAST}:{choice.chosen}", run


def _registered_runner(
    converted: Converted,
    content: bytes,
    name: str,
    folder: Path,
    spec: Spec,
    notice: Notice,
    callers: int,
) -> Runner:
    """Runs the model in any backend of the registry."""
    from blazepalm.reports.backends.litert_rewrite import without_custom_operators

    registration = registered()[name]
    content = without_custom_operators(content, converted.graph.source).content
    opening = Opening(converted, content, callers, packages=folder, notice=notice)
    reason = registration.available()
    backend = registration.open(opening) if reason is None else None
    if backend is None:
        raise CouldNotVerify(reason or f"{converted.graph.source}: backend {name} cannot run it")
    fields = dict(zip(opening.outputs, converted.outputs, strict=True))

    def run(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        found = {fields[output]: values for output, values in backend.run(images).items()}
        return shaped(found, len(images), spec)

    return run
