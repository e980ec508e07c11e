"""Decodes the user's pictures and videos in a process of its own, with limits of time, memory and
file size: a stranger's file may make OpenCV's or Pillow's decoders crash, hang or fill memory.

One such process serves all files of a run, and is replaced if a file ends it. It costs 0.2 s of
processor time, spent while the networks are opened, and the copying of pixels: 1 ms for a frame
of 640×480.
"""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.child import Child, ChildLimits, Function
from blazepalm.child_pipe import Arrays
from blazepalm.errors import BlazePalmError, CouldNotVerify, InvalidImage
from blazepalm.media.captures import Captured

LIMITS = ChildLimits(opening=120.0, call=60.0, memory=4.0)

_lock = threading.Lock()
_numbers = count()
_child: tuple[int, Child] | None = None  # the process that started it, which alone may use it


def start() -> None:
    """Starts the decoding process in the background, so that it is ready when it is needed."""
    if _child is None or _child[0] != os.getpid():
        threading.Thread(target=_started, daemon=True).start()


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """As `images.read_image`, in the decoding process. Raises InvalidImage."""
    return _ask(path, {"picture": _path(path)})[1]["image"]


def read_header(path: str | Path) -> tuple[int | None, float | None]:
    """A video's frames and frames per second, None where its file does not give them."""
    try:
        return _header(_ask(path, {"header": _path(path)})[1]["header"])
    except InvalidImage:  # reading the file reports any error
        return None, None


def read_video(path: str, frames: int | None, fps: float | None) -> Iterator[Captured]:
    """As `captures.read_video`, in the decoding process. Raises InvalidImage."""
    stream = {"stream": np.array(next(_numbers))}
    header = np.array([frames or 0, fps or 0.0])
    child, _ = _ask(path, {**stream, "open": _path(path), "as": header})
    try:
        while found := _ask(path, stream, child)[1]:
            seconds = float(found["seconds"])
            yield (None if math.isnan(seconds) else seconds), found["image"]
    finally:
        with suppress(BlazePalmError):
            child({**stream, "close": np.array(1)})


def _ask(path: str | Path, request: Arrays, child: Child | None = None) -> tuple[Child, Arrays]:
    """The answer and the process that gave it; `child`: only that one may."""
    global _child
    child = child or _started()
    folder = {} if os.path.isabs(path) else {"folder": _path(os.getcwd())}
    try:
        return child, child({**request, **folder})
    except CouldNotVerify as error:  # its death, its limits, or what a decoder raised
        with _lock:
            if _child is not None and _child[1] is child:
                _child = None
        child.close()
        raise InvalidImage(f"{path}: cannot be decoded: {error}") from error


def _started() -> Child:
    global _child
    with _lock:
        if _child is None or _child[0] != os.getpid():
            _child = os.getpid(), Child("its decoder", f"{__name__}:open_decoder", {}, LIMITS)
        return _child[1]


def _header(values: NDArray[Any]) -> tuple[int | None, float | None]:
    """A video's frames and frames per second, on their way 0 where they are not known."""
    frames, fps = values.tolist()
    return int(frames) or None, fps or None


def _path(path: str | Path) -> NDArray[np.uint8]:
    return np.frombuffer(os.fsencode(path), np.uint8)


def open_decoder() -> Function:
    """The child's side."""
    from blazepalm.freed_memory import keep_freed_memory
    from blazepalm.media import captures, images

    keep_freed_memory()
    streams: dict[int, Iterator[Captured]] = {}

    def text(value: NDArray[Any]) -> str:
        return os.fsdecode(value.tobytes())

    def decode(given: Arrays) -> Arrays:
        if "folder" in given:
            os.chdir(text(given["folder"]))
        if "picture" in given:
            return {"image": images.read_image(text(given["picture"]))}
        if "header" in given:
            frames, fps = captures.video_header(text(given["header"]))
            return {"header": np.array([frames or 0, fps or 0.0])}
        number = int(given["stream"])
        if "close" in given:
            streams.pop(number, None)
        elif "open" in given:
            streams[number] = captures.read_video(text(given["open"]), *_header(given["as"]))
        elif (found := next(streams[number], None)) is not None:
            seconds, image = found
            return {"image": image, "seconds": np.array(math.nan if seconds is None else seconds)}
        return {}

    return decode
