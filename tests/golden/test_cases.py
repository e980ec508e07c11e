"""The table of golden cases: the set's coverage, and names that say what they mean."""

from collections import Counter

import msgspec
import numpy as np
import pytest

from blazepalm.golden.camera import place_camera
from blazepalm.golden.cases import CASES, SCENES, draw_case
from blazepalm.golden.effects import Effects
from blazepalm.golden.files import MAKERS
from blazepalm.golden.hard import DRAWINGS
from blazepalm.golden.lighting import LIGHTS
from blazepalm.golden.manifest import Name
from blazepalm.golden.poses import POSES
from blazepalm.golden.scene_plan import ScenePlan, draw_scene
from blazepalm.golden.skeleton import pose_skeleton
from blazepalm.golden.skin import TONES
from blazepalm.golden.stress import STRESS_SCENES

HANDS = [scene for _, scene in SCENES]
STRESS = {name: scene for name, _, scene in STRESS_SCENES}
PLANS = {plan.name: plan for plan in CASES}


def test_names_are_unique_and_safe() -> None:
    assert len(PLANS) == len(CASES)
    assert msgspec.convert(list(PLANS), list[Name]) == list(PLANS)
    assert len({plan.seed for plan in CASES}) == len(CASES)


def test_how_many() -> None:
    kinds = Counter(plan.kind for plan in CASES)
    assert kinds["hand"] >= 35 and kinds["hard"] == 6 and kinds["file"] == 10
    assert 0 < kinds["stress"] <= 10
    assert {plan.hard for plan in CASES} - {None} == set(DRAWINGS)
    assert {plan.file for plan in CASES} - {None} == set(MAKERS)


def test_everything_is_there() -> None:
    rendered = [*HANDS, *STRESS.values()]
    assert {pose for scene in rendered for pose in scene.poses} == set(POSES)
    assert {tone for scene in HANDS for tone in scene.tones} == set(TONES)
    assert {side for scene in HANDS for side in scene.sides} == {"left", "right"}
    assert {scene.light for scene in HANDS} == set(LIGHTS)
    assert {s.background for s in HANDS} >= {"plain", "gradient", "noise", "stripes", "clutter"}
    assert {len(scene.poses) for scene in HANDS} == {1, 2}
    yaws = [abs(view.yaw) for scene in HANDS for view in scene.views]
    assert min(yaws) < 5 and max(yaws) > 170 and any(45 < yaw < 100 for yaw in yaws)
    scales = [view.scale for scene in HANDS for view in scene.views]
    assert min(scales) < 0.1 and max(scales) > 0.4
    shapes = [scene.size[1] / scene.size[0] for scene in HANDS]
    assert min(shapes) < 0.5 and max(shapes) > 2.0


def test_rotations_go_all_round() -> None:
    rolls = sorted({view.roll % 360 for scene in HANDS for view in scene.views})
    gaps = np.diff([*rolls, rolls[0] + 360])
    assert gaps.max() <= 50
    for name, scene in SCENES:
        if name.startswith("rotated-"):
            assert scene.views[0].roll == int(name.removeprefix("rotated-"))


def test_effects_are_where_their_names_say() -> None:
    scenes = dict(SCENES)
    assert scenes["motion-blur"].effects.motion is not None
    assert scenes["sensor-noise"].effects.gain is not None
    assert scenes["jpeg-30"].effects.jpeg == 30
    shapes = {
        name: scenes[f"occluded-by-{name}"].effects.occluder for name in ("bar", "box", "hand")
    }
    assert shapes["bar"] is not None and shapes["bar"].shape == "bar"
    assert shapes["box"] is not None and shapes["box"].shape == "box"
    assert shapes["hand"] is None and len(scenes["occluded-by-hand"].poses) == 2
    plain = [name for name, scene in SCENES if scene.effects == Effects()]
    assert len(plain) == len(SCENES) - 5


def fingers(scene: ScenePlan) -> list[np.ndarray]:
    """(16, 2) pixels of each hand's four fingers."""
    found = []
    for pose, view, side in zip(scene.poses, scene.views, scene.sides, strict=True):
        skeleton = pose_skeleton(POSES[pose])
        camera = place_camera(view, skeleton, scene.size, side == "left")
        found.append(camera.project(skeleton.joints[5:]))
    return found


def test_stress_is_of_the_kinds_that_its_names_say() -> None:
    """A hand 20 to 40 pixels long: 190 mm, of which 86.5 are the palm."""
    assert STRESS["glove"].glove is not None
    assert all(
        view.pitch < 0 and view.centre[1] > 0.7 and view.field_of_view > 50
        for view in STRESS["egocentric"].views
    )
    dark = STRESS["dark-blur"]
    assert dark.light == "dim" and dark.effects.motion is not None and dark.effects.gain is not None
    for name in ("small", "small-jpeg"):
        scene = STRESS[name]
        assert 20 <= scene.views[0].scale * min(scene.size) / 86.5 * 190 <= 40
    for name in ("interlaced", "interlaced-dim"):
        one, other = fingers(STRESS[name])
        low, high = np.maximum(one.min(0), other.min(0)), np.minimum(one.max(0), other.max(0))
        assert (low < high).all()  # each hand has fingers where the other's are
    assert STRESS["before-face"].background == "portrait"
    assert STRESS["half-hidden"].effects.occluder is not None
    assert STRESS["jpeg-13"].effects.jpeg == 13


def test_an_effect_leaves_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = dict(SCENES)["motion-blur"]
    small = ScenePlan(
        scene.poses, scene.views, scene.sides, scene.tones, scene.sleeves, size=(60, 80)
    )
    blurred = ScenePlan(**{**vars(small), "effects": scene.effects})
    (sharp, one), (soft, other) = (draw_scene(plan, 3) for plan in (small, blurred))
    np.testing.assert_array_equal(one[0].joints_2d, other[0].joints_2d)
    assert (sharp != soft).any()


def test_hard_cases_hold_no_hand() -> None:
    image, hands = draw_case(PLANS["hard-stripes"])
    assert image.shape == (480, 640, 3) and hands == ()
