"""Where `detect` writes: a picture, a video or a table to one file, or one file per input to a
folder. All paths are settled, or refused, before the work begins.

Names in a folder come from the inputs' names: they never lead out of it, no two are alike (even
ignoring case), and no input is overwritten.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.atomic import (
    Inputs,
    atomic_file,
    check_file,
    check_free,
    check_into,
    identify,
    refuse_inputs,
)
from blazepalm.errors import ArtifactError
from blazepalm.file_names import readable_file_name, unique_name

if TYPE_CHECKING:
    from blazepalm.media.frames import Source
    from blazepalm.reports.hands.video import Mp4

PICTURES = (".png", ".jpg", ".jpeg")
MOVIES = (".mp4",)
MOVING = ("video", "camera")


@dataclass(frozen=True)
class Outputs:
    """`drawings`: a picture's file, or the folder of a video's frames; `movies`: a video's file;
    both keyed by `Source.path`. `inputs` are all the files read.
    """

    drawings: Mapping[str, Path]
    movies: Mapping[str, Path]
    csv: Path | None
    json: Path | None
    inputs: Inputs
    force: bool


def settle(
    sources: "Sequence[Source]",
    *,
    draw: Path | None,
    video: Path | None,
    csv: Path | None,
    json: Path | None,
    force: bool,
) -> Outputs:
    """Raises ArtifactError if an output cannot be written or would destroy something."""
    inputs = [source.path for source in sources if source.kind != "camera"]
    names = distinct_names(sources)
    drawings: dict[str, Path] = {}
    if draw is not None:
        single = _is_file(draw, PICTURES)
        _check(draw, PICTURES, "drawings", "--draw", single, force, inputs)
        if single and (len(sources) > 1 or sources[0].kind != "image"):
            what = f"{len(sources)} inputs" if len(sources) > 1 else f"a {sources[0].kind}"
            raise ArtifactError(f"{draw}: one picture cannot hold {what}; name a folder")
        for source in sources:
            suffix = ".png" if source.kind == "image" else ""
            drawings[source.path] = draw if single else draw / f"{names[source.path]}{suffix}"
    movies: dict[str, Path] = {}
    if video is not None:
        moving = [source for source in sources if source.kind in MOVING]
        single = _is_file(video, MOVIES)
        if not moving:
            raise ArtifactError(f"{video}: no input is a video or the camera; use --draw")
        _check(video, MOVIES, "videos", "--video", single, force, inputs)
        if single and len(moving) > 1:
            raise ArtifactError(
                f"{video}: one video cannot hold {len(moving)} videos; name a folder"
            )
        for source in moving:
            movies[source.path] = video if single else video / f"{names[source.path]}.mp4"
    for path, suffix, option in ((csv, ".csv", "--csv"), (json, ".json", "--output-json")):
        if path is not None:
            check_file(
                path,
                option=option,
                force=force,
                formats=(suffix,),
                what="detections",
                inputs=inputs,
            )
    outputs = Outputs(drawings, movies, csv, json, identify(inputs), force)
    pictures = [drawings[source.path] for source in sources if source.kind == "image" and drawings]
    for path in (*pictures, *movies.values()):
        refuse_inputs(path, outputs.inputs)
        check_free(path, force, "folder")
    return outputs


class _NoFrame(Exception):
    """A video without frames is not kept."""


@contextmanager
def whole_movie(path: Path, fps: float | None, *, force: bool = True) -> "Iterator[Mp4]":
    """A video that appears under its name when complete; nothing is left if it has no frame or an
    error occurs. Raises ArtifactError.
    """
    from blazepalm.reports.hands.video import Mp4

    with suppress(_NoFrame), atomic_file(path, force=force, option="--video") as temporary:
        with Mp4(temporary, fps, path) as movie:
            yield movie
        if not movie.frames:
            raise _NoFrame


def distinct_names(sources: "Sequence[Source]") -> dict[str, str]:
    """Maps each source's path to a file name without suffix."""
    taken: set[str] = set()
    return {source.path: unique_name(readable_file_name(source.name), taken) for source in sources}


def _is_file(path: Path, suffixes: Sequence[str]) -> bool:
    return path.suffix.lower() in suffixes or (path.suffix != "" and not os.path.isdir(path))


def _check(
    path: Path,
    suffixes: Sequence[str],
    what: str,
    option: str,
    single: bool,
    force: bool,
    inputs: Sequence[str],
) -> None:
    if single:
        check_file(path, option=option, force=force, formats=suffixes, what=what, inputs=inputs)
        return
    try:
        if os.path.lexists(path) and not os.path.isdir(path):
            raise ArtifactError(f"{path}: is a file, expected a folder for {what}")
        occupied = os.path.isdir(path) and any(path.iterdir())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    if occupied and not force:
        raise ArtifactError(f"{path}: is not empty; choose another {option}, or give --force")
    check_into(path, path)
