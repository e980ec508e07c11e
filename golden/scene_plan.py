"""A scene as data: what `render.render_scene` draws, and the effects after it, all by name."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.camera import View
from blazepalm.golden.effects import Effects, apply_effects
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import HandModel, HandTruth, render_scene

Image = NDArray[np.uint8]

VGA = (480, 640)


@dataclass(frozen=True)
class ScenePlan:
    """The arguments of `render.render_scene`, poses by name, the effects applied after it, and the
    gloves on all hands.
    """

    poses: tuple[str, ...]
    views: tuple[View, ...]
    sides: tuple[str, ...]
    tones: tuple[str, ...]
    sleeves: tuple[str | None, ...]
    light: str = "window"
    background: str = "gradient"
    size: tuple[int, int] = VGA
    effects: Effects = field(default_factory=Effects)
    glove: str | None = None


def draw_scene(scene: ScenePlan, seed: int) -> tuple[Image, tuple[HandTruth, ...]]:
    """Renders a scene and applies its effects."""
    looks = zip(scene.poses, scene.views, scene.sides, scene.tones, scene.sleeves, strict=True)
    hands = [
        HandModel(POSES[pose], view, side, tone, sleeve, glove=scene.glove)
        for pose, view, side, tone, sleeve in looks
    ]
    rendered = render_scene(
        hands, light=scene.light, background=scene.background, size=scene.size, seed=seed
    )
    return apply_effects(rendered.image, scene.effects, seed), rendered.hands
