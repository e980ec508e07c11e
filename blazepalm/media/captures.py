"""Videos and cameras through OpenCV, frame by frame, in this process.

OpenCV's FFmpeg decodes videos, and only from containers that cannot point at other files or hosts
(a playlist named `.mp4` is refused unread).
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage
from blazepalm.media.formats import VIDEOS, content_of
from blazepalm.media.images import MAX_PIXELS

MAX_FRAMES = 10_000_000  # a header that claims more is ignored
SPARE = 50  # one frame in this many may be missing before a video counts as truncated

Captured = tuple[float | None, NDArray[np.uint8]]  # seconds in the video, (H, W, 3) uint8 RGB


def read_camera(path: str) -> Iterator[Captured]:
    """The frames of `camera:0`, which never end. Raises InvalidImage."""
    capture = _open_camera(path)
    try:
        for _, image in _images(path, capture):
            yield None, image
    finally:
        capture.release()


def read_video(path: str, frames: int | None, fps: float | None) -> Iterator[Captured]:
    """A video's frames; `frames` and `fps` as its header states them. Raises InvalidImage, for a
    truncated video after its last frame.
    """
    import cv2

    capture = _open_video(path)
    count, last = 0, -1.0
    try:
        for count, image in _images(path, capture):
            found = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            seconds: float | None = found
            if not math.isfinite(found) or found <= last:
                seconds = (count - 1) / fps if fps else None
            last = last if seconds is None else seconds
            yield seconds, image
    finally:
        capture.release()
    if frames is not None and count < frames - 1 - frames // SPARE:
        raise InvalidImage(f"{path}: is truncated or damaged, read {count} of {frames} frames")


def _images(path: str, capture: Any) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The number of each frame, from 1, and the frame."""
    import cv2

    count = 0
    while True:
        good, image = capture.read()
        if not good or image is None:
            break
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InvalidImage(f"{path}: has frames of {image.dtype} {image.shape}")
        count += 1
        yield count, np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    if count == 0:
        raise InvalidImage(f"{path}: none of its frames can be decoded")


def _open_camera(path: str) -> Any:
    cv2 = _opencv()
    capture = cv2.VideoCapture(int(path.partition(":")[2]))
    if not capture.isOpened():
        capture.release()
        raise InvalidImage(f"{path}: no such camera, or no permission to use it")
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


def video_header(path: str) -> tuple[int | None, float | None]:
    """Frames and frames per second, if the file gives them, read in this process. Raises
    InvalidImage.
    """
    capture = _open_video(path)
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
