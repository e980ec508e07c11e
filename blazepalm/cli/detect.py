"""`blazepalm detect`: finds the hands in pictures, folders, patterns, videos and the camera; prints
them, draws PNG and MP4, writes JSON (`blazepalm report schema detections`) and CSV.

Files are written frame by frame, whole or not at all. An unreadable input costs one sentence on
stderr; the others are processed, and the exit code is 2 (130 after Ctrl-C, which completes the
files first). Coordinates in JSON and CSV are normalised to the image (0 to 1, left to right and
top to bottom); the table has pixels.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.app import BAD_INPUT
from blazepalm.cli.choices import check_choice
from blazepalm.cli.model_options import (
    GenerationOption,
    OutputsOption,
    ValueRangeOption,
    model_option,
    overrides_of,
)
from blazepalm.errors import InvalidImage
from blazepalm.freed_memory import keep_freed_memory
from blazepalm.processor import usable_processors
from blazepalm.reports.backends.names import FAST, PIPELINE

if TYPE_CHECKING:
    from blazepalm.media.frames import Source
    from blazepalm.reports.hands.detections import FailureRecord

NONE = "none"
MOST_JOBS = 8  # pictures at a time, unless more are asked for: each takes memory
HANDS = 2  # of one picture or frame that are looked at at the same time
MANY = 500  # pictures and frames: what cropping them by a compiled kernel saves is its compilation


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
        model_option("--model", "The palm detector, or a bundle of both models."),
    ] = "palm-full",
    landmarks: Annotated[
        str | None,
        model_option(
            "--landmarks",
            "The landmark model; `none` stops at the palms.",
            "the bundle's, else hand-full",
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            "--backend",
            metavar="|".join(PIPELINE),
            help="What runs the models; `coreml` is executed by blazepalm, not Apple's runtime. "
            "`fast` measures the forms of the readable modules once (with a C++ compiler or "
            "the extra `openvino`, as fast as TFLite) and remembers the quickest.",
        ),
    ] = "torch",
    draw: Annotated[
        Path | None,
        typer.Option(
            "--draw",
            metavar="FILE|DIR",
            help="Draw the hands: one picture to a .png or .jpg, several or videos to a folder.",
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(
            "--video", metavar="FILE|DIR", help="Draw videos as .mp4; several to a folder."
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a table, one row per hand.")
    ] = None,
    output_json: Annotated[
        Path | None,
        typer.Option("--output-json", metavar="FILE", help="Write what --json prints to a file."),
    ] = None,
    max_hands: Annotated[
        int | None,
        typer.Option(
            "--max-hands",
            min=1,
            metavar="N",
            help="Maximum number of hands.",
            show_default="all, or 2 when tracking",
        ),
    ] = None,
    track: Annotated[
        bool | None,
        typer.Option(
            "--track/--no-track",
            help="Track hands from frame to frame.",
            show_default="in videos and camera input",
        ),
    ] = None,
    max_frames: Annotated[
        int | None,
        typer.Option(
            "--max-frames", min=1, metavar="N", help="Maximum frames from a video or camera."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            metavar="tasks|solutions",
            help="Find hands as MediaPipe 1 (`tasks`) or as MediaPipe until 0.10 (`solutions`).",
            show_default="tasks for a bundle, else solutions",
        ),
    ] = None,
    gestures: Annotated[
        bool, typer.Option("--gestures", help="Name the gesture of each hand, as MediaPipe does.")
    ] = False,
    gesture_model: Annotated[
        str | None,
        typer.Option(
            "--gesture-model",
            metavar="BUNDLE",
            help="The gestures' embedder and classifiers; implies --gestures.",
            show_default="--model's, or gesture-recognizer-1 if it has none",
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            "--threads",
            min=1,
            max=64,
            metavar="N",
            help="Threads per model; for a single picture LiteRT uses at least 2, unless --jobs 1.",
        ),
    ] = 1,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="cpu|cuda|cuda:N",
            help="Where `--backend torch` computes the networks; the rest stays on the CPU.",
        ),
    ] = "cpu",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            max=64,
            metavar="N",
            help="Pictures at a time; 1: nothing of a video ahead, either.",
            show_default="the number of processors, 8 at most",
        ),
    ] = None,
    roles: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Find hands in pictures and videos: palm box, score, 21 landmarks, left or right.

    Left and right mean the person's own hand, in a picture that is not mirrored, by either
    rule. MediaPipe's tasks name it so, too, its solutions the other way round.

    If an input cannot be read, the error goes to stderr, the others are still processed,
    and the exit code is 2. Ctrl-C completes the files being written; the exit code is then 130.
    """
    from blazepalm.reports.backends.registry import runs_pipeline

    if not runs_pipeline(backend):  # also allows backends that --help does not list
        check_choice("--backend", backend, PIPELINE)
    if rule is not None:
        from blazepalm.models.tasks import RULES

        check_choice("--rule", rule, RULES)
    if landmarks == NONE and track:
        raise typer.BadParameter("--track needs landmarks, but --landmarks is none")
    if landmarks == NONE and rule is not None:
        raise typer.BadParameter("--rule needs landmarks, but --landmarks is none")
    if landmarks == NONE and (gestures or gesture_model):
        raise typer.BadParameter("--gestures needs landmarks, but --landmarks is none")
    from blazepalm.cli.detecting import Work, expected_from, run
    from blazepalm.cli.outputs import settle
    from blazepalm.reports.hands.finder import landmarks_beside, open_finder
    from blazepalm.reports.hands.gestures import gestures_beside

    keep_freed_memory()
    overrides = overrides_of(roles, generation, value_range)
    failures: list[FailureRecord] = []
    sources = find_all(inputs, failures)
    if not sources:
        raise typer.Exit(BAD_INPUT)
    outputs = settle(sources, draw=draw, video=video, csv=csv, json=output_json, force=force)
    hand = None if landmarks == NONE else str(landmarks or landmarks_beside(model))
    pictures = sum(source.kind == "image" for source in sources)
    at_once = 1 if track else max(1, min(jobs or min(usable_processors(), MOST_JOBS), pictures))
    named = gesture_model or (gestures_beside(model) if gestures else None)
    (expected, *_) = expected_from(sources, max_frames)
    with torch_threads(backend, threads):
        names = dict.fromkeys(name for name in (model, hand) if name)
        with console.working(f"opening {' and '.join(names)}"):
            finder = open_finder(
                model,
                hand,
                backend,
                console.warn,
                threads=threads,
                max_hands=max_hands,
                rule=rule,
                overrides=overrides,
                gestures=named,
                device=device,
                callers=max(at_once, min(jobs or usable_processors(), HANDS)),
                in_turn=at_once == 1 and all(source.kind != "video" for source in sources),
                many=expected is None or expected >= MANY,
            )
        if backend == FAST:
            console.note(f"computed by {finder.models['backend']}")
        run(
            Work(
                sources,
                outputs,
                finder,
                track,
                max_frames,
                failures,
                as_json,
                at_once,
                torch_threads_prepared(backend, threads),
                detects_ahead=(jobs or usable_processors()) > 1,
            )
        )


def find_all(inputs: Sequence[str], failures: "list[FailureRecord]") -> "list[Source]":
    """The sources of all inputs, each once; reports and records inputs that match nothing, and
    what folders hold besides pictures and videos.
    """
    from blazepalm.cli.detecting import fail
    from blazepalm.media.frames import find_sources

    def skip(path: Path, sentence: str) -> None:
        fail(failures, str(path), InvalidImage(sentence))

    found: dict[str, Source] = {}
    for given in inputs:
        try:
            for source in find_sources([given], skip):
                camera = source.kind == "camera"
                found.setdefault(source.path if camera else os.path.realpath(source.path), source)
        except InvalidImage as error:
            fail(failures, given, error)
    return list(found.values())


def torch_threads(backend: str, threads: int) -> AbstractContextManager[None]:
    """Sets torch's thread count for the block; LiteRT gets its own when it is opened."""
    if backend == "tflite":
        return nullcontext()
    import torch

    from blazepalm.converter.threads import one_torch_thread

    if threads == 1:
        return one_torch_thread()
    torch.set_num_threads(threads)
    return nullcontext()


def torch_threads_prepared(backend: str, threads: int) -> Callable[[], None]:
    """What each further thread has to call, so that torch computes with as many there."""
    if backend == "tflite" or threads > 1:  # others' default is what `torch_threads` has set
        return lambda: None
    from blazepalm.converter.threads import use_one_torch_thread

    return use_one_torch_thread
