"""The work of `detect`, frame by frame: read, find hands, draw, write, count. Every output file
is completed at the end, also after Ctrl-C.

Memory does not grow with a video's length. A source that cannot be read to its end is reported
and recorded as a failure; any other error stops the work and leaves no file behind.
"""

import io
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blazepalm.atomic import atomic_file, refuse_inputs
from blazepalm.cli import console
from blazepalm.cli.ahead import InTurn, in_order, one_ahead, with_next
from blazepalm.cli.app import BAD_INPUT
from blazepalm.cli.findings import Tally, tell_outputs
from blazepalm.cli.outputs import Outputs, whole_movie
from blazepalm.cli.progress import Frames, frames, until_interrupted
from blazepalm.errors import ArtifactError, InvalidImage, InvalidModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.table import Table

    from blazepalm.media.frames import Frame, Source
    from blazepalm.reports.hands.detections import (
        FailureRecord,
        FrameRecord,
        HandRecord,
        JsonDocument,
    )
    from blazepalm.reports.hands.finder import Finder, Look
    from blazepalm.reports.hands.video import Mp4


@dataclass(frozen=True)
class Work:
    """What the user asked for. `track` None: in videos and camera input. `failures` grows. `jobs`
    pictures are looked at at a time, each thread of which calls `prepare` first; `detects_ahead`:
    palms in a video's next frame meanwhile.
    """

    sources: "Sequence[Source]"
    outputs: Outputs
    finder: "Finder"
    track: bool | None
    max_frames: int | None
    failures: "list[FailureRecord]"
    as_json: bool
    jobs: int = 1
    prepare: Callable[[], None] = lambda: None
    detects_ahead: bool = False

    @property
    def alone(self) -> bool:
        """Whether the input is a single picture."""
        return len(self.sources) == 1 and self.sources[0].kind == "image" and not self.failures


@dataclass(frozen=True)
class Step:
    """One frame: its record, and what writes its drawing to the picture and the video (open, or
    None) that were asked for, if any was.
    """

    record: "FrameRecord"
    put: "Callable[[Mp4 | None], None] | None"


Steps = Iterator[Step]


@dataclass(frozen=True)
class Sinks:
    """Receives each frame's record: the JSON documents, then the table."""

    documents: "Sequence[JsonDocument]"
    adders: "Sequence[tuple[str, Callable[[FrameRecord], None]]]"

    def add(self, record: "FrameRecord") -> None:
        """Writes the record to all outputs. Raises ArtifactError."""
        for name, add in self.adders:
            with _writing(name):
                add(record)


def fail(failures: "list[FailureRecord]", source: str, error: InvalidImage) -> None:
    """Reports an input that cannot be read; the work continues."""
    console.error(str(error))
    failures.append({"source": source, "message": str(error)})


def run(work: Work) -> None:
    """Processes every source and completes every file. At the end, raises KeyboardInterrupt if
    the user stopped it and typer.Exit if a source could not be read; if none could be, no file
    is left.
    """
    live = not (work.as_json and sys.stdout.isatty())
    with ExitStack() as files:
        sinks = open_sinks(work, files)
        began = time.perf_counter()
        expected = expected_from(work.sources, work.max_frames)
        with frames(expected[0], live=live) as progress, until_interrupted() as interrupted:
            followed = work.finder.tracker() if work.track else None
            alone = [source for source in work.sources if source.kind == "image"]
            seen = files.enter_context(closing(pictures_ahead(work, alone)))
            for number, source in enumerate(work.sources):
                if source.kind == "image" and followed is None:
                    steps: Steps = next(seen)
                elif source.kind != "image" and work.track is not False:
                    steps = frame_by_frame(work, source, work.finder.tracker())
                else:
                    steps = frame_by_frame(work, source, followed or work.finder.look)
                summary = follow(work, source, steps, sinks, progress, interrupted)
                if summary and not work.as_json:
                    with progress.aside():
                        console.out(*summary)
                if stopped := interrupted():
                    break
                rest = expected[number + 1]
                progress.expect(None if rest is None else progress.done + rest)
        seconds = time.perf_counter() - began
        for document in sinks.documents:
            with _writing("stdout"):
                document.finish(work.failures, interrupted=stopped)
        if progress.done == 0 and not stopped:
            raise typer.Exit(BAD_INPUT)  # removes the files
    if not work.as_json:
        tell_outputs(work.outputs)
    if progress.done > 1:
        speed = progress.done / seconds
        console.note(f"{progress.done} frames in {seconds:.1f} s: {speed:.1f} per second")
    if stopped:
        raise KeyboardInterrupt
    if work.failures:
        raise typer.Exit(BAD_INPUT)


def open_sinks(work: Work, files: ExitStack) -> Sinks:
    """Opens the JSON and CSV files; `files` completes them."""
    from blazepalm.reports.hands.detections import CsvTable, JsonDocument

    def text(path: Path) -> Any:
        temporary = files.enter_context(atomic_file(path, force=work.outputs.force))
        return files.enter_context(
            temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        )

    documents: list[JsonDocument] = []
    adders: list[tuple[str, Callable[[FrameRecord], None]]] = []
    if work.as_json:
        with _writing("stdout"):
            documents.append(JsonDocument(sys.stdout, work.finder.models))
        adders.append(("stdout", documents[-1].add))
    if work.outputs.json is not None:
        documents.append(JsonDocument(text(work.outputs.json), work.finder.models))
        adders.append((str(work.outputs.json), documents[-1].add))
    if work.outputs.csv is not None:
        table = CsvTable(text(work.outputs.csv), work.finder.keypoints, work.finder.gestures)
        adders.append((str(work.outputs.csv), table.add))
    return Sinks(documents, adders)


@contextmanager
def _writing(name: str) -> Iterator[None]:
    """Names the file in a write error; exits quietly if a pipe's reader has gone."""
    try:
        yield
    except BrokenPipeError:
        console.quit_quietly()
    except OSError as error:
        raise ArtifactError(f"{name}: cannot be written: {error.strerror or error}") from error


def pictures_ahead(work: Work, sources: "Sequence[Source]") -> Generator[Steps, None, None]:
    """The one step of each picture, in order; up to `work.jobs` pictures are read, looked at and
    drawn at a time.
    """

    def look(source: "Source") -> list[Step]:
        return list(frame_by_frame(work, source, work.finder.look))

    for take in in_order(look, sources, work.jobs, work.prepare):
        yield _taken(take)


def _taken(take: Callable[[], list[Step]]) -> Steps:
    yield from take()


def frame_by_frame(work: Work, source: "Source", look: "Look") -> "Iterator[Step]":
    """Looks at a source's frames. Raises InvalidImage or InvalidModel, which name the frame."""
    from blazepalm.reports.hands.detections import frame_record

    def looked_at(frame: "Frame") -> Step:
        try:
            record = frame_record(frame, look(frame.image))
        except (InvalidImage, InvalidModel) as error:
            where = source.path
            if source.kind != "image":
                where += f", frame {frame.index}"
            raise type(error)(f"{where}: {error}") from error
        return Step(record, drawn(source, frame, record, work.outputs))

    frames, expect = read(source, work.max_frames), work.finder.expect
    if source.kind != "video":
        yield from map(looked_at, frames)
        return
    with ThreadPoolExecutor(1, "blazepalm", work.prepare) as beside:
        for frame, following in with_next(one_ahead(frames)):
            if following is not None and expect is not None and work.detects_ahead:
                expect(following.image, beside.submit)
            yield looked_at(frame)


def follow(
    work: Work,
    source: "Source",
    steps: Steps,
    sinks: Sinks,
    progress: Frames,
    interrupted: Callable[[], bool],
) -> "Sequence[str | Table]":
    """Processes one source to its end; returns what to print (nothing if it has no frames). A
    video's frame is drawn while the next is looked at.
    """
    tally = Tally(source)
    with ExitStack() as files:
        path = work.outputs.movies.get(source.path)
        movie = None
        if path is not None:
            movie = files.enter_context(whole_movie(path, source.fps, force=work.outputs.force))
        beside = files.enter_context(InTurn()) if source.kind == "video" else _at_once
        try:
            for step in steps:
                if step.put is not None:
                    beside(partial(step.put, movie))
                sinks.add(step.record)
                tally.add(step.record)
                progress.advance(source.path)
                if interrupted():
                    break
        except InvalidImage as error:
            with progress.aside():
                fail(work.failures, source.path, error)
    if tally.frames == 0:
        return []
    return tally.in_full() if work.alone else tally.in_a_line()


def _at_once(action: Callable[[], None]) -> None:
    action()


def read(source: "Source", max_frames: int | None) -> "Iterator[Frame]":
    """The frames of a source; a camera's frames carry the seconds since the first."""
    from blazepalm.media.frames import read_frames

    began: float | None = None
    for frame in islice(read_frames(source), None if source.kind == "image" else max_frames):
        if source.kind != "camera":
            yield frame
            continue
        now = time.monotonic()
        began = now if began is None else began
        yield replace(frame, seconds=now - began)


def expected_frames(source: "Source", max_frames: int | None) -> int | None:
    """The number of frames that will be read, if known."""
    if source.kind == "image" or max_frames is None:
        return source.frames
    return max_frames if source.frames is None else min(source.frames, max_frames)


def expected_from(sources: "Sequence[Source]", max_frames: int | None) -> list[int | None]:
    """For each source, the number of frames that will be read from it and all after it, if known;
    at the end 0.
    """
    found: list[int | None] = [0]
    for source in reversed(sources):
        count, after = expected_frames(source, max_frames), found[-1]
        found.append(None if count is None or after is None else count + after)
    return found[::-1]


def drawn(
    source: "Source", frame: "Frame", record: "FrameRecord", outputs: Outputs
) -> "Callable[[Mp4 | None], None] | None":
    """Writes a frame's drawing to the picture and the video that were asked for; None if neither
    was. A picture is drawn now, a video's frame when it is written.
    """
    path = outputs.drawings.get(source.path)
    if path is None and source.path not in outputs.movies:
        return None
    from blazepalm.reports.hands.draw import draw_hands

    def pixels() -> "NDArray[np.uint8]":
        size = (record["height"], record["width"])
        return draw_hands(frame.image, [as_drawn(hand, size) for hand in record["hands"]])

    if path is not None and source.kind == "image":
        packed = encoded(pixels(), path)
        return lambda movie: write_whole(packed, path, force=outputs.force)

    def put(movie: "Mp4 | None") -> None:
        picture = pixels()
        if path is not None:
            numbered = path / f"{frame.index:06d}.png"
            refuse_inputs(numbered, outputs.inputs)
            write_whole(encoded(picture, numbered), numbered, force=outputs.force)
        if movie is not None:
            movie.write(picture, frame.seconds if source.kind == "camera" else None)

    return put


def as_drawn(hand: "HandRecord", size: tuple[int, int]) -> Any:
    """Converts a hand's JSON values to pixels of an image of `size` (height, width)."""
    from blazepalm.reports.hands.detections import label_of
    from blazepalm.reports.hands.draw import in_pixels

    points = hand["landmarks"]
    keypoints = hand["keypoints"] if points is None else None
    return in_pixels(size, hand["box"], points, keypoints, label_of(hand))


def encoded(pixels: "NDArray[np.uint8]", path: Path) -> bytes:
    """The picture as a PNG or JPEG file, as the name says."""
    from PIL import Image

    options = {"compress_level": 3} if path.suffix.lower() == ".png" else {"quality": 92}
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    packed = io.BytesIO()  # Pillow ignores a short write to a file
    Image.fromarray(pixels).save(packed, kind, **options)
    return packed.getvalue()


def write_whole(content: bytes, path: Path, *, force: bool = True) -> None:
    """Writes the file whole or not at all. Raises ArtifactError."""
    with atomic_file(path, force=force, option="--draw") as temporary:
        temporary.write_bytes(content)
