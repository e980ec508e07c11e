"""Short videos for tests, written by OpenCV alone."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np


def write_clip(
    path: Path, images: Iterable[np.ndarray], fps: float = 10.0, codec: str = "mp4v"
) -> None:
    """Writes H×W×3 uint8 RGB images, all of one even size, and checks that it could."""
    import cv2

    writer = None
    for image in images:
        if writer is None:
            size = (image.shape[1], image.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
            assert writer.isOpened()
        writer.write(np.ascontiguousarray(image[..., ::-1]))
    assert writer is not None, "no image"
    writer.release()


def read_clip(path: Path) -> tuple[list[np.ndarray], float]:
    """All frames as H×W×3 uint8 RGB, and frames per second."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    frames = []
    while (found := capture.read())[0]:
        frames.append(np.ascontiguousarray(found[1][..., ::-1]))
    capture.release()
    return frames, fps
