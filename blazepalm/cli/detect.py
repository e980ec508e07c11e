"""`blazepalm detect`: the hands of pictures, folders, patterns, videos and the camera: printed,
drawn as PNG and MP4, written as JSON (`reports/stored/schemas/detections.schema.json`) and CSV.

Everything is written frame by frame, whole or not at all. What cannot be read is told in one
sentence on stderr, the others are processed, and the exit code is 2 (130 after Ctrl-C, which
completes the files first). Coordinates in JSON and CSV are normalised to the image (0 to 1,
left to right and top to bottom); in the table, pixels.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.app import BAD_INPUT
from blazepalm.cli.choices import check_choice
from blazepalm.errors import InvalidImage
from blazepalm.reports.backends.names import PIPELINE

if TYPE_CHECKING:
    from blazepalm.cli.detecting import Failures
    from blazepalm.media.frames import Source

NONE = "none"
LANDMARKS = "hand-full"


def detect(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Pictures, videos, folders, patterns ('*.jpg'), `camera` or `camera:1`.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="FILE_OR_RELEASE",
            help="The palm detector, or a bundle of both models.",
        ),
    ] = "palm-full",
    landmarks: Annotated[
        str | None,
        typer.Option(
            "--landmarks",
            metavar="FILE_OR_RELEASE",
            help="The landmark model; `none` stops at the palms.",
            show_default=f"the bundle's, else {LANDMARKS}",
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            "--backend",
            metavar="|".join(PIPELINE),
            help="What runs them; `coreml` is executed by blazepalm, not by Apple's runtime.",
        ),
    ] = "torch",
    draw: Annotated[
        Path | None,
        typer.Option(
            "--draw",
            metavar="FILE|DIR",
            help="Draw them: one picture to a .png or .jpg, several and videos into a folder.",
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(
            "--video", metavar="FILE|DIR", help="Draw videos as .mp4; several into a folder."
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A table, a row a hand.")
    ] = None,
    output_json: Annotated[
        Path | None,
        typer.Option("--output-json", metavar="FILE", help="What --json prints, to a file."),
    ] = None,
    max_hands: Annotated[
        int | None,
        typer.Option(
            "--max-hands",
            min=1,
            metavar="N",
            help="So many hands at most.",
            show_default="all, or 2 that are followed",
        ),
    ] = None,
    track: Annotated[
        bool | None,
        typer.Option(
            "--track/--no-track",
            help="Follow hands from frame to frame.",
            show_default="in videos and of the camera",
        ),
    ] = None,
    max_frames: Annotated[
        int | None,
        typer.Option(
            "--max-frames", min=1, metavar="N", help="So many frames of a video or camera at most."
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            "--threads", min=1, max=64, metavar="N", help="Threads a model computes with."
        ),
    ] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Find hands in pictures and videos: palm box, score, 21 landmarks, left or right.

    Left and right are the hand's own in a picture that is not mirrored.

    An input that cannot be read is told on stderr, the others are processed,
    and the exit code is 2. Ctrl-C completes what is being written; then it is 130.
    """
    from blazepalm.reports.backends.registry import runs_pipeline

    if not runs_pipeline(backend):  # more than are offered: any that gives a file's own outputs
        check_choice("--backend", backend, PIPELINE)
    if landmarks == NONE and track:
        raise typer.BadParameter("--track needs landmarks, and --landmarks is none")
    from blazepalm.cli.detecting import Work, run
    from blazepalm.cli.outputs import settle
    from blazepalm.reports.hands.finder import open_finder

    failures: Failures = []
    sources = find_all(inputs, failures)
    if not sources:
        raise typer.Exit(BAD_INPUT)
    outputs = settle(sources, draw=draw, video=video, csv=csv, json=output_json, force=force)
    hand = None if landmarks == NONE else landmarks or landmarks_beside(model)
    with torch_threads(backend, threads):
        names = dict.fromkeys(name for name in (model, hand) if name)
        with console.working(f"opening {' and '.join(names)}"):
            finder = open_finder(
                model, hand, backend, console.warn, threads=threads, max_hands=max_hands
            )
        run(Work(sources, outputs, finder, track, max_frames, failures, as_json))


def landmarks_beside(model: str) -> str:
    """The landmark model that goes with a detector: the same bundle's, where it has one."""
    from blazepalm.converter.choose import is_bundle_with
    from blazepalm.converter.tflite.foreign import is_core_ml

    if is_core_ml(Path(model)) or not is_bundle_with(model, "hand"):
        return LANDMARKS
    return model


def find_all(inputs: Sequence[str], failures: "Failures") -> "list[Source]":
    """The sources of all inputs, each once; an input that names nothing is told and noted."""
    from blazepalm.cli.detecting import fail
    from blazepalm.media.frames import find_sources

    found: dict[str, Source] = {}
    for given in inputs:
        try:
            for source in find_sources([given]):
                camera = source.kind == "camera"
                found.setdefault(source.path if camera else os.path.realpath(source.path), source)
        except InvalidImage as error:
            fail(failures, given, error)
    return list(found.values())


def torch_threads(backend: str, threads: int) -> AbstractContextManager[None]:
    """Torch computes with as many threads as were asked for; LiteRT is told when it is opened."""
    if backend == "tflite":
        return nullcontext()
    import torch

    from blazepalm.converter.threads import one_torch_thread

    if threads == 1:
        return one_torch_thread()
    torch.set_num_threads(threads)
    return nullcontext()
