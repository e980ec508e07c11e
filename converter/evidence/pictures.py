"""The rendered pictures that show what a network does: a right hand, the same hand as a left one
(the mirror image), and the scene without a hand, each with its truth.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.crop import Pixels, crop_region, crop_whole
from blazepalm.models.regions import region_from_landmarks
from blazepalm.models.releases import defaults

SIDE = 256  # pixels of a picture
SEED = 1


@dataclass(frozen=True)
class Picture:
    """`pixels` (H, W, 3) uint8 RGB; `joints` (21, 2): where the hand's joints are, x and y
    normalised to the picture; None without a hand.
    """

    pixels: Pixels
    joints: NDArray[np.float64] | None = None


@cache
def scenes() -> tuple[Picture, Picture, Picture]:
    """A right hand, a left hand, no hand."""
    from blazepalm.golden.camera import View
    from blazepalm.golden.poses import POSES
    from blazepalm.golden.render import render_hand, render_scene

    size = (SIDE, SIDE)
    view = View(6, 4, -4, 0.3, (0.5, 0.62))
    right = render_hand(POSES["open"], view, handedness="right", size=size, seed=SEED)
    joints = right.joints_2d / SIDE
    mirrored = np.stack((1.0 - joints[:, 0], joints[:, 1]), axis=1)
    return (
        Picture(right.image, joints),
        Picture(np.ascontiguousarray(right.image[:, ::-1]), mirrored),
        Picture(render_scene([], size=size, seed=SEED).image),
    )


def crops(size: tuple[int, int]) -> tuple[Picture, Picture, Picture]:
    """The scenes as the pipeline crops them for a landmark model of an input `size` (height,
    width): the region around the true joints, by the newest generation's rule.
    """
    right, left, none = scenes()
    return _cropped(right, size), _cropped(left, size), Picture(crop_whole(none.pixels, size)[0])


def letterboxed(size: tuple[int, int]) -> tuple[Picture, Picture, Picture]:
    """The scenes as a detector of an input `size` gets them."""
    found = []
    for scene in scenes():
        pixels, box = crop_whole(scene.pixels, size)
        joints = scene.joints
        if joints is not None:
            joints = joints * (1 - 2 * box.left, 1 - 2 * box.top) + (box.left, box.top)
        found.append(Picture(pixels, joints))
    right, left, none = found
    return right, left, none


def exposures(pixels: Pixels) -> tuple[Pixels, ...]:
    """The picture as it is, dark, darker, with little contrast, and as a negative. On these a
    network that gets another value range than it learnt goes wrong first.
    """
    values = pixels.astype(np.float32)
    return (
        pixels,
        (values * 0.3).astype(np.uint8),
        (values * 0.12).astype(np.uint8),
        (values * 0.25 + 96.0).astype(np.uint8),
        255 - pixels,
    )


def _cropped(scene: Picture, size: tuple[int, int]) -> Picture:
    assert scene.joints is not None
    shape = (scene.pixels.shape[0], scene.pixels.shape[1])
    region = region_from_landmarks(scene.joints.astype(np.float32), shape, defaults("hand").roi)
    pixels, box = crop_region(scene.pixels, region, size)
    away = scene.joints - (region.x_center, region.y_center)  # the picture is square
    cos, sin = np.cos(region.rotation), np.sin(region.rotation)
    turned = np.stack(
        (away[:, 0] * cos + away[:, 1] * sin, away[:, 1] * cos - away[:, 0] * sin), axis=1
    )
    joints = turned / (region.width, region.height) + 0.5
    joints = joints * (1 - 2 * box.left, 1 - 2 * box.top) + (box.left, box.top)
    return Picture(pixels, joints)
