"""The smallest package that passes: kinds of single weights as Core ML stores them, the search's
sizes and choices, and a package of mixed kinds that is executed.
"""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from blazepalm.converter.convert import convert
from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.converter.coreml.options import MIXED
from blazepalm.converter.loading import read_record
from blazepalm.converter.verify import verify
from blazepalm.errors import ArtifactError, CouldNotVerify
from blazepalm.models.newest import newest_hand_spec
from blazepalm.reports.backends.mil import load
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import MAX, MIN, SUM, Scalar
from blazepalm.reports.compression import package, search
from blazepalm.reports.compression.measure import Cost, Measure, used
from blazepalm.reports.compression.package import IntegerPackage, SmallestPackage
from blazepalm.reports.compression.search import Choice, Found, Way, bytes_of, smallest, stored
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.stages.stages import HandRules
from support.converted import converted, images
from support.hand_scenes import rendered

HAND = "hand-recrop-2020-07"
RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def weight() -> np.ndarray:
    return RANDOM.normal(size=(64, 40)).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "size", "step"),
    [
        # one byte a value; for each of 64 channels a float16 scale and a zero point
        ("int8", 2560 + 64 * 3, 4.5 / 127),
        ("palettize8", 2560 + 256 * 2, 0.1),
        ("palettize6", 2560 * 6 // 8 + 64 * 2, 0.4),
        ("palettize4", 2560 // 2 + 16 * 2, 1.5),
    ],
)
def test_what_a_weight_becomes(weight: np.ndarray, kind: str, size: int, step: float) -> None:
    """Every value is read back to within half a step: of the largest value's 127th, or of the
    widest gap of a palette of the normal distribution.
    """
    read_back = stored(weight, kind, 2)
    assert read_back.shape == weight.shape and bytes_of(weight, kind, 2) == size
    assert 0 < np.abs(read_back - weight).max() < step
    entries = {"palettize8": 256, "palettize6": 64, "palettize4": 16}.get(kind, 2560)
    assert len(np.unique(read_back)) <= entries


def test_core_ml_stores_what_was_measured(tmp_path: Path) -> None:
    """The executed package gives the outputs of the module with the same weights: coremltools'
    integers and palettes are those of the search, up to float32's sums.
    """
    model = converted(HAND)
    names = [
        name
        for name, value in model.module.state_dict().items()
        if name.endswith("weight") and value.numel() > 2048
    ][:3]
    kinds = dict(zip(names, ("int8", "palettize4", "palettize6"), strict=True))
    options = CoreMLOptions(
        face="raw", precision="fp32", compress=MIXED, weights=tuple(kinds.items())
    )
    record = export(model, tmp_path, options)
    assert dict(record.weights) == kinds
    image = images(HAND, 1, seed=2)
    found = load(tmp_path / record.name).run({record.inputs[0].name: image})["output_crop"]
    own = {name: value.clone() for name, value in model.module.state_dict().items()}
    try:
        for name, kind in kinds.items():
            value = torch.from_numpy(stored(own[name].numpy(), kind, 4))
            model.module.state_dict()[name].copy_(value)
        with torch.no_grad():
            expected = model.module(torch.from_numpy(image))[0].numpy()
    finally:
        model.module.load_state_dict(own)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_shares_of_the_limits() -> None:
    """On paper: 0.25 of 0.5 px, 1 − 0.996 of 1 − 0.99; a lost detection is beyond any limit."""
    landmarks = {("landmarks", "largest error"): Scalar(0.25, MAX, "px", best=0.0)}
    assert used(landmarks, rows.LANDMARKS, LIMITS) == 0.5
    boxes = {("boxes", "IoU"): Scalar(0.996, MIN, "", best=1.0)}
    assert used(boxes, rows.SUPPRESSED, LIMITS) == pytest.approx(0.4)
    lost = {("detections", "unmatched"): Scalar(1.0, SUM, "detections")}
    assert used(lost, rows.SUPPRESSED, LIMITS) == math.inf


def test_what_the_task_does_not_judge_is_held_to_its_limits() -> None:
    """On paper: a hand of 100 px and 150 mm. 0.25 px of depth are half of 0.5 px; 0.75 mm are as
    much of the hand as 0.5 px.
    """
    measure = Measure.__new__(Measure)
    measure.limits, measure.rules = LIMITS, HandRules(newest_hand_spec())
    points = np.zeros((21, 3), np.float32)
    points[1, 0] = 100 / 224
    reference = {"landmarks": points, "world_landmarks": points * np.float32(2.24 * 0.15)}
    depth = {("landmarks z", "largest error"): Scalar(0.25, MAX, "px")}
    world = {("world_landmarks", "largest error"): Scalar(0.75, MAX, "mm")}
    assert measure._unjudged(depth, reference) == pytest.approx(0.5)
    assert measure._unjudged({**depth, **world}, reference) == pytest.approx(1.0)
    assert measure._unjudged({}, reference) == 0.0


class Two:
    """Two weights of 10 kB; the second one costs ten times the first."""

    def __init__(self) -> None:
        self.now = {"a": 0.0, "b": 0.0}
        self.size = 20000

    def set(self, name: str, values: float) -> None:
        self.now[name] = values

    def cost(self) -> Cost:
        return Cost(math.hypot(*self.now.values()), 0.0)


def test_the_price_compresses_what_costs_least() -> None:
    """Of all choices that keep the limits, the smallest: `a` by 4 bits, `b` by 8."""
    two = Two()
    ways = {
        name: [Way("", 10000, 0.0, 0.0)]
        + [Way(k, size, (c * factor) ** 2, c * factor) for k, size, c in KINDS]
        for name, factor in (("a", 0.1), ("b", 1.0))
    }
    curve = search._curve(two, ways, two.cost, lambda what, done, total: None)  # type: ignore[arg-type]
    best = min((c for c in curve if c.passes), key=lambda c: c.size)
    assert dict(best.weights) == {"a": "palettize4", "b": "palettize8"}
    assert best.size == 8000 and any(not c.passes for c in curve)


KINDS = (("palettize8", 5000, 0.3), ("palettize6", 4000, 0.9), ("palettize4", 3000, 3.0))


def test_no_hand_no_measure() -> None:
    blank = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(CouldNotVerify, match="finds no hand in the pictures"):
        Measure(converted("hand-lite-2022"), [blank], LIMITS)
    with pytest.raises(CouldNotVerify, match="needs a palm detector or a landmark model"):
        smallest(converted(HAND), [blank])


def test_kinds_are_known() -> None:
    with pytest.raises(ArtifactError, match="choose"):
        CoreMLOptions(compress=MIXED, weights=(("a.weight", "zip"),))
    with pytest.raises(ArtifactError, match="need Core ML compress mixed"):
        CoreMLOptions(weights=(("a.weight", "int8"),))


@pytest.mark.skipif(
    not os.environ.get("BLAZEPALM_EVERY_RELEASE"), reason="long: BLAZEPALM_EVERY_RELEASE=1 runs it"
)
def test_integers_between_the_layers(tmp_path: Path, hand_picture: None) -> None:
    """Every convolution and addition of the network reads values that went through `quantize`; the
    decoder's do not. The executed package still finds the hand; `verify` writes the same bytes.
    """
    (folder,) = convert("palm-lite", tmp_path / "palm", coreml=IntegerPackage())
    assert verify(folder).passed
    written = read_record(folder)["coreml"]
    assert (written["compress"], written["target"]) == ("int8", "iOS17")
    program = load(folder / written["name"])
    image = rendered("open").image
    measure = Measure(converted("palm-lite-2021-11"), [image], LIMITS)
    (levels, *_) = measure.inputs[0]
    found = program.run({"image": levels.astype(np.uint8)}, intermediates=True)
    kinds = written["operations"]
    # 27 additions of which the decoder's has a constant; 51 convolutions; 4 poolings
    assert kinds["quantize"] == kinds["dequantize"] == 51 + 4 + 2 * 25
    steps = [values for name, values in found.items() if values.dtype == np.int8]
    assert len(steps) == kinds["quantize"] and max(len(np.unique(s)) for s in steps) > 200
    assert found["scores"].max() > 0.9


def test_a_choice_that_loses_a_hand_is_kept_without_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """JSON has no infinity."""
    curve = (Choice((("a", "int8"),), 90, Cost(0.5, 0.1)), Choice((), 80, Cost(math.inf, math.inf)))
    monkeypatch.setattr(package, "smallest", lambda *_, **__: Found(curve[0], curve, 100, 1))
    options = SmallestPackage().measured(converted(HAND), [])
    assert options.measured == ((100, 0.0, 0.0), (90, 0.5, 0.1), (80, None, None))


@pytest.fixture
def hand_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures on one rendered hand, in place of the golden set's."""
    for kind in (SmallestPackage, IntegerPackage):
        monkeypatch.setattr(kind, "_hands", lambda self: [rendered("open").image])


def test_a_package_is_found_recorded_and_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand_picture: None
) -> None:
    """Of three weights, on one rendered hand; `verify` writes the same bytes again."""
    places = search.Weights.__init__

    def few(self: search.Weights, *given: object) -> None:
        places(self, *given)  # type: ignore[arg-type]
        self.places = dict(list(self.places.items())[-3:])

    monkeypatch.setattr(search.Weights, "__init__", few)
    (folder,) = convert("palm-lite", tmp_path / "palm", coreml=SmallestPackage())
    assert verify(folder).passed
    written = read_record(folder)["coreml"]
    assert written["compress"] == MIXED and 1 <= len(written["weights"]) <= 3
    sizes = [size for size, _, _ in written["measured"]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) >= 2
