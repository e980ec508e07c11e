"""Turns files, folders, globs, videos and cameras into frames, one at a time, H×W×3 uint8 RGB.

A file's first bytes say whether it is a picture or a video (`formats`), else its suffix does; one
bad file never hides the others. OpenCV's FFmpeg decodes videos, and only from containers that
cannot point at other files or hosts (a playlist named `.mp4` is refused unread).
"""

import glob
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage, first_line
from blazepalm.media.formats import IMAGES, VIDEOS, content_of
from blazepalm.media.images import MAX_PIXELS, read_image

CAMERA = re.compile(r"camera(?::(\d{1,3}))?")
MAX_FRAMES = 10_000_000  # a header that claims more is ignored
SPARE = 50  # one frame in this many may be missing before a video counts as truncated


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
        frames, fps = _header(path)
        return Source(str(path), "video", frames, fps)
    return Source(str(path), "image", 1, None)


def read_frames(source: Source) -> Iterator[Frame]:
    """The frames of a source, in order, one in memory at a time; a camera's never end.

    Pictures are rotated by their EXIF data, videos by their rotation flag (quarter turns; OpenCV
    knows no mirroring). Colours of videos are OpenCV's: version 5 converts them by the matrix that
    the file names (BT.709, else BT.601), version 4 always by BT.601, up to 40 grey levels apart.
    Raises InvalidImage for a source that cannot be read; for a truncated video, after its last
    frame.
    """
    if source.kind == "image":
        yield Frame(source.name, source.path, 0, None, read_image(source.path))
        return
    with_close = _open_camera(source) if source.kind == "camera" else _open_video(source.path)
    try:
        yield from _frames(source, with_close)
    finally:
        with_close.release()


def _frames(source: Source, capture: Any) -> Iterator[Frame]:
    import cv2

    count, last = 0, -1.0
    while True:
        good, image = capture.read()
        if not good or image is None:
            break
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InvalidImage(f"{source.path}: has frames of {image.dtype} {image.shape}")
        seconds = None
        if source.kind == "video":
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if not math.isfinite(seconds) or seconds <= last:
                seconds = count / source.fps if source.fps else None
            last = last if seconds is None else seconds
        rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        yield Frame(f"{source.name}-{count:06d}", source.path, count, seconds, rgb)
        count += 1
    if count == 0:
        raise InvalidImage(f"{source.path}: none of its frames can be decoded")
    if source.frames is not None and count < source.frames - 1 - source.frames // SPARE:
        raise InvalidImage(
            f"{source.path}: is truncated or damaged, read {count} of {source.frames} frames"
        )


def _open_camera(source: Source) -> Any:
    cv2 = _opencv()
    capture = cv2.VideoCapture(int(source.path.partition(":")[2]))
    if not capture.isOpened():
        capture.release()
        raise InvalidImage(f"{source.path}: no such camera, or no permission to use it")
    return capture


def _open_video(path: str) -> Any:
    cv2 = _opencv()
    if not os.path.isfile(path):
        raise InvalidImage(f"{path}: no such file")
    if content_of(Path(path)).kind != "video":
        raise InvalidImage(f"{path}: is not a video (supported: {', '.join(VIDEOS)})")
    capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise InvalidImage(f"{path}: cannot be decoded: damaged, or unknown codec")
    width, height = (
        int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if not 0 < width * height <= MAX_PIXELS:
        capture.release()
        raise InvalidImage(f"{path}: has frames of {width}×{height}, at most {MAX_PIXELS} pixels")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def _header(path: Path) -> tuple[int | None, float | None]:
    """Frames and frames per second, if the file gives them; reading the file reports any error."""
    try:
        capture = _open_video(str(path))
    except InvalidImage:
        return None, None
    import cv2

    frames, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return (
        int(frames) if math.isfinite(frames) and 0 < frames <= MAX_FRAMES else None,
        float(fps) if math.isfinite(fps) and 0 < fps <= 1000 else None,
    )


def _opencv() -> Any:
    """OpenCV, with its decoders' log output kept off stderr (it reads its environment once)."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    import cv2

    return cv2


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or first_line(error)
