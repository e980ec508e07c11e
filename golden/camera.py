"""The camera of a hand: hand space (mm) to pixels, and pixels to rays.

View space has x to the right, y up, z towards the camera, its origin in the middle of the palm; the
camera looks along −z. Pixel centres are at half-integer coordinates; joints use the same
coordinates (0, 0 is the image's upper left corner), like MediaPipe's normalised ones.
"""

from dataclasses import dataclass

import numpy as np

from blazepalm.golden.distance import Field, Points
from blazepalm.golden.exact import Array, cos_sin, product
from blazepalm.golden.skeleton import PALM_JOINTS, PALM_LENGTH, Skeleton, rotation


@dataclass(frozen=True)
class View:
    """Rotations of the hand in degrees, applied in this order: `yaw` about the fingers' direction
    (0 shows the palm, 180 the back), `pitch` (positive tips the fingers towards the camera), `roll`
    clockwise in the image. `scale`: palm length as a fraction of the image's short side, at the
    palm's distance. `centre`: position of the palm's middle, as fractions of width and height.
    `field_of_view`: degrees across the short side.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 0.25
    centre: tuple[float, float] = (0.5, 0.6)
    field_of_view: float = 30.0

    def __post_init__(self) -> None:
        if not 0.005 <= self.scale <= 3.0:
            raise ValueError(f"scale is {self.scale}, expected 0.005 to 3")
        if not 5.0 <= self.field_of_view <= 100.0:
            raise ValueError(f"field_of_view is {self.field_of_view}°, expected 5° to 100°")


@dataclass(frozen=True)
class Camera:
    """A view of one hand in an image of `size` (height, width). `turn` maps hand space to view
    space; `origin` is the camera in hand space; `focal` is in pixels; `distance` in mm.
    """

    size: tuple[int, int]
    turn: Array
    middle: Array
    origin: Array
    focal: float
    distance: float
    principal: tuple[float, float]

    def project(self, points: Array) -> Array:
        """(N, 3) mm in hand space → (N, 2) pixels."""
        x, y, z = self.to_view(points).T
        scale = self.focal / (self.distance - z)
        return np.stack([self.principal[0] + x * scale, self.principal[1] - y * scale], axis=1)

    def to_view(self, points: Array) -> Array:
        """(N, 3) mm in hand space → (N, 3) mm in view space."""
        return product(points - self.middle, self.turn.T)

    def to_camera(self, points: Array) -> Array:
        """(N, 3) mm in hand space → (N, 3) metres from the camera: right, down, forward."""
        x, y, z = self.to_view(points).T
        return np.stack([x, -y, self.distance - z], axis=1) / 1000.0

    def directions(self, u: Field, v: Field) -> Points:
        """Unit directions in hand space of the rays through pixels (u, v), each (N,) float32."""
        x = (u - np.float32(self.principal[0])) * np.float32(1.0 / self.focal)
        y = (np.float32(self.principal[1]) - v) * np.float32(1.0 / self.focal)
        scale = 1.0 / np.sqrt(x * x + y * y + 1.0)
        columns = self.turn.astype(np.float32)
        dx, dy, dz = (
            (columns[0, i] * x + columns[1, i] * y - columns[2, i]) * scale for i in range(3)
        )
        return dx, dy, dz

    def footprint(self, pixels: float) -> float:
        """Size in mm, at a distance of 1 mm, of a radius in pixels."""
        return pixels / self.focal


def place_camera(view: View, skeleton: Skeleton, size: tuple[int, int], left: bool) -> Camera:
    """The camera that sees a hand as `view` says. A left hand is a right one that `turn` mirrors
    first, so the same yaw still shows its palm.
    """
    height, width = size
    short = min(height, width)
    roll = rotation(np.array([0.0, 0.0, 1.0]), -view.roll)
    pitch = rotation(np.array([1.0, 0.0, 0.0]), view.pitch)
    turn = product(product(roll, pitch), rotation(np.array([0.0, 1.0, 0.0]), view.yaw))
    if left:
        turn = turn * (-1.0, 1.0, 1.0)
    cos, sin = cos_sin(view.field_of_view / 2.0)
    focal = short / (2.0 * (sin / cos))
    distance = focal * PALM_LENGTH / (view.scale * short)
    middle = skeleton.joints[list(PALM_JOINTS)].mean(axis=0)
    origin = middle + product(turn.T, np.array([0.0, 0.0, distance])[:, None])[:, 0]
    principal = (view.centre[0] * width, view.centre[1] * height)
    return Camera(size, turn, middle, origin, float(focal), float(distance), principal)
