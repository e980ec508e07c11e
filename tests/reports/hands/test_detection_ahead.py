"""Detection one frame ahead: the same outputs, begun early only while they are asked for."""

from concurrent.futures import Future
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from blazepalm.models.letterbox import letterbox
from blazepalm.reports.hands.detection_ahead import DetectionAhead, Outputs, Submit
from support.records import palm_spec

SPEC = palm_spec()
FRAMES = [np.full((20, 30, 3), level, np.uint8) for level in range(12)]


class Detector:
    """Returns its input's sum; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, images: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        self.calls += 1
        return {"boxes": images.sum(keepdims=True)}


def at_once(action: Any) -> "Future[Outputs]":
    done: Future[Outputs] = Future()
    done.set_result(action())
    return done


def square(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return letterbox(image, SPEC.input_size, SPEC.value_range)[0]


def watched(needed: list[bool], submit: Submit = at_once) -> tuple[list[float], int]:
    """What a tracker that needs the detector in these frames gets, and how often it ran."""
    detector = Detector()
    ahead = DetectionAhead(detector, SPEC)
    found = []
    for number, wants in enumerate(needed):
        if number + 1 < len(needed):
            ahead.expect(FRAMES[number + 1], submit)
        if wants:
            found.append(float(ahead(square(FRAMES[number]))["boxes"].item()))
    return found, detector.calls


@given(st.lists(st.booleans(), max_size=len(FRAMES)))
def test_the_outputs_are_those_of_each_frame(needed: list[bool]) -> None:
    found, calls = watched(needed)
    plain = [square(frame).sum() for frame, wants in zip(FRAMES, needed, strict=False) if wants]
    assert found == plain
    # frame k is begun if frame k − 2 needed it, in vain if k does not
    in_vain = sum(a and not b for a, b in zip(needed[:-2], needed[2:], strict=True))
    assert calls == len(plain) + in_vain


def test_it_is_begun_in_another_thread_while_it_is_needed() -> None:
    begun: list[int] = []

    def submit(action: Any) -> "Future[Outputs]":
        begun.append(1)
        return at_once(action)

    assert watched([True] * 10, submit)[1] == 10 and len(begun) == 8
    begun.clear()
    assert watched([False] * 10, submit)[1] == 0 and not begun


def test_a_frame_too_long_is_left_to_the_tracker() -> None:
    ahead = DetectionAhead(Detector(), SPEC)
    ahead(square(FRAMES[0]))
    ahead.expect(np.zeros((1, 40000, 3), np.uint8), at_once)
