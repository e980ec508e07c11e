"""Checking a recording: the comparison on paper, the rest with the lite models."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import CouldNotVerify
from blazepalm.golden.manifest import GoldenCase, GoldenSet, file_sha256
from blazepalm.reports.recording.check import (
    GONE,
    OTHER_PIXELS,
    CaseCheck,
    RecordingCheck,
    check_recording,
    compare,
)
from blazepalm.reports.recording.recorded_file import (
    KeptCase,
    KeptHand,
    ModelName,
    Models,
    Recording,
)
from blazepalm.reports.recording.recording import record
from support.own_golden import NAMES, lite_models, own_golden

SIZE = (480, 640)
THRESHOLDS = {"score": 0.5, "presence": 0.5}
MODELS = Models(ModelName("a", "0" * 64), ModelName("b", "1" * 64), "tflite")
GENERATOR = np.random.default_rng(0)


def known(left: float, score: float = 0.9, presence: float = 0.95) -> KeptHand:
    """A hand a quarter of the picture wide."""

    def numbers(*shape: int) -> np.ndarray:
        return GENERATOR.random(shape).astype(np.float32) * np.float32(0.25)

    return KeptHand(
        box=np.array([left, 0.5, left + 0.2, 0.7], np.float32),
        keypoints=numbers(7, 2) + np.float32(left),
        score=np.array(score, np.float32),
        landmarks=numbers(21, 3) + np.array([left, 0.4, 0.0], np.float32),
        presence=np.array(presence, np.float32),
        handedness=np.array(0.8, np.float32),
        world_landmarks=numbers(21, 3),
    )


HAND, OTHER = known(0.1), known(0.6)


def changed(name: str, by: float, *index: int) -> KeptHand:
    values = np.array(getattr(HAND, name))
    values[index] += np.float32(by)
    return dataclasses.replace(HAND, **{name: values})


def compared(recorded: list[KeptHand], found: list[KeptHand]) -> CaseCheck:
    return compare(KeptCase("one", "0" * 64, tuple(recorded)), found, SIZE, THRESHOLDS)


def whole(*cases: CaseCheck) -> RecordingCheck:
    return RecordingCheck(MODELS, MODELS, cases)


def test_the_same_hands_pass_in_any_order() -> None:
    same = compared([HAND, OTHER], [OTHER, HAND])
    assert same.reasons == () and len(same.differences) == 2
    assert set(same.worst.values()) == {0.0}
    assert whole(same).passed
    assert compared([], []).reasons == ()


PIXEL = 1 / 640
# what is changed, by how much, where → by less than which limit that passes
BEYOND: dict[str, tuple[KeptHand, KeptHand]] = {
    "farthest landmark": (
        changed("landmarks", PIXEL, 8, 0),
        changed("landmarks", 0.4 * PIXEL, 8, 0),
    ),
    "z, picture widths": (changed("landmarks", 0.0011, 3, 2), changed("landmarks", 0.0009, 3, 2)),
    "world landmarks": (
        changed("world_landmarks", -0.0011, 20, 1),
        changed("world_landmarks", -0.0009, 20, 1),
    ),
    "handedness": (changed("handedness", 0.011), changed("handedness", 0.009)),
    "farthest palm keypoint": (
        changed("keypoints", 1 / 480, 2, 1),
        changed("keypoints", 0.4 / 480, 2, 1),
    ),
    "palm box": (changed("box", 0.0023, 2), changed("box", 0.0018, 2)),  # of 0.2: IoU 0.9886, 0.991
    "palm score": (changed("score", 0.011), changed("score", 0.009)),
    "presence": (changed("presence", 0.011), changed("presence", 0.009)),
}


@pytest.mark.parametrize("name", BEYOND)
def test_one_number_beyond_its_limit(name: str) -> None:
    far, near = BEYOND[name]
    (reason,) = compared([HAND], [far]).reasons
    assert reason.startswith(name)
    assert not whole(compared([HAND], [far])).passed
    assert compared([HAND], [near]).reasons == ()
    assert whole(compared([HAND], [near])).passed


def test_lengths_are_those_of_a_picture_640_long() -> None:
    """A pixel of a picture twice as large is half a pixel, and of a small one more."""
    far = changed("landmarks", PIXEL, 8, 0)
    case = KeptCase("one", "0" * 64, (HAND,))
    for size in ((960, 1280), (120, 160)):
        found = compare(case, [far], size, THRESHOLDS)
        assert found.worst["most"] == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    ("recorded", "found"),
    [([HAND, OTHER], [OTHER]), ([HAND], []), ([HAND], [HAND, OTHER]), ([], [HAND])],
)
def test_a_hand_that_is_missing_or_new(recorded: list[KeptHand], found: list[KeptHand]) -> None:
    result = compared(recorded, found)
    assert result.unmatched == 1 and result.ties == 0
    (reason,) = result.reasons
    assert reason == f"hands: {len(recorded)} recorded, {len(found)} found, 1 unmatched"
    assert not whole(result).passed


def test_another_hand_in_its_place() -> None:
    assert compared([HAND], [OTHER]).unmatched == 2


@pytest.mark.parametrize("close", [known(0.6, score=0.515), known(0.6, presence=0.485)])
def test_a_hand_at_a_threshold_may_fall_either_way(close: KeptHand) -> None:
    for recorded, found in (([HAND, close], [HAND]), ([HAND], [HAND, close])):
        result = compared(recorded, found)
        assert (result.unmatched, result.ties) == (0, 1)
        assert whole(result).passed
    clear = dataclasses.replace(close, score=np.float32(0.55), presence=np.float32(0.55))
    assert not whole(compared([HAND, clear], [HAND])).passed


def test_the_mean_is_that_of_all_hands() -> None:
    """Every landmark is off by 0.08 px: too much alone, but not averaged with an equal hand."""
    away = dataclasses.replace(
        HAND, landmarks=HAND.landmarks + np.array([0.08 * PIXEL, 0, 0], np.float32)
    )
    case = compared([HAND], [away])
    assert case.reasons == () and not whole(case).passed
    assert whole(case, compared([OTHER], [OTHER])).passed


@pytest.mark.parametrize("name", ["world_landmarks", "handedness"])
def test_what_only_one_of_them_says(name: str) -> None:
    silent = dataclasses.replace(HAND, **{name: None})
    assert compared([silent], [silent]).reasons == ()
    for pair in (([HAND], [silent]), ([silent], [HAND])):
        assert compared(*pair).reasons


def test_other_keypoints_are_other_points() -> None:
    fewer = dataclasses.replace(HAND, keypoints=HAND.keypoints[:5])
    assert compared([HAND], [fewer]).reasons[0].startswith("farthest palm keypoint")


def test_nothing_compared_does_not_pass() -> None:
    assert not whole().passed


# the pictures --------------------------------------------------------------------------------


@pytest.fixture
def golden(tmp_path: Path) -> GoldenSet:
    return own_golden(tmp_path)


def test_pictures_are_as_they_were_recorded(golden: GoldenSet) -> None:
    recording, _ = record(golden, *lite_models())
    seen: list[str] = []
    found = check_recording(
        golden, recording, *lite_models(), on_case=lambda name, done, total: seen.append(name)
    )
    assert found.passed and found.hands == 3 and found.unrecorded == ()
    assert [case.name for case in found.cases] == seen == list(NAMES)
    assert set(found.differences.values()) == {0.0}

    part = dataclasses.replace(recording, cases=recording.cases[1:])
    found = check_recording(golden, part, *lite_models())
    assert found.passed and found.unrecorded == ("own-two",)
    found = check_recording(golden, recording, *lite_models(), names=["own-back"])
    assert [case.name for case in found.cases] == ["own-back"] and found.unrecorded == ()


def repainted(golden: GoldenSet, case: GoldenCase) -> GoldenCase:
    """One pixel differs, in the file and in the manifest."""
    image = golden.image(case)
    image[0, 0] ^= 1
    Image.fromarray(image).save(golden.folder / case.file)
    return dataclasses.replace(case, sha256=str(file_sha256(golden.folder / case.file)))


def damaged(golden: GoldenSet, case: GoldenCase) -> GoldenCase:
    (golden.folder / case.file).write_bytes(b"something else")
    return case


def removed(golden: GoldenSet, case: GoldenCase) -> GoldenCase:
    (golden.folder / case.file).unlink()
    return case


@pytest.mark.parametrize("change", [repainted, damaged, removed])
def test_a_changed_picture_fails_and_the_others_are_compared(
    golden: GoldenSet, change: Callable[[GoldenSet, GoldenCase], GoldenCase]
) -> None:
    recording, _ = record(golden, *lite_models())
    cases = tuple(change(golden, c) if c.name == "own-back" else c for c in golden.cases)
    found = check_recording(dataclasses.replace(golden, cases=cases), recording, *lite_models())
    assert not found.passed
    assert [case.reasons for case in found.cases] == [(), (OTHER_PIXELS,), ()]
    assert found.cases[1].found is None and found.hands == 2


def test_a_picture_that_is_gone_fails(golden: GoldenSet) -> None:
    recording, _ = record(golden, *lite_models())
    cases = tuple(case for case in golden.cases if case.name != "own-two")
    found = check_recording(dataclasses.replace(golden, cases=cases), recording, *lite_models())
    assert not found.passed and found.cases[0].reasons == (GONE,)


def test_nothing_recorded_is_not_verified(golden: GoldenSet) -> None:
    empty = Recording(MODELS, ())
    with pytest.raises(CouldNotVerify, match="nothing was recorded; "):
        check_recording(golden, empty, *lite_models())
    with pytest.raises(CouldNotVerify, match="nothing was recorded of 'own-two'"):
        check_recording(golden, empty, *lite_models(), names=["own-two"])
