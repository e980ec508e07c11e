"""A posed skeleton → an implicit surface: round cones over the bones, joined smoothly.

Each cone has a radius that varies along it and may have a flattened cross-section. The palm is one
soft union of metacarpals, muscle pads and webs; a finger joins it only at its first bone, so that a
fingertip can touch the palm without blending into it. Sizes are in mm; see `distance.py` for the
blending.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from blazepalm.golden.exact import Array, arctan2, dot
from blazepalm.golden.skeleton import CHAINS, Skeleton


@dataclass(frozen=True)
class Cone:
    """A round cone from `start` along `frame[1]`. `radii` at both ends, `bulge` mm more in the
    middle; `flat` scales its cross-section sideways and towards the pad. `part` is `palm`
    (including the forearm), `root`, `finger` or `sleeve`; `finger`, `joint` (its end) and `bend`
    (degrees at its start) are set for a finger's bones; `soft` for the pads under them.
    """

    start: tuple[float, float, float]
    frame: tuple[tuple[float, float, float], ...]
    length: float
    radii: tuple[float, float]
    part: str
    bulge: float = 0.0
    flat: tuple[float, float] = (1.0, 1.0)
    finger: int = -1
    joint: int = 0
    bend: float = 0.0
    soft: bool = False

    @property
    def end(self) -> Array:
        return np.asarray(self.start) + self.length * np.asarray(self.frame[1])

    @property
    def reach(self) -> float:
        """An upper bound on the distance of the surface from the axis."""
        return (max(self.radii) + max(self.bulge, 0.0)) * max(1.0, *self.flat)


def _triple(vector: Array) -> tuple[float, float, float]:
    x, y, z = (float(np.float32(v)) for v in vector)
    return x, y, z


def _cone(
    start: Array,
    end: Array,
    radii: tuple[float, float],
    part: str,
    pad: Array | None = None,
    *,
    bulge: float = 0.0,
    flat: tuple[float, float] = (1.0, 1.0),
    finger: int = -1,
    joint: int = 0,
    bend: float = 0.0,
    soft: bool = False,
) -> Cone:
    """A cone between two points, its pad facing `pad` (default: out of the palm)."""
    along = end - start
    length = float(np.sqrt(dot(along, along)))
    along = along / length
    pad = np.array([0.0, 0.0, 1.0]) if pad is None else pad
    pad = pad - dot(pad, along) * along
    pad = pad / np.sqrt(dot(pad, pad))
    frame = tuple(_triple(v) for v in (np.cross(along, pad), along, pad))
    start_at = _triple(start)
    return Cone(start_at, frame, length, radii, part, bulge, flat, finger, joint, bend, soft)


# radii in mm at the base, the middle, the last joint and the tip
FINGER_RADII = {
    "thumb": (13.5, 11.2, 10.3, 7.9),
    "index": (10.6, 9.1, 7.9, 6.5),
    "middle": (10.8, 9.3, 8.1, 6.7),
    "ring": (10.2, 8.8, 7.7, 6.4),
    "pinky": (8.9, 7.6, 6.8, 5.6),
}


def _angle(before: Array, after: Array) -> float:
    """The bend between two bone frames in degrees."""
    return arctan2(dot(after[1], before[2]), dot(after[1], before[1]))


def _finger(skeleton: Skeleton, index: int, name: str) -> Iterable[Cone]:
    joints, frames = skeleton.joints, skeleton.frames
    radii = FINGER_RADII[name]
    chain = CHAINS[name]
    thumb = name == "thumb"
    for step, (parent, child) in enumerate(pairwise(chain)):
        pad = frames[child][2]
        ends = (radii[step], radii[step + 1])
        part = "finger"
        bulge = 0.5
        flat = (1.0, 0.96)
        if step == 0:
            part = "palm" if thumb else "root"
        elif step == 1 and thumb:
            part = "root"
        if step == 2:
            bulge, flat = 0.35, (1.06, 0.88)
        yield _cone(
            joints[parent],
            joints[child],
            ends,
            part,
            pad,
            bulge=bulge,
            flat=flat,
            finger=index,
            joint=child,
            bend=_angle(frames[parent], frames[child]) if step else 0.0,
        )
        if step == 2 or not thumb:  # the soft pad under the bone
            low, high = (0.25, 0.92) if step == 2 else (0.28, 0.72)
            deep = 0.17 if step == 2 else 0.14
            along = joints[child] - joints[parent]
            offset = pad * ends[0] * deep
            yield _cone(
                joints[parent] + low * along + offset,
                joints[parent] + high * along + offset,
                (ends[0] * 0.88, ends[1] * (0.86 if step == 2 else 0.9)),
                part,
                pad,
                finger=index,
                joint=child,
                soft=True,
            )


def _palm(skeleton: Skeleton) -> Iterable[Cone]:
    joints = skeleton.joints
    roots = {"index": (12.0, 4.0), "middle": (3.0, 5.0), "ring": (-7.0, 5.0), "pinky": (-16.0, 4.0)}
    for name, (x, z) in roots.items():
        joint = CHAINS[name][0]
        base = np.array([x, 8.0, z])
        thick = 11.6 if name == "pinky" else 12.6
        yield _cone(base, joints[joint], (15.0, thick), "palm", flat=(1.0, 0.95), joint=joint)
    point = np.array
    yield _cone(point([-19.0, 16.0, 8.0]), point([-29.0, 60.0, 8.0]), (14.5, 10.5), "palm")
    # the ball of the thumb follows its metacarpal
    thumb, index = joints[1:3], joints[5]
    yield _cone(
        point([13.0, 13.0, 9.0]),
        thumb[0] + 0.80 * (thumb[1] - thumb[0]) + point([-3.0, 0.0, 3.0]),
        (15.0, 12.5),
        "palm",
        bulge=2.0,
    )
    # the web between thumb and index finger: three bars from metacarpal to metacarpal
    for along, across, radius in ((0.25, 0.30, 9.0), (0.52, 0.52, 7.5), (0.74, 0.70, 5.5)):
        start = thumb[0] + along * (thumb[1] - thumb[0])
        inner = point([12.0, 8.0, 4.0])
        end = inner + across * (index - inner)
        yield _cone(start, end, (radius, radius + 2.0), "palm", bulge=-0.15 * radius)
    # the webs between the fingers, at a quarter of their first bones
    for left, right in zip((5, 9, 13), (9, 13, 17), strict=True):
        ends = []
        for joint in (left, right):
            along = joints[joint + 1] - joints[joint]
            pad = skeleton.frames[joint + 1][2]
            ends.append(joints[joint] + 0.23 * along + 2.5 * pad)
        yield _cone(ends[0], ends[1], (7.6, 7.3), "palm")


def _forearm(skeleton: Skeleton, sleeve: float | None) -> Iterable[Cone]:
    down, pad = -skeleton.forearm[1], skeleton.forearm[2]
    near = np.array([0.0, 0.0, 3.0])
    yield _cone(near, near + 260.0 * down, (22.5, 38.0), "palm", pad, flat=(1.17, 0.83))
    if sleeve is not None:
        start, end = near + sleeve * down, near + (sleeve + 420.0) * down
        cuff = near + (sleeve + 7.0) * down
        yield _cone(start, cuff, (37.0, 37.5), "sleeve", pad, flat=(1.1, 0.9))
        yield _cone(cuff, end, (36.0, 64.0), "sleeve", pad, flat=(1.1, 0.92))


def build_surface(skeleton: Skeleton, sleeve: float | None = 70.0) -> tuple[Cone, ...]:
    """The cones of a right hand. `sleeve` mm below the wrist a sleeve begins (None: bare)."""
    cones = [*_palm(skeleton), *_forearm(skeleton, sleeve)]
    for index, name in enumerate(CHAINS):
        cones += _finger(skeleton, index, name)
    return tuple(cones)
