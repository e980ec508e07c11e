"""Turns files, folders, globs, videos and cameras into frames, one at a time, H×W×3 uint8 RGB.

A file's first bytes say whether it is a picture or a video (`formats`), else its suffix does; one
bad file never hides the others.
"""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage, first_line
from blazepalm.media import cage
from blazepalm.media.captures import Captured, read_camera
from blazepalm.media.formats import IMAGES, VIDEOS, content_of

CAMERA = re.compile(r"camera(?::(\d{1,3}))?")


@dataclass(frozen=True)
class Frame:
    """One picture. `name`: readable, without folder or suffix, numbered in a video (`clip-000012`),
    not unique across folders; `source`: the path, or `camera:0`; `index`: the frame's number, 0 for
    a picture; `seconds`: time in the video; `image`: (H, W, 3) RGB.
    """

    name: str
    source: str
    index: int
    seconds: float | None
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Source:
    """A source of frames. `path`: as found, or `camera:0`; `frames` and `fps` if known in advance
    (a video's header may be wrong).
    """

    path: str
    kind: Literal["image", "video", "camera"]
    frames: int | None
    fps: float | None

    @property
    def name(self) -> str:
        """The file's name without its suffix, or `camera-0`."""
        return self.path.replace(":", "-") if self.kind == "camera" else Path(self.path).stem


# receives a file that was passed over in a folder, and the sentence that says so
OnSkip = Callable[[Path, str], None]


def find_sources(
    paths: str | Path | Sequence[str | Path], on_skip: OnSkip = lambda path, sentence: None
) -> list[Source]:
    """The sources that `paths` (one or several) name, in their order, each file once.

    A path is a file, a folder (the pictures and videos directly in it, in natural order, except
    hidden ones), a pattern (`*.jpg`, `**`), `camera` or `camera:N`. `on_skip` is called for all
    else that a folder holds, except what is hidden. Raises InvalidImage if a path names nothing.
    """
    found: dict[str, Source] = {}
    for given in (paths,) if isinstance(paths, str | Path) else paths:
        camera = CAMERA.fullmatch(str(given))
        if camera and not Path(given).exists():
            label = f"camera:{int(camera[1] or 0)}"
            found.setdefault(label, Source(label, "camera", None, None))
            continue
        for path in _files(given, on_skip):
            key = os.path.realpath(path)
            if key not in found:
                found[key] = _source(path)
    if not found:
        raise InvalidImage("no image, folder, video or camera was named")
    return list(found.values())


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A sort key by which `frame-9` comes before `frame-10`."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts] + [(0, 0, path.name)]


def _files(given: str | Path, on_skip: OnSkip) -> list[Path]:
    path = Path(given)
    try:
        if path.is_dir():
            files = []
            for inside in sorted(path.iterdir(), key=natural):
                if inside.name.startswith("."):
                    continue
                if reason := _no_media(inside):
                    on_skip(inside, f"{inside}: skipped: {reason}")
                else:
                    files.append(inside)
            if not files:
                raise InvalidImage(f"{path}: contains no pictures or videos")
            return files
        if path.exists():
            return [path]
    except (OSError, ValueError) as error:
        raise InvalidImage(f"{given}: cannot be read: {_reason(error)}") from error
    if glob.has_magic(str(given)):
        files = [Path(p) for p in glob.glob(str(given), recursive=True)]
        files = sorted((p for p in files if p.is_file()), key=lambda p: (str(p.parent), natural(p)))
        if not files:
            raise InvalidImage(f"{given}: no file matches this pattern")
        return files
    raise InvalidImage(f"{given}: no such file")


def _no_media(path: Path) -> str | None:
    """Why a folder's entry is neither a picture nor a video; None if it may be one."""
    if path.is_dir():
        return "a folder, and folders inside a folder are not searched; name it, or use a pattern"
    if not path.exists():
        return "a link to a file that does not exist"
    if not path.is_file():
        return "not a regular file"
    if path.suffix.lower() in IMAGES + VIDEOS or content_of(path).kind is not None:
        return None
    return "neither a picture nor a video"


def _source(path: Path) -> Source:
    kind = content_of(path).kind
    if kind == "video" or (kind is None and path.suffix.lower() in VIDEOS):
        frames, fps = cage.read_header(path)
        return Source(str(path), "video", frames, fps)
    cage.start()
    return Source(str(path), "image", 1, None)


def read_frames(source: Source) -> Iterator[Frame]:
    """The frames of a source, in order, one in memory at a time; a camera's never end. Files are
    decoded in another process (`cage`), as a stranger's may do harm.

    Pictures are rotated by their EXIF data, videos by their rotation flag (quarter turns; OpenCV
    knows no mirroring). Colours of videos are OpenCV's: version 5 converts them by the matrix that
    the file names (BT.709, else BT.601), version 4 always by BT.601, up to 40 grey levels apart.
    Raises InvalidImage for a source that cannot be read; for a truncated video, after its last
    frame.
    """
    if source.kind == "image":
        yield Frame(source.name, source.path, 0, None, cage.read_picture(source.path))
    elif source.kind == "camera":
        yield from _numbered(source, read_camera(source.path))
    else:
        yield from _numbered(source, cage.read_video(source.path, source.frames, source.fps))


def _numbered(source: Source, images: Iterable[Captured]) -> Iterator[Frame]:
    for index, (seconds, image) in enumerate(images):
        yield Frame(f"{source.name}-{index:06d}", source.path, index, seconds, image)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or first_line(error)
