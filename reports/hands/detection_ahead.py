"""Runs the palm detector on a video's next frame while the present one's hands are looked at.

Tracking asks for the detector only while hands are missing, which is known when the present frame
is done. So the next frame's detection is begun if the last one's was asked for; its outputs are
taken if the tracker asks for them with the same input, to the last bit, and dropped otherwise.
"""

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage
from blazepalm.models.letterbox import letterbox
from blazepalm.models.runners import Runner
from blazepalm.models.spec import PalmDetectorSpec

Outputs = Mapping[str, NDArray[Any]]
Submit = Callable[[Callable[[], Outputs]], "Future[Outputs]"]  # begins it in another thread


class DetectionAhead:
    """The detector `run`, as a function of the same input. One tracker uses it at a time."""

    def __init__(self, run: Runner, spec: PalmDetectorSpec) -> None:
        self._run = run
        self._spec = spec
        self._wanted = False  # by the last frame
        self._begun: deque[tuple[NDArray[np.float32], Future[Outputs]]] = deque(maxlen=2)

    def __call__(self, images: NDArray[np.float32]) -> Outputs:
        self._wanted = True
        for square, outputs in self._begun:
            if np.array_equal(square, images):
                return outputs.result()
        return self._run(images)

    def expect(self, image: NDArray[np.uint8], submit: Submit) -> None:
        """Tells the next frame, (H, W, 3) RGB, before the tracker is called with the present one;
        `submit` begins a function in another thread.
        """
        wanted, self._wanted = self._wanted, False
        if not wanted:
            return
        try:
            square, _ = letterbox(image, self._spec.input_size, self._spec.value_range)
        except InvalidImage:
            return  # the tracker will say so, when it comes to this frame
        self._begun.append((square, submit(lambda: self._run(square))))
