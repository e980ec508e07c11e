"""Where `detect` writes: a picture, a video or a table to one file, or one of each input to a
folder. All of it is settled, and refused, before the work begins.

Names in a folder come from the inputs' names: they never lead out of it, no two are alike (not
even where case does not count), and nothing is written over an input.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.cli.files import check_file
from blazepalm.models.errors import ArtifactError

if TYPE_CHECKING:
    from blazepalm.golden.frames import Source
    from blazepalm.reports.video import Mp4

PICTURES = (".png", ".jpg", ".jpeg")
MOVIES = (".mp4",)
MOVING = ("video", "camera")
LONGEST_NAME = 150  # bytes, of the 255 that a file system takes
FORBIDDEN = frozenset('/\\:*?"<>|')  # in names on one system or another


@dataclass(frozen=True)
class Outputs:
    """`drawings`: a picture's file, or the folder of a video's frames; `movies`: a video's file;
    both by `Source.path`. `inputs` are the real paths of all that is read.
    """

    drawings: Mapping[str, Path]
    movies: Mapping[str, Path]
    csv: Path | None
    json: Path | None
    inputs: frozenset[str]


def settle(
    sources: "Sequence[Source]",
    *,
    draw: Path | None,
    video: Path | None,
    csv: Path | None,
    json: Path | None,
    force: bool,
) -> Outputs:
    """Raises ArtifactError where something cannot be written, or would destroy something."""
    inputs = frozenset(os.path.realpath(s.path) for s in sources if s.kind != "camera")
    names = distinct_names(sources)
    drawings: dict[str, Path] = {}
    if draw is not None:
        single = _is_file(draw, PICTURES)
        _check(draw, PICTURES, "drawings", "--draw", single, force)
        if single and (len(sources) > 1 or sources[0].kind != "image"):
            what = f"{len(sources)} inputs are" if len(sources) > 1 else f"a {sources[0].kind} is"
            raise ArtifactError(f"{draw}: is one picture, and {what} drawn; name a folder")
        for source in sources:
            suffix = ".png" if source.kind == "image" else ""
            drawings[source.path] = draw if single else draw / f"{names[source.path]}{suffix}"
    movies: dict[str, Path] = {}
    if video is not None:
        moving = [source for source in sources if source.kind in MOVING]
        single = _is_file(video, MOVIES)
        if not moving:
            raise ArtifactError(f"{video}: no input is a video or the camera; see --draw")
        _check(video, MOVIES, "videos", "--video", single, force)
        if single and len(moving) > 1:
            raise ArtifactError(
                f"{video}: is one video, and {len(moving)} inputs are videos; name a folder"
            )
        for source in moving:
            movies[source.path] = video if single else video / f"{names[source.path]}.mp4"
    for path, suffix, option in ((csv, ".csv", "--csv"), (json, ".json", "--output-json")):
        if path is not None:
            check_file(path, (suffix,), "detections", option=option, force=force)
    outputs = Outputs(drawings, movies, csv, json, inputs)
    files = [path for path in (*drawings.values(), *movies.values(), csv, json) if path is not None]
    for path in files:
        refuse_input(path, outputs.inputs)
    return outputs


def refuse_input(path: Path, inputs: Iterable[str]) -> None:
    """Raises ArtifactError where `path` is one of the files that are read."""
    if os.path.realpath(path) in inputs:
        raise ArtifactError(f"{path}: is one of the inputs; write to another file")


@contextmanager
def whole_movie(path: Path, fps: float | None) -> "Iterator[Mp4]":
    """A video under a temporary name, renamed to `path` in the end; without a frame, or after an
    error, nothing is left. Raises ArtifactError.
    """
    from blazepalm.reports.video import Mp4

    temporary = path.with_name(f".{path.stem}.{os.getpid()}.mp4")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Mp4(temporary, fps) as movie:
            yield movie
        if movie.frames:
            os.replace(temporary, path)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def distinct_names(sources: "Sequence[Source]") -> dict[str, str]:
    """A file name without suffix for each source, by its path."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for source in sources:
        stem = plain_name(source.name)
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        names[source.path] = name
    return names


def plain_name(name: str) -> str:
    """`name` as any file system takes it: printable, of one folder, not hidden, not too long."""
    kept = "".join(c if c.isprintable() and c not in FORBIDDEN else "_" for c in name)
    kept = kept.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore")
    return kept.strip(" .") or "_"


def _is_file(path: Path, suffixes: Sequence[str]) -> bool:
    return path.suffix.lower() in suffixes or (path.suffix != "" and not path.is_dir())


def _check(
    path: Path, suffixes: Sequence[str], what: str, option: str, single: bool, force: bool
) -> None:
    if single:
        check_file(path, suffixes, what, option=option, force=force)
        return
    try:
        if path.exists() and not path.is_dir():
            raise ArtifactError(f"{path}: is a file, expected a folder for {what}")
        occupied = path.is_dir() and any(path.iterdir())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    if occupied and not force:
        raise ArtifactError(f"{path}: is not empty; choose another {option}, or give --force")
