"""The golden set as a table: named pictures of hands, those that strain the networks
(`golden.stress`), pictures without a hand, and difficult files.

A case is data; `draw_case` renders its picture and its truth. Changing a picture means changing
`GOLDEN_VERSION` and `golden.lock.json` (`blazepalm golden make -o DIR --lock`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from blazepalm.golden import hard
from blazepalm.golden.camera import View
from blazepalm.golden.effects import Effects, Occluder
from blazepalm.golden.render import HandTruth
from blazepalm.golden.scene_plan import VGA, Image, ScenePlan, draw_scene
from blazepalm.golden.stress import STRESS_SCENES

GOLDEN_VERSION = 2

HAND, STRESS, HARD, FILE = "hand", "stress", "hard", "file"


@dataclass(frozen=True)
class CasePlan:
    """One case. `hard` names a drawing in `golden.hard`, `file` a file in `golden.files`."""

    name: str
    kind: str
    seed: int
    scene: ScenePlan | None = None
    hard: str | None = None
    file: str | None = None


def _hand(
    name: str,
    pose: str,
    view: View,
    side: str = "right",
    tone: str = "light",
    sleeve: str | None = "navy",
    **options: object,
) -> tuple[str, ScenePlan]:
    return name, ScenePlan((pose,), (view,), (side,), (tone,), (sleeve,), **options)  # type: ignore[arg-type]


def _pair(
    name: str,
    poses: tuple[str, str],
    views: tuple[View, View],
    tones: tuple[str, str],
    **options: object,
) -> tuple[str, ScenePlan]:
    sides, sleeves = ("left", "right"), ("forest", "rust")
    return name, ScenePlan(poses, views, sides, tones, sleeves, **options)  # type: ignore[arg-type]


SCENES: tuple[tuple[str, ScenePlan], ...] = (
    _hand("open-right", "open", View(6, 4, -4), "right", "light"),
    _hand("open-left", "open", View(-8, 5, 7), "left", "tan", "rust", background="room"),
    _hand("fist", "fist", View(18, 2, 4, 0.24), "right", "olive", "charcoal", light="lamp"),
    _hand("point", "point", View(-20, 6, -12), "left", "light", "forest", background="clutter"),
    _hand("pinch", "pinch", View(28, 4, 0), "right", "brown", "white", light="noon"),
    _hand("victory", "victory", View(10, 5, 8), "left", "deep", "sand", background="room"),
    _hand("thumb-up", "thumb", View(18, 4, -84, 0.24), "right", "tan", background="plain"),
    _hand("cup", "cup", View(-30, 8, 10, 0.24), "left", "porcelain", "navy", light="overcast"),
    _hand("back-of-hand", "open", View(176, 2, -8), "right", "porcelain", "rust"),
    _hand("back-of-left", "victory", View(168, 4, 14), "left", "olive", "white", light="noon"),
    _hand("side-view", "open", View(62, 4, 0, 0.26), "right", "brown", "sand"),
    _hand("fingers-at-camera", "cup", View(5, 38, 0, 0.24), "right", "light", "navy"),
    _hand("bare-arm", "open", View(0, 6, 12), "left", "brown", None, background="clutter"),
    _hand("tone-deep", "open", View(8, 4, 0), "right", "deep", "white", light="flash"),
    _hand("tone-porcelain", "pinch", View(20, 4, -6), "left", "porcelain", "charcoal"),
    _hand("light-dim", "open", View(4, 4, 6), "right", "tan", "navy", light="dim"),
    _hand("on-stripes", "victory", View(-6, 4, 0), "right", "light", "navy", background="stripes"),
    _hand("on-noise", "open", View(6, 6, -14), "left", "olive", "forest", background="noise"),
    _hand("rotated-50", "open", View(6, 4, 50, 0.24, (0.5, 0.5)), "right", "light", "rust"),
    _hand("rotated-100", "point", View(-10, 4, 100, 0.24, (0.5, 0.5)), "left", "brown", "sand"),
    _hand("rotated-150", "victory", View(8, 4, 150, 0.24, (0.5, 0.5)), "right", "tan", "white"),
    _hand("rotated-180", "open", View(4, 4, 180, 0.24, (0.5, 0.42)), "left", "light", "navy"),
    _hand("rotated-220", "cup", View(14, 6, 220, 0.22, (0.5, 0.45)), "right", "deep", "rust"),
    _hand("rotated-270", "fist", View(16, 2, 270, 0.24, (0.5, 0.5)), "left", "olive", "forest"),
    _hand("rotated-310", "pinch", View(24, 4, 310, 0.24, (0.5, 0.5)), "right", "porcelain", "navy"),
    _hand("rotated-350", "thumb", View(-14, 4, 350, 0.24), "left", "brown", "charcoal"),
    _hand("wide-frame", "open", View(6, 4, 0, 0.3, (0.3, 0.6)), "right", "tan", size=(300, 760)),
    _hand("tall-frame", "victory", View(-6, 4, 6, 0.36), "left", "light", size=(720, 340)),
    _hand("odd-frame", "open", View(10, 4, -20), "right", "olive", "sand", size=(353, 471)),
    _hand("near-border-left", "open", View(4, 4, 0, 0.25, (0.15, 0.6)), "left", "light", "rust"),
    _hand("near-border-top", "point", View(-8, 4, 0, 0.25, (0.55, 0.36)), "right", "brown"),
    _hand("tiny", "open", View(6, 4, -6, 0.09, (0.55, 0.5)), "right", "tan", "navy"),
    _hand("huge", "open", View(4, 2, 0, 0.46, (0.5, 0.66)), "left", "light", "navy"),
    _pair(
        "two-hands",
        ("open", "open"),
        (View(5, 5, 8, 0.22, (0.27, 0.6)), View(174, 4, 10, 0.22, (0.74, 0.6))),
        ("light", "tan"),
    ),
    _pair(
        "two-hands-close",
        ("victory", "fist"),
        (View(-6, 4, 4, 0.22, (0.33, 0.58)), View(14, 2, -4, 0.22, (0.66, 0.58))),
        ("deep", "porcelain"),
        background="room",
    ),
    _hand(
        "occluded-by-bar",
        "open",
        View(6, 4, -4),
        "right",
        "light",
        effects=Effects(occluder=Occluder("bar", (0.5, 0.36), (0.9, 0.05), -8)),
    ),
    _hand(
        "motion-blur",
        "open",
        View(6, 4, 8),
        "left",
        "tan",
        effects=Effects(motion=(9.0, 25.0)),
    ),
    _hand("sensor-noise", "victory", View(4, 4, 0), "right", "olive", effects=Effects(gain=14.0)),
    _hand("jpeg-30", "pinch", View(22, 4, 6), "left", "light", "rust", effects=Effects(jpeg=30)),
    _hand(
        "occluded-by-box",
        "open",
        View(-4, 4, 6),
        "left",
        "brown",
        "sand",
        background="room",
        effects=Effects(occluder=Occluder("box", (0.62, 0.5), (0.24, 0.3), 12, (176, 62, 52))),
    ),
    _pair(
        "occluded-by-hand",
        ("open", "fist"),
        (View(-8, 4, -6, 0.25, (0.42, 0.56)), View(14, 2, -12, 0.27, (0.57, 0.62))),
        ("tan", "porcelain"),
    ),
)

CASES: tuple[CasePlan, ...] = (
    *(CasePlan(name, HAND, seed, scene=scene) for seed, (name, scene) in enumerate(SCENES, 1)),
    *(CasePlan(f"stress-{name}", STRESS, seed, scene=scene) for name, seed, scene in STRESS_SCENES),
    *(CasePlan(f"hard-{name}", HARD, 100 + i, hard=name) for i, name in enumerate(hard.DRAWINGS)),
    *(
        CasePlan(f"file-{name}", FILE, 200 + i, file=name)
        for i, name in enumerate(
            (
                "greyscale",
                "rgba",
                "palette",
                "16-bit",
                "cmyk-jpeg",
                "exif-rotated",
                "1x1",
                "8000x6000",
                "truncated",
                "not-an-image",
            )
        )
    ),
)

FILE_SCENE = ScenePlan(
    ("open",), (View(6, 4, 10, 0.26),), ("right",), ("tan",), ("navy",), size=(240, 320)
)  # the scene in the difficult files


def draw_case(plan: CasePlan) -> tuple[Image, tuple[HandTruth, ...]]:
    """The picture of a case that is not a difficult file, (H, W, 3) uint8 RGB, and its hands."""
    if plan.hard is not None:
        draw: Callable[[tuple[int, int], int], Image] = hard.DRAWINGS[plan.hard]
        return draw(VGA, plan.seed), ()
    assert plan.scene is not None
    return draw_scene(plan.scene, plan.seed)
