"""Writes frames (H×W×3 uint8 RGB) as an MP4: MPEG-4 Part 2 by OpenCV's FFmpeg, which QuickTime,
VLC and ffmpeg play. The same frames give the same bytes. (OpenCV's wheels have no H.264.)

The codec needs even sides, so an odd side is extended by repeating its last row or column.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import ArtifactError

CODEC = "mp4v"
DEFAULT_FPS = 30.0
LONGEST = 8190  # pixels of a side; MPEG-4's own limit
PATIENCE = 5.0  # seconds for which a frame is repeated at most

Image = NDArray[np.uint8]


class Mp4:
    """An MP4 being written in the size of its first frame; other frames are scaled to that size.
    The path should end in `.mp4` and may exist. Leaving the `with` block closes the file.
    """

    def __init__(self, path: Path, fps: float | None = None, name: Path | None = None) -> None:
        """`fps`: frames per second; 30 where None or absurd. `name`: the file's name in errors."""
        self.path = path
        self.name = path if name is None else name
        self.fps = fps if fps is not None and 0.1 <= fps <= 1000.0 else DEFAULT_FPS
        self.frames = 0
        self._size = (0, 0)  # width, height of the first frame
        self._writer: Any = None

    def __enter__(self) -> "Mp4":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(verify=kind is None)

    def write(self, image: Image, seconds: float | None = None) -> None:
        """Adds (H, W, 3) RGB. `seconds` since the first frame is when the frame is to appear, as
        precisely as the rate allows: a camera's frames arrive irregularly.

        Raises ArtifactError if the file cannot be written, or frames are too large.
        """
        import cv2

        if self._writer is None:
            self._open(image)
        if (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA))
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            down, right = height % 2, width % 2
            image = np.asarray(
                cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REPLICATE), np.uint8
            )
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        times = 1
        if seconds is not None:
            due = round(seconds * self.fps) + 1 - self.frames
            times = int(np.clip(due, 0, max(1.0, PATIENCE * self.fps)))
        for _ in range(times):
            self._writer.write(bgr)
        self.frames += times

    def close(self, *, verify: bool = True) -> None:
        """Completes the file. Raises ArtifactError if frames are missing from it."""
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        if verify:
            import cv2

            written = cv2.VideoCapture(os.path.abspath(self.path), cv2.CAP_FFMPEG)
            found = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
            written.release()
            if found != self.frames:
                raise ArtifactError(
                    f"{self.name}: holds {found} of {self.frames} frames: is the disk full?"
                )

    def _open(self, image: Image) -> None:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once, on import
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        import cv2

        height, width = image.shape[:2]
        if max(height, width) > LONGEST:
            raise ArtifactError(
                f"{self.name}: frames of {width}×{height} are too large for MPEG-4, "
                f"which allows at most {LONGEST} pixels per side"
            )
        self._size = (width, height)
        even = (width + width % 2, height + height % 2)
        try:
            fourcc = cv2.VideoWriter.fourcc(*CODEC)
            path = os.path.abspath(self.path)  # a relative one could look like a protocol
            writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, fourcc, self.fps, even)
        except (cv2.error, UnicodeError) as error:
            raise ArtifactError(f"{self.name}: cannot be written: {error}") from error
        if not writer.isOpened():
            writer.release()
            raise ArtifactError(f"{self.name}: cannot be written: no permission, or no such codec")
        self._writer = writer
