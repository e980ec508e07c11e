"""What noise of half a grey level allows a hand and a box, worked out on paper; and once through
the networks themselves.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from blazepalm.converter.threads import one_torch_thread
from blazepalm.golden.render import render_scene
from blazepalm.reports.backends.backend import Backend, Outputs
from blazepalm.reports.backends.names import MIL_FP16, TFLITE, TORCH
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.cases.palm import locate_hands
from blazepalm.reports.cases.sensitivity import (
    NOISE_SEED,
    allowed_boxes,
    allowed_hand,
    is_near_limit,
    noisy,
)
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import Detections, Scalars
from blazepalm.reports.compare.rows import FAIL, MAX, MIN, PASS, SUM, Row, Scalar
from blazepalm.reports.judge.policy import DRAWS, LIMITS
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.judge.verdict import judge_model
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject
from support.hand_scenes import SCENES
from support.models import shared_model


def test_the_noise_is_half_a_grey_level_of_every_pixel() -> None:
    image = np.zeros((1, 8, 9, 3), np.float32)
    found = noisy(image, (-1.0, 1.0)) * (255 / 2)
    assert found.shape == (DRAWS, 8, 9, 3) and found.dtype == np.float32
    assert 0.49 < np.abs(found).max() <= 0.5 and abs(found.mean()) < 0.02
    assert len({values.tobytes() for values in found}) == DRAWS
    first = np.random.Generator(np.random.PCG64(NOISE_SEED)).random(dtype=np.float32)
    assert found.flat[0] == pytest.approx(first - 0.5, abs=1e-6)
    assert noisy(image, (-1.0, 1.0)).tobytes() == noisy(image, (-1.0, 1.0)).tobytes()


def hand(error: float, presence: float, *, margin: float = 0.4, flips: float = 0.0) -> Scalars:
    return {
        ("landmarks", "mean error"): Scalar(error / 3, "mean", "px"),
        ("landmarks", "largest error"): Scalar(error, MAX, "px", best=0.0),
        ("presence", "difference"): Scalar(presence, MAX, "", best=0.0),
        ("presence", "margin to the threshold"): Scalar(margin, MIN, ""),
        ("presence", "flips"): Scalar(flips, SUM, "flips"),
    }


def test_a_hand_may_move_as_far_as_noise_moves_it() -> None:
    draws = [hand(0.4, 0.001), hand(0.9, 0.002)]
    found = allowed_hand(hand(0.8, 0.003), draws)
    landmarks, presence = (found[k, m] for k, m in (("landmarks", "largest error"),
                                                    ("presence", "difference")))  # fmt: skip
    assert (landmarks.value, landmarks.sensitivity, landmarks.beyond) == (0.8, 0.9, None)
    assert (presence.value, presence.sensitivity, presence.beyond) == (0.003, 0.002, 0.003)
    assert found["landmarks", "mean error"] == hand(0.8, 0)["landmarks", "mean error"]
    assert allowed_hand(hand(0.8, 0.003), []) == hand(0.8, 0.003), "nothing was measured"


@pytest.mark.parametrize(("margin", "flips"), [(0.03, 0.0), (0.05, 1.0)])
def test_a_flip_that_noise_makes_as_well_is_a_tie(margin: float, flips: float) -> None:
    found = allowed_hand(hand(0.1, 0.06, margin=margin, flips=1.0), [hand(0.1, 0.04)])
    assert found["presence", "flips"].value == flips


@pytest.mark.parametrize(
    ("scalars", "near"),
    [
        (hand(0.24, 0.004), False), (hand(0.26, 0.004), True), (hand(0.24, 0.006), True),
        (hand(float("nan"), 0.0), True), (hand(0.1, 0.0, flips=1.0), True),
    ],
)  # fmt: skip
def test_it_is_measured_beyond_half_a_limit(scalars: Scalars, near: bool) -> None:
    assert is_near_limit(scalars, rows.LANDMARKS, LIMITS) == near


def detections(overlaps: dict[int, float], lost: Any = (), extra: Any = ()) -> Detections:
    alone = len(lost) + len(extra)
    scalars = {
        ("detections", "unmatched"): Scalar(float(alone), SUM, "detections"),
        ("detections", "within the margin"): Scalar(0.0, SUM, "detections"),
    }
    if overlaps:
        scalars["boxes", "IoU"] = Scalar(min(overlaps.values()), MIN, "", best=1.0)
    boxes = {i: np.array([x, 0.0, x + 1, 1]) for i, x in (*lost, *extra)}
    return Detections(
        scalars, overlaps, {i: boxes[i] for i, _ in lost}, {i: boxes[i] for i, _ in extra}
    )


def test_every_box_has_its_own_sensitivity() -> None:
    """Box 0 moves less than noise moves it, box 1 more; noise takes box 2 away."""
    found = detections({0: 0.95, 1: 0.97, 2: 0.6})
    draws = [detections({0: 0.94, 1: 0.98}), detections({0: 0.99, 1: 0.99, 2: 0.9})]
    allowed = allowed_boxes(found, draws, LIMITS.iou)
    overlap = allowed.scalars["boxes", "IoU"]
    assert (overlap.value, overlap.sensitivity, overlap.beyond) == (0.6, 0.0, 0.97)
    assert allowed.reference == {0, 2}


def test_a_detection_that_noise_takes_away_or_adds_is_a_tie() -> None:
    found = detections({}, lost=[(0, 0.0), (1, 5.0)], extra=[(0, 9.0), (1, 20.0)])
    draws = [detections({}, lost=[(0, 0.0)]), detections({}, extra=[(7, 9.1)])]
    allowed = allowed_boxes(found, draws, LIMITS.iou)
    assert allowed.scalars["detections", "unmatched"].value == 2
    assert allowed.scalars["detections", "within the margin"].value == 2
    assert (allowed.reference, allowed.candidate) == ({0}, {0})


@dataclass(frozen=True)
class Moved:
    """A backend whose landmarks are `pixels` further right."""

    backend: Backend
    output: str
    pixels: float
    name: str = MIL_FP16

    def run(self, images: np.ndarray) -> Outputs:
        found = dict(self.backend.run(images))
        shift = np.tile(np.array([self.pixels, 0.0, 0.0], np.float32), 21)
        return {**found, self.output: found[self.output] + shift}


@pytest.fixture(scope="module")
def pair() -> tuple[Subject, Subject]:
    """palm-lite with LiteRT, hand-lite with LiteRT and the float32 module."""
    found = [
        open_subject(
            name, shared_model(name).read_bytes(), workers=1, packages=None, only=(TFLITE, TORCH)
        )
        for name in ("palm-lite-2021-11", "hand-lite-2022")
    ]
    return found[0], found[1]


@cache
def picture(name: str) -> np.ndarray:
    scene = SCENES[name]
    return render_scene(scene.hands, **scene.options).image


def sensitivity(pair: tuple[Subject, Subject], name: str) -> float:
    """What noise does to LiteRT, an independent witness: pixels."""
    palm, hand = pair
    chain = hand.hand_chain(TFLITE)
    (region,) = locate_hands(palm, picture(name)).regions
    tensor, _ = chain.crop(picture(name), region)

    def landmarks(image: np.ndarray) -> np.ndarray:
        return chain.run(image)["landmarks"].reshape(21, 3)[:, :2].astype(np.float64)

    still = landmarks(tensor)
    moved = (landmarks(image[None]) - still for image in noisy(tensor, hand.value_range))
    return max(float(np.hypot(*change.T).max()) for change in moved)


def judged(pair: tuple[Subject, Subject], name: str, pixels: float) -> Row:
    """The row of a float16 backend that is float32's, moved by `pixels`."""
    palm, hand = pair
    (output,) = [o for o, f in zip(hand.outputs, hand.fields, strict=True) if f == "landmarks"]
    moved = Moved(hand.backends[TORCH], output, pixels)
    hand = replace(hand, backends={**hand.backends, MIL_FP16: moved})
    totals = Totals(LIMITS)
    group = Group(palm=palm, hands=(hand,), judged=False)
    with one_torch_thread():
        totals.add([compare_case(group, Case("picture", "own", picture(name)))])
    wanted = (MIL_FP16, rows.LANDMARKS, "landmarks", "largest error")
    (row,) = [
        row
        for row in judge_model(totals, hand, LIMITS)
        if (row.backend, row.stage, row.output, row.metric) == wanted
    ]
    return row


@pytest.mark.parametrize(
    ("name", "shares"),
    [("fist", {0.4: PASS, 0.9: PASS, 1.1: FAIL}), ("open", {1.6: PASS, 2.2: FAIL})],
)
def test_a_hard_picture_allows_what_noise_does_to_it(
    pair: tuple[Subject, Subject], name: str, shares: dict[float, str]
) -> None:
    """Noise moves the fist by more than the fixed 0.5 px, and the open hand by less."""
    allowed = sensitivity(pair, name)
    assert (allowed > LIMITS.landmarks_max_px) == (name == "fist")
    for share, status in shares.items():
        row = judged(pair, name, share * allowed)
        assert row.value == pytest.approx(share * allowed, abs=1e-3)
        assert row.status == status and row.limit == LIMITS.landmarks_max_px
        assert row.spread is not None and row.spread.sensitivity is not None
        assert row.spread.sensitivity == pytest.approx(allowed, abs=1e-3)
        if status == FAIL:
            assert "half a grey level of noise" in row.reasons[0]
