"""Rendered hands: bytes are repeatable, the truth fits the pixels, and detectors that know nothing
about the renderer confirm it.
"""

import dataclasses

import numpy as np
import pytest

from blazepalm.golden import march
from blazepalm.golden.backgrounds import make_background
from blazepalm.golden.camera import View
from blazepalm.golden.lighting import LIGHTS
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import HandModel, encode, render_hand, render_scene
from support.converted import converted
from support.hand_scenes import SCENES, facts, rendered

SMALL = (160, 192)


def test_the_same_arguments_give_the_same_bytes() -> None:
    first, second = (render_hand(POSES["victory"], size=SMALL, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.joints_2d, second.joints_2d)
    other = render_hand(POSES["victory"], size=SMALL, seed=4)
    assert (other.image != first.image).any()
    np.testing.assert_array_equal(other.joints_2d, first.joints_2d)


def test_what_comes_back() -> None:
    hand = render_hand(POSES["open"], size=SMALL, handedness="left")
    assert hand.image.shape == (*SMALL, 3)
    assert hand.image.dtype == np.uint8
    assert hand.joints_2d.shape == (21, 2)
    assert hand.joints_3d.shape == (21, 3)
    assert hand.handedness == "left"
    xmin, ymin, xmax, ymax = hand.box
    assert (hand.joints_2d > (xmin, ymin)).all() and (hand.joints_2d < (xmax, ymax)).all()
    with pytest.raises(dataclasses.FrozenInstanceError):
        hand.handedness = "right"  # type: ignore[misc]


@pytest.mark.parametrize("pose", ["open", "fist"])
def test_the_hand_is_where_its_joints_are(pose: str) -> None:
    """On a black background with flat light, every joint lies on the hand's pixels, and the
    hand's pixels above the wrist lie in the box.
    """
    view = View(scale=0.28, centre=(0.5, 0.62))
    black = np.zeros((*SMALL, 3), np.uint8)
    model = HandModel(POSES[pose], view, sleeve=None)
    scene = render_scene([model], background=black, light="overcast", size=SMALL)
    covered = scene.image.any(axis=2)
    truth = scene.hands[0]
    for x, y in truth.joints_2d:
        assert covered[int(y), int(x)]
    xmin, ymin, xmax, _ = truth.box
    wrist = int(truth.joints_2d[0, 1])
    rows, columns = np.nonzero(covered[:wrist])
    assert rows.size > 500
    assert columns.min() + 0.5 > xmin - 3 and columns.max() + 0.5 < xmax + 3
    assert rows.min() + 0.5 > ymin - 3
    assert abs(rows.min() - ymin) < 8  # and the box is tight


def test_outlines_are_antialiased() -> None:
    black = np.zeros((*SMALL, 3), np.uint8)
    scene = render_scene([HandModel()], background=black, light="overcast", size=SMALL)
    value = scene.image.max(axis=2).astype(int)
    row = value[SMALL[0] // 2]
    inside = row[row > 0]
    assert inside[0] < 0.9 * inside[4]  # the first pixel is but partly covered


def test_tiles_and_culling_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = render_hand(POSES["pinch"], View(-40), size=SMALL).image.astype(int)
    monkeypatch.setattr(march, "visible", lambda camera, cones, corner: cones)
    monkeypatch.setattr(march, "TILE", 1024)
    whole = render_hand(POSES["pinch"], View(-40), size=SMALL).image.astype(int)
    difference = np.abs(reference - whole)
    assert (difference > 2).mean() < 0.002
    assert difference.mean() < 0.02


def test_nearer_hands_hide_further_ones() -> None:
    near = HandModel(POSES["fist"], View(scale=0.35, centre=(0.5, 0.5)), tone="deep")
    far = HandModel(POSES["open"], View(scale=0.15, centre=(0.5, 0.55)), tone="porcelain")
    alone = render_scene([near], size=SMALL).image
    for order in ([near, far], [far, near]):
        both = render_scene(order, size=SMALL).image
        row, column = SMALL[0] // 2, SMALL[1] // 2
        patch = (slice(row - 8, row + 8), slice(column - 8, column + 8))
        assert np.abs(both[patch].astype(int) - alone[patch]).mean() < 6


@pytest.mark.parametrize("light", LIGHTS)
def test_no_light_drowns_a_hand(light: str) -> None:
    hand = render_hand(POSES["open"], light=light, size=(96, 96), background="plain")
    x, y = hand.joints_2d[9].astype(int)
    patch = hand.image[y - 2 : y + 3, x - 2 : x + 3].astype(int)
    assert 25 < patch.mean() < 250
    assert (patch[..., 0] > patch[..., 2]).all()  # skin is redder than blue


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (37, 8)])
def test_any_size(size: tuple[int, int]) -> None:
    assert render_hand(POSES["cup"], size=size).image.shape == (*size, 3)


def test_no_hand_leaves_the_background() -> None:
    scene = render_scene([], background="clutter", size=SMALL, seed=2)
    np.testing.assert_array_equal(scene.image, encode(make_background("clutter", SMALL, 2)))
    assert scene.hands == ()


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="handedness is 'Right'"):
        render_hand(POSES["open"], handedness="Right", size=SMALL)
    with pytest.raises(ValueError, match="tone is 'green'"):
        render_hand(POSES["open"], tone="green", size=SMALL)
    with pytest.raises(ValueError, match="light is 'moon'"):
        render_hand(POSES["open"], light="moon", size=SMALL)
    with pytest.raises(ValueError, match="background is 'sea'"):
        render_hand(POSES["open"], background="sea", size=SMALL)
    with pytest.raises(ValueError, match="pixels"):
        render_hand(POSES["open"], size=(9000, 9000))


VIEWS = (View(0, 4, 0), View(180, 4, 20), View(35, 8, -30), View(-30, 5, 90))


@pytest.mark.parametrize(("number", "pose"), list(enumerate(POSES)))
def test_palm_full_finds_every_pose(number: int, pose: str) -> None:
    tones = ("light", "deep", "tan", "porcelain", "brown", "olive")
    view = dataclasses.replace(VIEWS[number % len(VIEWS)], scale=0.22, centre=(0.5, 0.5))
    hand = render_hand(
        POSES[pose], view, tone=tones[number % 6], size=(224, 224), seed=number, light="window"
    )
    found = converted("palm-full-2023-09").module.predict_on_image(hand.image)
    assert len(found) == 1
    assert float(found.scores[0]) >= 0.8
    wrist, middle = found.keypoints[0][[0, 2]].numpy() * 224
    palm = np.linalg.norm(hand.joints_2d[0] - hand.joints_2d[9])
    assert np.linalg.norm(wrist - hand.joints_2d[0]) < 0.35 * palm
    assert np.linalg.norm(middle - hand.joints_2d[9]) < 0.35 * palm


@pytest.mark.parametrize("name", SCENES)
def test_mediapipe_finds_the_joints_where_the_truth_says(name: str) -> None:
    truths = rendered(name).hands
    found = facts()[name]["hands"]
    assert len(found) == len(truths)
    for hand in found:
        landmarks = np.array(hand["landmarks"])[:, :2]
        errors = [np.linalg.norm(landmarks - t.joints_2d, axis=1).mean() for t in truths]
        truth = truths[int(np.argmin(errors))]
        spans = truth.joints_2d[[5, 9, 17, 17]] - truth.joints_2d[[0, 0, 0, 5]]
        palm = np.linalg.norm(spans, axis=1).max()
        assert min(errors) / palm < 0.09
        # MediaPipe names sides as in a mirror
        assert hand["label"] == {"left": "Right", "right": "Left"}[truth.handedness]
        assert hand["score"] > 0.9
