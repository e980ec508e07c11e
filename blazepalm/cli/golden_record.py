"""`blazepalm golden record` stores the hands found in a golden folder's pictures (mainly your own)
there as `recorded.json`; `golden check` finds the hands again and compares.

Exit code of `check`: 0 all as recorded, 1 something differs, 2 bad input (including a damaged
recording), 3 nothing was recorded.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import to_builtins

from blazepalm.atomic import atomic_file, check_file, claim
from blazepalm.cli import console
from blazepalm.cli.choices import check_choice
from blazepalm.cli.model_options import (
    GenerationOption,
    OutputsOption,
    ValueRangeOption,
    model_option,
    overrides_of,
)
from blazepalm.errors import ArtifactError, CouldNotVerify
from blazepalm.text import printable

if TYPE_CHECKING:
    from blazepalm.converter.evidence import Overrides
    from blazepalm.reports.hands.open_model import OpenModel
    from blazepalm.reports.recording.recorded_file import ModelName, Recording

DETECTOR, LANDMARKS = "palm-full", "hand-full"
RECORDED_BY = ("torch", "tflite")  # a Core ML package is checked, never the expectation
CHECKED_BY = (*RECORDED_BY, "coreml")
PRECISIONS = ("fp32", "fp16")

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="GOLDEN", help="A folder made by `blazepalm golden make`.", show_default=False
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NAME", help="Only this case; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]


def record(
    folder: Folder,
    detector: Annotated[
        str,
        model_option("--detector", "The palm detector."),
    ] = DETECTOR,
    landmarks: Annotated[
        str,
        model_option("--landmarks", "The landmark model."),
    ] = LANDMARKS,
    backend: Annotated[
        str, typer.Option("--backend", metavar="|".join(RECORDED_BY), help="What runs the models.")
    ] = "tflite",
    outputs: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    only: Only = None,
    force: Annotated[
        bool, typer.Option("--force", help="Record again cases that are already recorded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Record the hands found in every picture, for `golden check` to compare with.

    Cases already recorded stay as they are.
    """
    from blazepalm.golden.manifest import load_golden
    from blazepalm.golden.own import RECORDING
    from blazepalm.reports.recording.recording import choose
    from blazepalm.reports.recording.recording import record as find_all
    from blazepalm.reports.render.terminal_cells import count

    check_choice("--backend", backend, RECORDED_BY)
    overrides = overrides_of(outputs, generation, value_range)
    golden, path = load_golden(folder), folder / RECORDING
    choose(golden, only)  # before the models are opened
    check_file(path, force=True, inputs=[folder / case.file for case in golden.cases])
    with _claimed(folder), _one_thread(backend):
        golden = load_golden(folder)  # another process may have changed it in the meantime
        palm, hand = _open(detector, landmarks, backend, overrides)
        with console.progress() as on_step:
            found, names = find_all(
                golden,
                palm,
                hand,
                names=only,
                force=force,
                on_case=lambda name, done, total: on_step("recording", done, total),
            )
        content = found.to_bytes()
        if not path.is_file() or path.read_bytes() != content:
            with atomic_file(path) as temporary:
                temporary.write_bytes(content)
    hands = sum(len(case.hands) for case in found.cases)
    if as_json:
        values = {"file": str(path), "models": to_builtins(found.models), "recorded": list(names)}
        console.emit_json({**values, "cases": len(found.cases), "hands": hands})
        return
    console.out(
        f"recorded: {count(len(found.cases), 'picture')}, {len(names)} of them now, with "
        f"{count(hands, 'hand')}",
        f"with:     {printable(str(found.models))}",
        f"file:     {printable(str(path))}",
    )


def check(
    folder: Folder,
    detector: Annotated[
        str | None,
        model_option(
            "--detector", "Another palm detector, or its Core ML package.", "the recorded release"
        ),
    ] = None,
    landmarks: Annotated[
        str | None,
        model_option(
            "--landmarks", "Another landmark model, or its Core ML package.", "the recorded release"
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend",
            metavar="|".join(CHECKED_BY),
            help="What runs the models; `coreml` is executed by blazepalm, not Apple's runtime.",
            show_default="the recorded backend",
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="|".join(PRECISIONS),
            help="Precision of packages made for `coreml`; fp16 is judged by float16's limits.",
        ),
    ] = PRECISIONS[0],
    outputs: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    only: Only = None,
    as_json: AsJson = False,
) -> None:
    """Find hands in the recorded pictures again, and compare them with the recorded ones."""
    from blazepalm.cli.recording_tables import show
    from blazepalm.golden.manifest import load_golden
    from blazepalm.golden.own import RECORDING
    from blazepalm.reports.recording.check import check_recording
    from blazepalm.reports.recording.recorded_file import load_recording
    from blazepalm.reports.recording.recording import models_of

    if backend is not None:
        check_choice("--backend", backend, CHECKED_BY)
    check_choice("--precision", precision, PRECISIONS)
    overrides = overrides_of(outputs, generation, value_range)
    golden, known = load_golden(folder), load_recording(folder)
    if known is None:
        raise CouldNotVerify(
            f"{folder / RECORDING}: nothing is recorded yet; run blazepalm golden record first"
        )
    backend = backend or known.models.backend
    detector = detector or _release(known.models.detector, "--detector")
    landmarks = landmarks or _release(known.models.landmarks, "--landmarks")
    with _one_thread(backend):
        palm, hand = _open(detector, landmarks, backend, overrides, precision)
        _tell_others(known, palm, hand)
        with console.progress() as on_step:
            found = check_recording(
                golden,
                known,
                palm,
                hand,
                names=only,
                on_case=lambda name, done, total: on_step("looking again", done, total),
            )
    if as_json:
        models = to_builtins({"expected": known.models, "found": models_of(palm, hand)})
        values = {"file": str(folder / RECORDING), "models": models, **found.to_values()}
        console.emit_json(values)
    else:
        show(found)
    raise typer.Exit(0 if found.passed else 1)


def _open(
    detector: str,
    landmarks: str,
    backend: str,
    overrides: "Overrides",
    precision: str = "fp16",
) -> "tuple[OpenModel, OpenModel]":
    from blazepalm.reports.hands.open_models import open_model

    overrides.check_used(("palm", "hand"))
    with console.working(f"opening {detector} and {landmarks}"):
        palm, hand = (
            open_model(
                model,
                family,
                backend,
                precision=precision,
                notice=console.warn,
                overrides=overrides,
            )
            for model, family in ((detector, "palm"), (landmarks, "hand"))
        )
    return palm, hand


def _release(model: "ModelName", option: str) -> str:
    """The release of the recorded file or network, since its name may be anything."""
    release = model.release
    if release is None:
        raise ArtifactError(
            f"recorded with {model.name}, which is not a known release; give the file with {option}"
        )
    return release.name


def _tell_others(known: "Recording", palm: "OpenModel", hand: "OpenModel") -> None:
    from blazepalm.reports.recording.recording import models_of

    now, then = models_of(palm, hand), known.models
    for model, was in ((now.detector, then.detector), (now.landmarks, then.landmarks)):
        if not model.is_same(was):
            console.warn(f"{model.name} is not the recorded model, {was.name}")


def _claimed(folder: Path) -> AbstractContextManager[object]:
    """Keeps `golden make` and other recordings from replacing the folder's files meanwhile; where
    the folder above cannot be written, they cannot either.
    """
    place = Path(os.path.realpath(folder))
    return claim(place, wait=True) if os.access(place.parent, os.W_OK) else nullcontext()


def _one_thread(backend: str) -> Any:
    from blazepalm.cli.detect import torch_threads

    return torch_threads(backend, 1)
