"""Renders posed hands as an image with its truth: 2-D and 3-D joints, boxes, handedness.

Each hand is ray-marched as an implicit surface in its own layer, supersampled where its outline or
its depth breaks, and composited over the background. The same arguments give the same bytes.
Encoding is gamma 2 (a square root), close to sRGB.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden import skin
from blazepalm.golden.backgrounds import make_background
from blazepalm.golden.camera import Camera, View, place_camera
from blazepalm.golden.distance import Field, pack
from blazepalm.golden.exact import Array
from blazepalm.golden.gloves import GLOVES, fitted
from blazepalm.golden.layer import HandScene, render_layer
from blazepalm.golden.lighting import LIGHTS
from blazepalm.golden.skeleton import Pose, pose_skeleton
from blazepalm.golden.surface import Cone, build_surface

MAX_PIXELS = 64_000_000


@dataclass(frozen=True)
class HandTruth:
    """The truth about one rendered hand.

    `joints_2d` (21, 2) float64 pixels, x then y, (0, 0) the image's upper left corner; `joints_3d`
    (21, 3) float64 metres from the camera: right, down, forward; `handedness` `"left"` or
    `"right"`, the hand's own side; `box` xmin, ymin, xmax, ymax in pixels of the hand without its
    arm, not clipped to the image.
    """

    joints_2d: Array
    joints_3d: Array
    handedness: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class RenderedHand(HandTruth):
    """A `HandTruth` with its `image` (H, W, 3) uint8 RGB."""

    image: NDArray[np.uint8]


@dataclass(frozen=True)
class RenderedScene:
    """`image` (H, W, 3) uint8 RGB and the truth of each hand, in the given order."""

    image: NDArray[np.uint8]
    hands: tuple[HandTruth, ...]


@dataclass(frozen=True)
class HandModel:
    """One hand of a scene. `tone` and `sleeve` are names in `skin.TONES` and `skin.SLEEVES`
    (sleeve None: a bare arm); `cuff` is where the sleeve begins, in mm below the wrist; `glove` a
    name in `gloves.GLOVES`, None for none.
    """

    pose: Pose = field(default_factory=Pose)
    view: View = field(default_factory=View)
    handedness: str = "right"
    tone: str = "light"
    sleeve: str | None = "navy"
    cuff: float = 70.0
    glove: str | None = None

    def __post_init__(self) -> None:
        if self.handedness not in ("left", "right"):
            raise ValueError(f"handedness is {self.handedness!r}, expected 'left' or 'right'")
        if self.tone not in skin.TONES:
            raise ValueError(f"tone is {self.tone!r}, expected one of {list(skin.TONES)}")
        if self.sleeve is not None and self.sleeve not in skin.SLEEVES:
            raise ValueError(f"sleeve is {self.sleeve!r}, expected one of {list(skin.SLEEVES)}")
        if self.glove is not None and self.glove not in GLOVES:
            raise ValueError(f"glove is {self.glove!r}, expected one of {list(GLOVES)}")


def render_hand(
    pose: Pose,
    view: View | None = None,
    *,
    handedness: str = "right",
    tone: str = "light",
    sleeve: str | None = "navy",
    light: str = "window",
    background: str = "gradient",
    size: tuple[int, int] = (480, 640),
    seed: int = 0,
) -> RenderedHand:
    """One hand in an image of `size` (height, width).

    `light` is a name in `lighting.LIGHTS`, `background` one in `backgrounds.BACKGROUNDS`.
    `seed` chooses the background and the skin's mottling. Raises ValueError for unknown names,
    angles no hand has, and images over 64 megapixels.
    """
    hand = HandModel(pose, view or View(), handedness, tone, sleeve)
    scene = render_scene([hand], light=light, background=background, size=size, seed=seed)
    truth = scene.hands[0]
    return RenderedHand(
        truth.joints_2d, truth.joints_3d, truth.handedness, truth.box, image=scene.image
    )


def render_scene(
    hands: Sequence[HandModel],
    *,
    light: str = "window",
    background: str | NDArray[np.uint8] = "gradient",
    size: tuple[int, int] = (480, 640),
    seed: int = 0,
) -> RenderedScene:
    """Renders any number of hands, nearer ones in front. `background` may be an image of `size`.
    Other arguments and errors as for `render_hand`.
    """
    height, width = size
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise ValueError(f"size is {height}×{width}, expected 1 to {MAX_PIXELS} pixels")
    if light not in LIGHTS:
        raise ValueError(f"light is {light!r}, expected one of {list(LIGHTS)}")
    if isinstance(background, str):
        colour = make_background(background, size, seed)
    else:
        if background.shape != (height, width, 3):
            raise ValueError(f"background is {background.shape}, expected {(height, width, 3)}")
        scaled = background.astype(np.float32) * np.float32(1.0 / 255.0)
        colour = np.ascontiguousarray(np.moveaxis(scaled * scaled, 2, 0))
    truths, layers = [], []
    for index, model in enumerate(hands):
        skeleton = pose_skeleton(model.pose)
        camera = place_camera(model.view, skeleton, size, model.handedness == "left")
        cones = build_surface(skeleton, model.cuff if model.sleeve else None)
        glove = GLOVES[model.glove] if model.glove else None
        cones = fitted(cones, glove) if glove else cones
        table = skin.lattice(seed * 16 + index)
        tone, sleeve = skin.TONES[model.tone], skin.SLEEVES[model.sleeve or "navy"]
        scene = HandScene(camera, pack(cones), tone, sleeve, LIGHTS[light], table, glove)
        layers.append(render_layer(scene))
        truths.append(_truth(camera, skeleton.joints, cones, model.handedness))
    if layers:  # per pixel, the furthest layer first
        order = np.argsort(np.stack([-layer.depth for layer in layers]), axis=0, kind="stable")
        for rank in order:
            for index, layer in enumerate(layers):
                chosen = rank == index
                colour = colour * (1.0 - layer.coverage * chosen) + layer.colour * chosen
    return RenderedScene(encode(colour), tuple(truths))


def encode(colour: Field) -> NDArray[np.uint8]:
    """(3, H, W) linear → (H, W, 3) uint8, with a soft shoulder above 0.8."""
    high = np.maximum(colour - np.float32(0.8), np.float32(0.0))
    soft = np.minimum(colour, np.float32(0.8)) + high / (1.0 + 5.0 * high)
    values = np.sqrt(np.clip(soft, np.float32(0.0), np.float32(1.0))) * np.float32(255.0)
    return np.ascontiguousarray(np.moveaxis((values + np.float32(0.5)).astype(np.uint8), 0, 2))


def _truth(camera: Camera, joints: Array, cones: Sequence[Cone], handedness: str) -> HandTruth:
    radii = np.full(21, 10.0)
    radii[0] = 22.0
    for cone in cones:
        if cone.joint and not cone.soft:
            radii[cone.joint] = cone.radii[1]
    pixels = camera.project(joints)
    depth = camera.distance - camera.to_view(joints)[:, 2]
    reach = (radii * camera.focal / np.maximum(depth, 1.0))[:, None]
    low, high = (pixels - reach).min(axis=0), (pixels + reach).max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return HandTruth(pixels, camera.to_camera(joints), handedness, box)
