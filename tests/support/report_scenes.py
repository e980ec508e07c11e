"""Pictures for reports made up of whole cloth: hands of known joints, painted flat, in no time."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from blazepalm.golden.backgrounds import make_background
from blazepalm.golden.camera import View, place_camera
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import encode
from blazepalm.golden.skeleton import pose_skeleton
from blazepalm.reports.hands.draw import FINGERS, PALM

SIZE = (480, 640)
EDGE = View(30, 4, -45, 0.3, (0.9, 0.6))  # cut off by the picture's border


@dataclass(frozen=True)
class Scene:
    """A picture, its hands' joints (21, 2) in pixels, and which hands they are."""

    name: str
    kind: str
    image: np.ndarray
    joints: tuple[np.ndarray, ...]
    sides: tuple[str, ...]


def scene(name: str, kind: str, ground: str, *hands: tuple[str, View, str]) -> Scene:
    """Hands as flat as paper, on a background of the golden set."""
    import cv2

    skin = ((226, 180, 152), (141, 92, 66), (198, 150, 120))
    image = encode(make_background(ground, SIZE, seed=len(name)))
    joints = []
    for index, (pose, view, side) in enumerate(hands):
        skeleton = pose_skeleton(POSES[pose])
        points = place_camera(view, skeleton, SIZE, side == "left").project(skeleton.joints)
        joints.append(points)
        colour = skin[(len(name) + index) % len(skin)]
        palm = np.rint(points[[0, 1, 5, 9, 13, 17]]).astype(np.int32)
        width = int(np.hypot(*(points[9] - points[0])) / 4.5)
        cv2.fillConvexPoly(image, cv2.convexHull(palm), colour, cv2.LINE_AA)
        bones = [*PALM, *((c[i], c[i + 1]) for c, _ in FINGERS.values() for i in range(3))]
        for a, b in bones:
            ends = [tuple(int(v) for v in np.rint(points[i])) for i in (a, b)]
            cv2.line(image, ends[0], ends[1], colour, max(width, 3), cv2.LINE_AA)
    return Scene(name, kind, image, tuple(joints), tuple(side for _, _, side in hands))


@cache
def scenes() -> tuple[Scene, ...]:
    return (
        scene("open-right-light", "hand", "gradient", ("open", View(8, 5, -6), "right")),
        scene("open-left-far", "hand", "clutter", ("open", View(4, 0, 12, 0.12), "left")),
        scene("victory-left", "hand", "gradient", ("victory", View(0, 8, 10), "left")),
        scene("thumb-right", "hand", "clutter", ("thumb", View(20, 0, 4, 0.3), "right")),
        scene("cup-rotated", "hand", "gradient", ("cup", View(0, 5, 135, 0.24), "left")),
        scene("point-upside-down", "hard", "clutter", ("point", View(-25, 8, 180), "left")),
        scene("pinch-edge", "hard", "gradient", ("pinch", EDGE, "right")),
        scene(
            "two-hands", "hard", "gradient",
            ("open", View(5, 5, 8, 0.24, (0.27, 0.6)), "left"),
            ("open", View(174, 4, 10, 0.24, (0.74, 0.6)), "right"),
        ),
        scene("nobody", "hard", "clutter"),
        scene("own-photo", "own", "gradient", ("open", View(14, 5, 20, 0.3), "right")),
        scene("park", "photo", "clutter", ("open", View(10, 5, 30, 0.2), "left")),
        scene("desk", "photo", "clutter", ("cup", View(-10, 5, 10, 0.3), "right")),
    )  # fmt: skip


def write_images(folder: Path) -> None:
    """The pictures of the cases, where the reports say that they are."""
    from PIL import Image

    (folder / "images").mkdir(parents=True, exist_ok=True)
    for each in scenes():
        Image.fromarray(each.image).save(folder / "images" / f"{each.name}.jpg", quality=88)
