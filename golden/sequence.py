"""A frame number → a scene of a video: two hands that move, turn, change their pose, and leave and
re-enter at the sides.

A scene depends only on the frame number and the seed, so any frame can be rendered separately, and
a shorter sequence is the start of a longer one. Thirty frames are a second.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from blazepalm.golden.camera import View
from blazepalm.golden.exact import cos_sin
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import HandModel, RenderedScene, render_scene
from blazepalm.golden.skeleton import Pose

RATE = 30.0  # frames per second
HELD = 40  # frames from one pose to the next
CYCLE = ("open", "victory", "cup", "fist", "point", "pinch")
SLIDE = 14  # frames to leave or to come back
# (first, last) frames when a hand is gone; the second hand enters just after the start
ABSENT = {"left": ((105, 160), (262, 280)), "right": ((-20, 4), (195, 245))}
HOME = {"left": 0.30, "right": 0.71}  # as fractions of the width
OUT = {"left": -0.60, "right": 0.60}
LOOKS = {"left": ("light", "navy"), "right": ("brown", "sand")}


def sequence(
    frames: int, size: tuple[int, int] = (240, 320), seed: int = 0
) -> Iterator[RenderedScene]:
    """The first `frames` frames of `size` (height, width), each with its truth. Rendered lazily,
    one by one.
    """
    return (render_frame(frame, size, seed) for frame in range(frames))


def render_frame(frame: int, size: tuple[int, int] = (240, 320), seed: int = 0) -> RenderedScene:
    """Frame `frame` (from 0) of the sequence; its truth leaves out a hand that is fully gone."""
    hands = [hand_at(frame, side, seed) for side in HOME]
    return render_scene(
        [hand for hand in hands if hand is not None], background="gradient", size=size, seed=seed
    )


def hand_at(frame: int, side: str, seed: int = 0) -> HandModel | None:
    """The hand of that side in a frame; None while it is gone."""
    gone = absence(frame, side)
    if gone >= 1.0:
        return None
    phases = np.random.Generator(np.random.PCG64([seed, side == "left"])).uniform(0, 1, 5)

    def wave(index: int, seconds: float) -> float:
        return cos_sin(360.0 * (frame / RATE / seconds + float(phases[index])))[1]

    x = HOME[side] + 0.04 * wave(0, 1.9) + OUT[side] * gone
    y = 0.60 + 0.05 * wave(1, 1.4)
    view = View(
        yaw=18.0 * wave(2, 3.1),
        pitch=5.0,
        roll=28.0 * wave(3, 2.6),
        scale=0.25 + 0.03 * wave(4, 3.7),
        centre=(x, y),
    )
    return HandModel(
        pose_at(frame + (HELD // 2 if side == "left" else 0)), view, side, *LOOKS[side]
    )


def pose_at(frame: int) -> Pose:
    """Interpolates between two poses of the cycle, with a pause at each."""
    step, rest = divmod(frame, HELD)
    before, after = (POSES[CYCLE[(step + i) % len(CYCLE)]] for i in (0, 1))
    mixed: Pose = _between(before, after, _smooth(2.0 * rest / HELD - 1.0))
    return mixed


def absence(frame: int, side: str) -> float:
    """0 if the hand is in its place, 1 if it is gone, in between while it moves."""
    return max(
        _smooth((frame - first + SLIDE) / SLIDE) * _smooth((last + SLIDE - frame) / SLIDE)
        for first, last in ABSENT[side]
    )


def _smooth(x: float) -> float:
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def _between(a: Any, b: Any, share: float) -> Any:
    """Interpolates two dataclasses with the same fields, number by number."""
    if is_dataclass(a):
        values = {
            f.name: _between(getattr(a, f.name), getattr(b, f.name), share) for f in fields(a)
        }
        return type(a)(**values)  # type: ignore[misc]
    return a + (b - a) * share
