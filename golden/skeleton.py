"""Joint angles → 21 joints and a frame for each bone: forward kinematics of one hand.

Joints are in MediaPipe's order (`mediapipe/python/solutions/hands.py`, `HandLandmark`). Hand space
is in millimetres, for a right hand: the origin in the wrist, x towards the thumb, y towards the
fingers, z out of the palm. A tip joint lies in the finger's pad, a few millimetres inside the skin.
A left hand is the mirror image (x negated).
"""

from dataclasses import dataclass, fields

import numpy as np

from blazepalm.golden.exact import Array, cos_sin, dot, product

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
WRIST = 0
CHAINS = {name: tuple(range(1 + 4 * i, 5 + 4 * i)) for i, name in enumerate(FINGERS)}
BONES = tuple(
    (parent, child)
    for chain in CHAINS.values()
    for parent, child in zip((WRIST, *chain), chain, strict=False)
)
PALM_JOINTS = (0, 5, 9, 13, 17)
PALM_LENGTH = 86.5  # mm, wrist to the base of the middle finger

# degrees; a pose outside is refused
JOINT_LIMITS = {
    "spread": (-25.0, 25.0),
    "mcp": (-30.0, 95.0),
    "pip": (-5.0, 115.0),
    "dip": (-15.0, 90.0),
    "thumb.spread": (-25.0, 65.0),
    "thumb.forward": (-10.0, 75.0),
    "thumb.roll": (-30.0, 75.0),
    "thumb.mcp": (-15.0, 70.0),
    "thumb.ip": (-30.0, 90.0),
    "wrist_flexion": (-70.0, 80.0),
    "wrist_deviation": (-25.0, 35.0),
}


@dataclass(frozen=True)
class Finger:
    """Angles of one finger in degrees: sideways towards the thumb, then flexions."""

    spread: float = 0.0
    mcp: float = 0.0
    pip: float = 0.0
    dip: float = 0.0


@dataclass(frozen=True)
class Thumb:
    """Angles in degrees. The metacarpal leans away from the fingers' direction, by `spread` in the
    palm's plane and by `forward` out of it; `roll` turns its pad towards the fingers.
    """

    spread: float = 38.0
    forward: float = 18.0
    roll: float = 0.0
    mcp: float = 8.0
    ip: float = 4.0


@dataclass(frozen=True)
class Pose:
    """Joint angles of a hand. Raises ValueError where an angle is outside human `JOINT_LIMITS`."""

    thumb: Thumb = Thumb()
    index: Finger = Finger()
    middle: Finger = Finger()
    ring: Finger = Finger()
    pinky: Finger = Finger()
    wrist_flexion: float = 0.0
    wrist_deviation: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Finger | Thumb):
                prefix = "thumb." if isinstance(value, Thumb) else ""
                for part in fields(value):
                    angle = getattr(value, part.name)
                    _check(f"{field.name}.{part.name}", prefix + part.name, angle)
            else:
                _check(field.name, field.name, value)


def _check(where: str, limit: str, angle: float) -> None:
    low, high = JOINT_LIMITS[limit]
    if not low <= angle <= high:
        raise ValueError(f"{where} is {angle}°, but a hand allows {low}° to {high}°")


@dataclass(frozen=True)
class FingerShape:
    """Base joint in mm, lengths of the three bones beyond it, resting direction in degrees towards
    the thumb, and the bending plane's rotation towards the palm's middle.
    """

    base: tuple[float, float, float]
    lengths: tuple[float, float, float]
    rest: float = 0.0
    converge: float = 0.0


SHAPES = {
    "thumb": FingerShape((24.0, 27.0, 15.5), (41.0, 33.0, 24.0)),
    "index": FingerShape((26.5, 91.0, 1.5), (41.0, 24.5, 20.0), 4.0, -5.0),
    "middle": FingerShape((5.0, 92.5, 0.5), (45.0, 28.0, 21.0), 0.5, 0.0),
    "ring": FingerShape((-15.0, 87.0, 1.5), (42.0, 27.0, 20.5), -3.0, 5.0),
    "pinky": FingerShape((-33.0, 78.5, 5.0), (34.5, 20.5, 19.0), -8.0, 11.0),
}
WRIST_JOINT = (0.0, 6.5, 6.5)
THUMB_PAD = np.array([-0.80, 0.10, 0.60])  # where an unrolled thumb's pad faces


@dataclass(frozen=True)
class Skeleton:
    """`joints` (21, 3) in mm in hand space; `frames` (21, 3, 3): for the bone that ends at each
    joint, the rows are its axes sideways, along, and out of the pad (the wrist's is the palm's);
    `forearm` (3, 3): the same for the forearm, which ends at the wrist.
    """

    joints: Array
    frames: Array
    forearm: Array


def rotation(axis: Array, degrees: float) -> Array:
    """(3, 3) matrix that turns column vectors about a unit axis (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    cos, sin = cos_sin(degrees)
    turned = np.eye(3) + sin * cross + (1.0 - cos) * product(cross, cross)
    return np.asarray(turned)


def _turn(frame: Array, axis: int, degrees: float) -> Array:
    """The frame (rows are axes) rotated about one of its own axes."""
    return product(frame, rotation(frame[axis], degrees).T)


def _thumb_frame(thumb: Thumb) -> Array:
    (cos, sin), (level, rise) = cos_sin(thumb.spread), cos_sin(thumb.forward)
    along = np.array([sin * level, cos * level, rise])
    pad = THUMB_PAD - dot(THUMB_PAD, along) * along
    pad /= np.sqrt(dot(pad, pad))
    return _turn(np.stack([np.cross(along, pad), along, pad]), 1, -thumb.roll)


def pose_skeleton(pose: Pose) -> Skeleton:
    """The joints and bone frames of a right hand in a pose. Depends only on the pose."""
    joints = np.zeros((21, 3))
    joints[WRIST] = WRIST_JOINT
    frames = np.tile(np.eye(3), (21, 1, 1))
    for name, chain in CHAINS.items():
        shape = SHAPES[name]
        angles = getattr(pose, name)
        joints[chain[0]] = shape.base
        if isinstance(angles, Thumb):
            frame = _thumb_frame(angles)
            bends: tuple[float, ...] = (0.0, angles.mcp, angles.ip)
        else:
            frame = _turn(np.eye(3), 1, shape.converge)
            frame = _turn(frame, 2, -(shape.rest + angles.spread))
            bends = (angles.mcp, angles.pip, angles.dip)
        frames[chain[0]] = frame
        for parent, child, length, bend in zip(
            chain, chain[1:], shape.lengths, bends, strict=False
        ):
            frame = _turn(frame, 0, bend)
            frames[child] = frame
            joints[child] = joints[parent] + length * frame[1]
    forearm = _turn(_turn(np.eye(3), 0, -pose.wrist_flexion), 2, pose.wrist_deviation)
    return Skeleton(joints, frames, forearm)
