"""Gloves: on the hand and nowhere else, with stitches as deep as they say."""

import dataclasses

import numpy as np
import pytest

from blazepalm.golden.camera import View
from blazepalm.golden.gloves import GLOVES, covered, fitted, stitches
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import HandModel, RenderedScene, render_scene
from blazepalm.golden.skeleton import pose_skeleton
from blazepalm.golden.skin import Surface, lattice
from blazepalm.golden.surface import build_surface

TABLE = lattice(1)


def scene(glove: str | None) -> RenderedScene:
    """A bare arm from below, so that skin is seen beyond the cuff."""
    view = View(scale=0.28, centre=(0.5, 0.5))
    model = HandModel(POSES["open"], view, sleeve=None, glove=glove)
    return render_scene([model], light="overcast", background="plain", size=(128, 128))


def test_a_glove_ends_below_the_wrist() -> None:
    """Blue rubber to the cuff, skin below it; the joints are where they were."""
    bare, gloved = scene(None), scene("nitrile")
    truth, other = bare.hands[0], gloved.hands[0]
    np.testing.assert_array_equal(truth.joints_2d, other.joints_2d)
    for joint in (0, 2, 5, 9, 12, 17):
        x, y = truth.joints_2d[joint].astype(int)
        red, _, blue = gloved.image[y, x].astype(int)
        assert blue > red + 40
        red, _, blue = bare.image[y, x].astype(int)
        assert red > blue
    x, y = truth.joints_2d[0].astype(int)
    below = gloved.image[y + 25, x].astype(int)  # 60 mm: 0.28 · 128 pixels are the palm's 86.5
    assert below[0] > below[2]
    np.testing.assert_array_equal(gloved.image[:8], bare.image[:8])  # and nothing else


def test_colours_on_paper() -> None:
    """At three places along the hand: in the glove, in its cuff, beyond it."""
    skin = Surface(np.full((3, 3), 0.5, np.float32), np.full(3, 0.25), np.zeros(3))
    points = (np.zeros(3), np.array([10.0, -30.0, -50.0]), np.zeros(3))
    glove = dataclasses.replace(GLOVES["leather"], uneven=0.0)
    found = covered(skin, glove, points, TABLE)
    colour = np.array(glove.colour)
    np.testing.assert_allclose(found.albedo[:, 0], colour, rtol=1e-6)
    np.testing.assert_allclose(found.albedo[:, 1], 0.75 * colour, rtol=1e-6)
    np.testing.assert_allclose(found.albedo[:, 2], 0.5)
    np.testing.assert_allclose(found.gloss, [0.45, 0.45, 0.25])
    assert found.cloth.tolist() == [1.0, 1.0, 0.0]
    sleeve = dataclasses.replace(skin, cloth=np.ones(3))
    np.testing.assert_array_equal(covered(sleeve, glove, points, TABLE).albedo, skin.albedo)


def test_stitches_on_paper() -> None:
    """One bone, a stitch of 2 mm and a depth of 0.5: highest where both waves are, else lowest."""
    glove = dataclasses.replace(GLOVES["wool"], stitch=2.0, depth=0.5)
    x = np.array([0.0, 1.0, 1.0, 0.5])  # waves of x: 1, 0, 0, 1/2
    y = np.array([1.0, 0.0, 1.0, -0.5])  # of y, moved by half of them: 1, 1, 0, 1
    where = tuple(axis[None].astype(np.float32) for axis in (x, y, 0 * x))
    found = stitches(glove, where, np.zeros((1, 4), np.float32))  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [0.0, -0.5, -0.5, -0.25], atol=1e-6)
    smooth = stitches(GLOVES["nitrile"], where, np.zeros((1, 4)))  # type: ignore[arg-type]
    assert smooth.tolist() == [0.0] * 4


def test_a_glove_is_as_thick_as_it_says() -> None:
    cones = build_surface(pose_skeleton(POSES["open"]))
    thicker = fitted(cones, GLOVES["wool"])
    for cone, other in zip(cones, thicker, strict=True):
        more = 0.0 if cone.part == "sleeve" else GLOVES["wool"].thickness
        assert other.radii == (cone.radii[0] + more, cone.radii[1] + more)
    assert any(cone.part == "sleeve" for cone in cones)


def test_an_unknown_glove() -> None:
    with pytest.raises(ValueError, match="glove is 'mitten', expected one of"):
        HandModel(glove="mitten")
