"""A stand-in for `cv2.VideoCapture`, for tests without a camera."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest


@dataclass
class Camera:
    """Gives `frame(0)`, `frame(1)`, … (H×W×3 uint8 RGB) as a camera does, in BGR: `count` of them,
    or without end if None. `opened`: the argument it was opened with; `given`, `released`: counts.
    """

    frame: Callable[[int], np.ndarray]
    count: int | None = None
    before: Callable[[int], object] = lambda number: None
    opened: list[int] = field(default_factory=list)
    given: int = 0
    released: int = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Camera":
        """Makes this camera every camera; files are still read normally."""
        import cv2

        files = cv2.VideoCapture

        def capture(source: int | str, *options: int) -> Any:
            if not isinstance(source, int):
                return files(source, *options)
            self.opened.append(source)
            return self

        monkeypatch.setattr(cv2, "VideoCapture", capture)
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        assert not self.released
        if self.given == self.count:
            return False, None
        self.before(self.given)
        image = self.frame(self.given)
        self.given += 1
        return True, np.ascontiguousarray(image[..., ::-1])

    def release(self) -> None:
        self.released += 1
