"""Makes a `Subject` from a model's bytes: converts it in memory, exports its Core ML packages to a
folder, and opens every backend that can run it here.

Packages are read back from the folder, so the saved files are what is compared.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.float_form import float_form
from blazepalm.models.releases import generation_of
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.reports.backends.backend import (
    Backend,
    Opening,
    Registration,
    input_shape,
)
from blazepalm.reports.backends.hashing import package_sha256
from blazepalm.reports.backends.kept_answers import kept, network_of, open_answers
from blazepalm.reports.backends.litert_rewrite import without_custom_operators
from blazepalm.reports.backends.names import GENERIC, ORACLE, TFLITE, TFLITE_REF
from blazepalm.reports.backends.registry import registered
from blazepalm.reports.stages.stages import HandRules, PalmRules
from blazepalm.reports.subjects.compression import Compression, compression_of
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

INTEGER_NOTE = (
    "the file computes in integers: it is judged by the task against the float network that its "
    "numbers stand for, which is what was converted and what the float backends run"
)

# what judges somebody else's conversion
JUDGES = (ORACLE, TFLITE, TFLITE_REF, GENERIC)
NOT_ON_NOISE = (
    "only the task can judge it, by what it finds in pictures of hands: compare it with a known "
    "hand model, and on images"
)


@dataclass(frozen=True)
class Opened:
    """The backends of one model: `backends` give the file's outputs, `apps` their own;
    `artifacts`: SHA-256 of packages and programs by backend; `missing`: why an expected backend is
    absent.
    """

    backends: dict[str, Backend]
    apps: dict[str, Backend]
    artifacts: dict[str, str]
    missing: dict[str, str]


def open_subject(
    source: str,
    content: bytes,
    *,
    workers: int,
    packages: Path | None,
    images: bool = True,
    compress: str | None = None,
    only: tuple[str, ...] | None = None,
    overrides: Overrides = NO_OVERRIDES,
    folder: Path | None = None,
    asked_for: Collection[str] = (),
    candidates: Collection[str] = (),
    before_lowering: Callable[[], None] = lambda: None,
    cache: bool = False,
) -> Subject:
    """Converts one model's bytes and opens its backends (those named in `only`, else all) for
    `workers` concurrent threads. `packages` is the folder for Core ML packages; None leaves
    their backends out, and without coremltools they are `missing`. `compress` applies to the
    float16 packages. Without `images`, or for a model of no known family, backends that only
    the task can judge are left out. `asked_for` names backends that run only if named.
    `overrides` state what the file does not. `candidates` are paths of other people's conversions
    of the model: they are compared in place of our own.
    `folder` is a converted folder that was made from the file: its weights and its package are
    opened, nothing is converted or exported. `before_lowering`: see `Opening`. `cache`: whether
    packages and answers are kept across runs (`reports.backends.kept_answers`).

    Raises BlazePalmError if the model cannot be read or converted, CouldNotVerify if LiteRT cannot
    run it.
    """
    from blazepalm.converter.convert import convert_graph
    from blazepalm.converter.folder import Original, converted_folder, source_of

    graph = read_bytes(content, source)
    notes: list[str] = []

    def told(note: str) -> None:
        notes.append(note.removeprefix(f"{source if folder is None else folder}: "))

    if graph.dequantised:
        notes.append(INTEGER_NOTE)
    if folder is None:
        converted = convert_graph(graph, told, overrides)
    else:
        same = graph.sha256 == source_of(folder).sha256
        converted = converted_folder(folder, Original(source, content, same), told)
    shape = input_shape(converted.graph)
    if len(converted.graph.inputs) > 1:
        notes.append(f"seeded numbers are fed to its {len(converted.graph.inputs)} inputs")
    floats = float_form(content, source) if graph.dequantised else content
    rewritten = without_custom_operators(floats, converted.graph.source)

    def notice(note: str | None) -> None:
        if note is not None and note not in notes:
            notes.append(note)

    notice(rewritten.note)
    opening = Opening(
        converted,
        rewritten.content,
        workers,
        packages,
        compress,
        content if graph.dequantised else None,
        notice,
        before_lowering,
        cache,
    )
    opened = open_backends(opening, JUDGES if candidates else only, images, asked_for, cache)
    if compress is not None and opened.apps and folder is None:
        notes.append(f"its float16 packages are compressed: {compress}")
    compression = None if folder is None else compression_of(folder)
    if compression is not None and opened.apps:
        notes += size_against_pixels(compression)
    value_range, value_range_from = value_range_of(converted)
    foreign = open_foreign(opening, opened, candidates, value_range, images, notes)
    return Subject(
        converted=converted,
        outputs=opening.outputs,
        fields=converted.outputs,
        output_shapes=opening.output_shapes,
        input_shape=shape,
        value_range=value_range,
        value_range_from=value_range_from,
        notes=tuple(notes),
        backends=opened.backends,
        apps={name: app.run for name, app in opened.apps.items()},
        rules=_rules(converted),
        artifacts=opened.artifacts,
        missing=opened.missing,
        foreign=foreign,
        compression=compression,
    )


def size_against_pixels(compression: Compression) -> list[str]:
    """What `convert --quantize auto` measured for the folder's package, as a note; empty for any
    other package.
    """
    if not compression.curve:
        return []
    curve = "; ".join(
        f"{one.size / 1e6:.2f} MB {'–' if one.pixels is None else f'{one.pixels:.2f}'} px"
        for one in compression.curve
    )
    return [
        f"its package compresses {compression.weights} weights, each by a kind of its own; size of "
        f"the large weights against error, when it was converted: {curve}"
    ]


def open_backends(
    opening: Opening,
    only: Collection[str] | None = None,
    images: bool = True,
    asked_for: Collection[str] = (),
    cache: bool = False,
) -> Opened:
    """Every registered backend that can run the model here, or those named in `only`. Without
    `images`, or for a model of no known family, those that only the task can judge are left out.
    What has to be asked for is left out unless `asked_for` or `only` names it. `cache`: whether
    answers are kept across runs.
    """
    answers, network = (open_answers(), network_of(opening)) if cache else (None, {})
    by_task = judged_by_task(opening, images)
    backends: dict[str, Backend] = {}
    apps: dict[str, Backend] = {}
    artifacts: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name, registration in registered().items():
        package = registration.package
        if (
            (only is not None and name not in only)
            or (registration.asked_for and name not in (*asked_for, *(only or ())))
            or (package is not None and not opening.has(package))
            or (registration.by_task and not by_task)
        ):
            continue
        reason = registration.available()
        if reason is not None:
            if not registration.optional:
                missing[name] = reason
            continue
        backend = registration.open(opening)
        if backend is None:
            continue
        if package is not None:
            artifacts[name] = package_sha256(opening.export(package))
        elif isinstance(digest := getattr(backend, "artifact_sha256", None), str):
            artifacts[name] = digest
        if answers is not None:
            backend = kept(registration, backend, network, artifacts.get(name), answers)
        if package is not None and package.face == "app":
            apps[name] = backend
        else:
            backends[name] = backend
    return Opened(backends, apps, artifacts, missing)


def open_foreign(
    opening: Opening,
    opened: Opened,
    candidates: Collection[str],
    value_range: tuple[float, float],
    images: bool,
    notes: list[str],
) -> dict[str, Registration]:
    """Adds other people's conversions to the opened backends, and what was found to `notes`;
    returns their registrations by name.
    """
    if not candidates:
        return {}
    from blazepalm.reports.backends.candidate.candidate import open_candidate

    foreign: dict[str, Registration] = {}
    for path in candidates:
        taken = {*registered(), *foreign}
        found = open_candidate(path, opening, opened.backends[TFLITE], value_range, taken)
        name = found.registration.name
        foreign[name] = found.registration
        opened.artifacts[name] = found.sha256
        notes += found.notes
        if found.registration.by_task and not judged_by_task(opening, images):
            opened.missing[name] = NOT_ON_NOISE
        else:
            opened.backends[name] = found.backend
    return foreign


def judged_by_task(opening: Opening, images: bool) -> bool:
    """Whether the task can judge anything: it needs `images` and a model of a known family."""
    return images and opening.converted.recognition is not None


def value_range_of(converted: "Converted") -> tuple[tuple[float, float], str]:
    """The range of the inputs, and how it was found: `registry` for a known release, else a kind of
    evidence; 0..1 and `assumed` for a model of no known family.
    """
    recognition = converted.recognition
    if recognition is not None:
        by = recognition.spec.evidence.value_range
        return recognition.spec.value_range, "registry" if by == "release" else by
    if converted.release is not None:
        return converted.release.generation.value_range, "registry"
    return (0.0, 1.0), "assumed"


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
