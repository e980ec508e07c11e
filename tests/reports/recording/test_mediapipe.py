"""Golden cases agree with MediaPipe's records, and a difference fails."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.golden.make import make_golden
from blazepalm.golden.manifest import GoldenSet
from blazepalm.golden.mediapipe import RecordedHand, pixels_sha256, recorded_cases
from blazepalm.models.runners import HandModels
from blazepalm.reports.hands.open_models import open_hand_models
from blazepalm.reports.recording.agreement import AGREEMENT_LIMITS
from blazepalm.reports.recording.mediapipe import Agreement, compare
from support.models import shared_model

NAMES = ("open-right", "two-hands", "near-border-left", "file-rgba", "hard-stripes")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return make_golden(tmp_path_factory.mktemp("golden") / "set", names=NAMES, jobs=1)


@pytest.fixture(scope="module")
def models() -> HandModels:
    return open_hand_models(
        shared_model("palm-full-2023-09"), shared_model("hand-full-2022"), "tflite"
    )


def test_golden_cases_are_mediapipes(golden: GoldenSet, models: HandModels) -> None:
    found = compare(golden, models, 1, "tflite")
    assert found.cases == len(NAMES)
    assert found.passed and not found.changed, found
    assert found.hands >= 4


def test_the_lite_models_are_not_the_full_ones(golden: GoldenSet, models: HandModels) -> None:
    found = compare(golden, models, 0, "tflite")
    assert not found.changed and not found.passed


def test_a_wrong_rule_is_seen(golden: GoldenSet, models: HandModels) -> None:
    rule = dataclasses.replace(models.palm_rule, shift=(0.0, -0.45))
    found = compare(golden, dataclasses.replace(models, palm_rule=rule), 1, "tflite")
    assert not found.changed and not found.passed


def test_nothing_compared_is_no_agreement(golden: GoldenSet, models: HandModels) -> None:
    unknown = tuple(dataclasses.replace(c, name=f"{c.name}-x") for c in golden.cases)
    with pytest.raises(CouldNotVerify, match="no case"):
        compare(dataclasses.replace(golden, cases=unknown), models, 1, "tflite")
    empty = Agreement(1, "tflite", 1, 0, dict.fromkeys(AGREEMENT_LIMITS, 0.0), (), ())
    assert not empty.passed
    assert dataclasses.replace(empty, hands=1).passed


def test_other_pixels_are_told(golden: GoldenSet, models: HandModels, tmp_path: Path) -> None:
    """The case has another case's picture."""
    shutil.copytree(golden.folder, tmp_path / "set")
    swapped = [c for c in golden.cases if c.name == "hard-stripes"]
    renamed = dataclasses.replace(swapped[0], name="open-right")
    other = dataclasses.replace(golden, folder=tmp_path / "set", cases=(renamed,))
    found = compare(other, models, 1, "tflite")
    assert found.changed == ("open-right",)
    assert not found.passed


def test_handedness_is_not_mirrored() -> None:
    """MediaPipe assumes a mirrored image: what it calls left is a right hand."""
    points = np.zeros((21, 3), np.float32)
    assert RecordedHand(points, points, "Left", 0.9).handedness == 0.9
    assert RecordedHand(points, points, "Right", 0.75).handedness == 0.25


def test_the_records_are_of_the_golden_set() -> None:
    from blazepalm.golden.cases import CASES

    records = recorded_cases()
    names = {plan.name for plan in CASES}
    assert set(records) <= names
    assert len(records) >= 48
    for name, record in records.items():
        assert set(record.hands) == {0, 1}
        for hands in record.hands.values():
            assert len(hands) <= 2
            assert not (hands and name.startswith("hard-black"))
            assert all(hand.landmarks.shape == (21, 3) for hand in hands)


def test_the_digest_is_of_pixels() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert pixels_sha256(image) == pixels_sha256(image.transpose(1, 0, 2).copy().transpose(1, 0, 2))
    assert pixels_sha256(image) != pixels_sha256(image[:, ::-1])
