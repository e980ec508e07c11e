"""A release, a file or a bundle → readable module, tensor map, proof, folder of artifacts.

The proof (`converter.proof`) runs before anything is written.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.atomic import atomic_folder, check_folder
from blazepalm.converter.architecture import Recognition, examine
from blazepalm.converter.converted import Converted, Preserved, Settled
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.destinations import Opened, open_source
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides, settle, summary
from blazepalm.converter.evidence.roles import renamed
from blazepalm.converter.gesture_structure import GestureRecognition, recognise_gestures
from blazepalm.converter.known import release_of
from blazepalm.converter.layout import channels_first, check_layout_name
from blazepalm.converter.litert_probe import refusal
from blazepalm.converter.normal_form import channels_last
from blazepalm.converter.proof import prove, prove_gestures, prove_normal_form
from blazepalm.converter.tflite import read
from blazepalm.converter.tflite.bundle import left_out
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.threads import one_torch_thread
from blazepalm.converter.wanted import CoreMLChoice, TFLiteChoice, Wanted
from blazepalm.errors import (
    ArtifactError,
    BlazePalmError,
    InvalidModel,
    check_path,
    python_words,
)
from blazepalm.models.release_registry import Release
from blazepalm.models.releases import resolve
from blazepalm.models.spec import PalmDetectorSpec, in_file

if TYPE_CHECKING:
    from blazepalm.converter.lowering import LoweredGraph

Notice = Callable[[str], None]
OnFailure = Callable[[BlazePalmError], None]

NO_TASK = "its values can be measured on pictures of hands only, which it does not read"
SOURCE = "a release, a .tflite file or a bundle"  # what is converted


def warn(message: str) -> None:
    """A notice to Python's user."""
    print(f"warning: {python_words(message)}", file=sys.stderr)


def module_of(
    file_or_release: str | Path,
    notice: Notice = warn,
    overrides: Overrides = NO_OVERRIDES,
    layout: str = "nhwc",
) -> Converted:
    """Converts in memory and proves the result; writes nothing. Raises InvalidInput or
    UnknownRelease if `overrides` do not fit the model, and as `convert_graph` does.
    """
    graph = read(resolve(str(file_or_release)))
    converted = convert_graph(graph, notice, overrides, layout)
    overrides.check_used([converted.family])
    return converted


def convert_graph(
    graph: Graph,
    notice: Notice = warn,
    overrides: Overrides = NO_OVERRIDES,
    layout: str = "nhwc",
    settled: Settled | None = None,
) -> Converted:
    """Lowers, recognises, settles what the file does not state, transfers the weights, proves.
    Raises UnsupportedOperator, WeightTransferError, or InvalidInput if `overrides` do not fit.
    `layout` is that of the images which a graph of no known family takes: the file's own ("nhwc"),
    or N, C, H, W ("nchw"), which readable modules take in any case. Raises ArtifactError for
    another layout. `settled`: what another file of the same network has shown, so that nothing is
    looked for.
    """
    import torch

    check_layout_name(layout)

    from blazepalm.converter.loading import from_here
    from blazepalm.converter.lowering import lower
    from blazepalm.converter.weights import readable_keys, transfer
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

    generic = lower(graph)
    release = release_of(graph)
    recognition, reason = examine(graph)
    if recognition is not None and recognition.normal.inputs != graph.inputs:
        graph = channels_last(graph)  # every image is N, H, W, C from here on
        generic = lower(graph)
        recognition, reason = examine(graph)
    if recognition is None and (gesture := recognise_gestures(graph)[0]) is not None:
        return _gesture_network(graph, release, generic, gesture)
    if recognition is None:
        if layout == "nchw":
            turned = channels_first(graph)
            if turned is graph:
                notice(f"{graph.source}: no input is an N, H, W, C image; layout nchw ignored")
            graph, generic = turned, lower(turned)
        notice(
            f"{graph.source}: no known family ({reason}); converted operator by operator: the "
            f"module takes {_listed(graph, graph.inputs)} and returns "
            f"{_listed(graph, graph.outputs)}"
        )
        rows = transfer(graph, {b: b.key for b in generic.bindings}, generic)
        known = Preserved(graph.rewrites)
        from_here(generic, graph.source)
        return Converted(graph, release, None, reason, generic, generic, rows, generic, known)
    if settled is None:
        recognition = settle(graph, recognition, overrides, notice)
    else:
        recognition = as_settled(graph, recognition, settled)
    spec = recognition.spec
    if release is None:
        notice(f"{graph.source}: not a known release: {summary(spec)}")
    with torch.device("meta"):  # the values are replaced: allocate and initialise nothing
        module = PalmDetector(spec) if isinstance(spec, PalmDetectorSpec) else HandLandmarks(spec)
    rewritten = recognition.normal is not graph
    normal = lower(recognition.normal) if rewritten else generic
    keys = readable_keys(recognition.normal, normal.bindings, recognition.modules)
    rows = transfer(recognition.normal, keys, module)
    from_here(module, graph.source).eval()
    converted = Converted(graph, release, recognition, "", generic, module, rows, normal)
    images = prove(converted)
    if not rewritten:
        return replace(converted, preserved=Preserved(graph.rewrites))
    with one_torch_thread():
        preserved = prove_normal_form(graph, generic, recognition.normal, normal, images)
    return replace(converted, preserved=preserved)


def _gesture_network(
    graph: Graph, release: Release | None, generic: "LoweredGraph", gesture: GestureRecognition
) -> Converted:
    """A network of landmarks or embeddings, its weights transferred and proved."""
    from blazepalm.converter.loading import from_here
    from blazepalm.converter.weights import readable_keys, transfer
    from blazepalm.models.gestures import gesture_module

    module = gesture_module(gesture.spec)
    rows = transfer(graph, readable_keys(graph, generic.bindings, gesture.modules), module)
    from_here(module, graph.source).eval()
    known = Preserved(graph.rewrites)
    converted = Converted(
        graph, release, None, "", generic, module, rows, generic, known, gesture=gesture
    )
    prove_gestures(converted)
    return converted


def as_settled(graph: Graph, recognition: Recognition, settled: Settled) -> Recognition:
    """The recognition with what is known already. Raises InvalidModel for another structure."""
    if len(settled.outputs) == len(recognition.outputs):
        found = renamed(recognition, settled.outputs)
        if in_file(found.spec) == in_file(settled.spec):
            return replace(found, spec=settled.spec)
    raise InvalidModel(f"{graph.source}: its network is not the one that was recorded")


def _listed(graph: Graph, tensors: tuple[int, ...]) -> str:
    """`image` N×4×4×3, in the file's axis order; the first axis is the batch."""
    found = [graph.tensors[t] for t in tensors]
    return ", ".join(f"{t.name!r} {'×'.join(('N', *map(str, t.shape[1:])))}" for t in found)


def convert(
    source: str | Path,
    output: str | Path | None = None,
    *,
    force: bool = False,
    overrides: Overrides = NO_OVERRIDES,
    layout: str = "nhwc",
    coreml: CoreMLChoice = CoreMLOptions(),  # noqa: B008, it is frozen
    tflite: TFLiteChoice = None,
    pte: str | None = None,
    aimodel: str | None = None,
    anyway: bool = False,
    notice: Notice = warn,
    on_failure: OnFailure | None = None,
) -> list[Path]:
    """Writes the artifacts of a release, a `.tflite` file or each model of a bundle.

    `output` is the folder to make (for a bundle of several models, the parent of one folder per
    model); by default the release's name, in the current folder. An existing folder is refused
    unless `force` is set, which replaces it only if it is empty or an earlier conversion. The
    folders are written all together or not at all. `overrides` state what the files do not (roles
    of outputs, value range, generation); evidence decides the rest. `layout`: of the images that a
    graph of no known family takes, the file's own ("nhwc") or "nchw". `coreml` are the options of
    the Core ML package, or a function that finds them for each model; None leaves it out.
    A graph of no known family has the raw face only. `tflite` makes a TFLite file in integers from
    each model and its file's bytes (`IntegerFile`), or returns None; None leaves it out. `pte` adds
    an ExecuTorch program for that delegate, "xnnpack" or "coreml"; `aimodel` a Core AI program,
    experimental, for iOS 27 and macOS 27, in "fp16" or "fp32". A file that LiteRT, where it is
    installed, refuses or dies of is refused, unless `anyway` is set. If `on_failure` is given, it
    is called with each member of a bundle that cannot be read or converted, and the others are
    converted; otherwise the error is raised and nothing is written.
    Returns the folders.
    """
    check_path(source, SOURCE)
    wanted = Wanted(overrides, layout, coreml, tflite, pte, aimodel, anyway)
    wanted.check()
    return convert_opened(open_source(source, output), wanted, force, notice, on_failure)


def convert_opened(
    opened: Opened,
    wanted: Wanted,
    force: bool = False,
    notice: Notice = warn,
    on_failure: OnFailure | None = None,
) -> list[Path]:
    """As `convert`, of what has been read, with options that have been checked."""
    from blazepalm.converter.artifacts import write_artifacts
    from blazepalm.converter.loading import owned_files

    read, folders = opened
    if on_failure is None or not read.is_bundle:
        on_failure = _raise
    for failure in read.failures:
        on_failure(failure)
    if note := left_out(read.contents):
        notice(note)
    for folder in folders:
        check_folder(folder, owned=owned_files, force=force)
    converted, contents = [], dict(read.contents.models)
    for graph, folder in zip(read.graphs, folders, strict=True):
        try:
            if not wanted.anyway and (reason := refusal(contents[graph.source])):
                raise InvalidModel(
                    f"{graph.source}: LiteRT refuses this file: {reason}; give --anyway to convert "
                    "it all the same"
                )
            converted.append(
                (convert_graph(graph, notice, wanted.overrides, wanted.layout), folder)
            )
        except BlazePalmError as error:
            on_failure(error)
    if converted:
        wanted.overrides.check_used([model.family for model, _ in converted])
    written = []
    with ExitStack() as whole:  # all folders appear at the end, or none do
        for model, folder in converted:
            try:
                with ExitStack() as own:
                    place = own.enter_context(atomic_folder(folder, owned=owned_files, force=force))
                    options = _coreml_for(model, wanted.coreml, notice)
                    integers = None
                    if wanted.tflite is not None:
                        integers = wanted.tflite(model, contents[model.graph.source])
                        if integers is None:
                            notice(f"{model.graph.source}: no TFLite file in integers: {NO_TASK}")
                    write_artifacts(
                        model,
                        place,
                        options,
                        wanted.pte,
                        aimodel=wanted.aimodel,
                        integers=integers,
                    )
                    whole.push(own.pop_all())
            except ArtifactError:
                raise  # from the disk: the others would not fit either
            except BlazePalmError as error:
                on_failure(error)
                continue
            written.append(folder)
    return written


def _raise(error: BlazePalmError) -> None:
    raise error


def _coreml_for(model: Converted, options: CoreMLChoice, notice: Notice) -> CoreMLOptions | None:
    """The options; the raw face if the model has no other."""
    if options is not None and not isinstance(options, CoreMLOptions):
        options = options(model)
    if options is None or model.recognition is not None or options.face == "raw":
        return options
    why = "its family is unknown" if model.gesture is None else "it takes no image"
    notice(f"{model.graph.source}: the Core ML package gets the raw face: {why}")
    return replace(options, face="raw")
