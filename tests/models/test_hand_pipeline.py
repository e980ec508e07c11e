"""The whole pipeline against MediaPipe's recorded output; the order of its stages with networks
made of numbers. The pictures are the recorded ones on every machine. With LiteRT on x86-64 every
landmark is MediaPipe's own (see `test_photos.py`); the limits leave room for another processor's
XNNPACK.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from blazepalm.golden.sequence import sequence
from blazepalm.models.hand_pipeline import PALM_LANDMARKS, Hand, HandPipeline, HandTracker
from blazepalm.models.regions import region_from_landmarks
from blazepalm.models.release_registry import load_registry
from blazepalm.models.runners import HandModels, torch_models
from blazepalm.reports.hands.open_models import open_hand_models
from support.converted import converted
from support.hand_scenes import (
    ODD_SCENES,
    SCENES,
    SEQUENCE_SIZE,
    recorded,
    rendered,
    sequence_facts,
    sha256,
)
from support.models import shared_model

COMPLEXITIES = {
    "0": ("palm-lite-2021-11", "hand-lite-2022"),
    "1": ("palm-full-2023-09", "hand-full-2022"),
}
# pixels, on average and at most; then z in image widths and world landmarks in metres
MAX_MEAN, MAX_PIXELS, MAX_DEPTH, MAX_WORLD = 0.05, 0.5, 0.001, 0.001
PREFIX = 15  # frames of the sequence that are rendered here; the second hand enters in them


def litert(complexity: str) -> HandModels:
    palm, hand = (shared_model(name) for name in COMPLEXITIES[complexity])
    return open_hand_models(palm, hand, "tflite")


@pytest.fixture(scope="module", params=COMPLEXITIES)
def mediapipes(request: pytest.FixtureRequest) -> tuple[str, HandModels]:
    return request.param, litert(request.param)


@pytest.fixture(scope="module")
def torch_networks() -> HandModels:
    detector, landmarks = (converted(name).module for name in COMPLEXITIES["1"])
    return torch_models(detector, landmarks)  # type: ignore[arg-type]


def assert_equal(
    hands: tuple[Hand, ...], expected: list[dict[str, Any]], size: tuple[int, int]
) -> None:
    """As many hands, in MediaPipe's order, within the limits."""
    assert len(hands) == len(expected)
    for hand, truth in zip(hands, expected, strict=True):
        assert hand.handedness is not None and hand.world_landmarks is not None
        away = np.abs(hand.landmarks - np.array(truth["landmarks"]))
        pixels = np.hypot(away[:, 0] * size[1], away[:, 1] * size[0])
        assert pixels.mean() <= MAX_MEAN and pixels.max() <= MAX_PIXELS
        assert away[:, 2].max() <= MAX_DEPTH
        assert np.abs(hand.world_landmarks - np.array(truth["world"])).max() <= MAX_WORLD
        left = float(hand.handedness)  # of a mirrored picture, which MediaPipe expects
        assert abs((left if truth["label"] == "Left" else 1 - left) - truth["score"]) < 0.01


@pytest.mark.parametrize("name", [*SCENES, *ODD_SCENES])
def test_litert_finds_what_mediapipe_finds(mediapipes: tuple[str, HandModels], name: str) -> None:
    complexity, models = mediapipes
    image = rendered(name).image
    facts = recorded()[name]
    assert sha256(image) == facts["sha256"]
    assert_equal(HandPipeline(models)(image), facts["hands"][complexity], image.shape[:2])


@pytest.mark.parametrize("name", ["open", "two", "edge", "none"])
def test_torch_differs_by_noise_alone(torch_networks: HandModels, name: str) -> None:
    image = rendered(name).image
    found, expected = (HandPipeline(m)(image) for m in (torch_networks, litert("1")))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.score, other.score, atol=1e-4)
        away = np.abs(one.landmarks - other.landmarks)[:, :2] * image.shape[1::-1]
        assert away.mean() <= MAX_MEAN and away.max() <= MAX_PIXELS


def test_tracking_is_mediapipes() -> None:
    """Starts each frame from MediaPipe's own landmarks of the previous one: tracking amplifies last
    digits (of another processor's kernels) without end, so a free run is compared more coarsely.
    """
    models = litert("1")
    tracker, free = HandTracker(models), HandTracker(models)
    known: list[NDArray[np.float32]] = []
    seen = set()
    for scene, facts in zip(sequence(PREFIX, SEQUENCE_SIZE), sequence_facts(), strict=False):
        size = scene.image.shape[:2]
        assert sha256(scene.image).startswith(facts["sha256"])
        tracker.regions = [region_from_landmarks(k, size, models.tracking_rule) for k in known]
        hands, free_hands = tracker(scene.image), free(scene.image)
        known = [np.array(landmarks, np.float32) for landmarks in facts["hands"]]
        assert len(hands) == len(free_hands) == len(known)
        seen.add(tuple(hand.tracked for hand in hands))
        for hand, free_hand, landmarks in zip(hands, free_hands, known, strict=True):
            for found, room in ((hand, 1), (free_hand, 10)):
                away = np.abs(found.landmarks - landmarks)
                pixels = np.hypot(away[:, 0] * size[1], away[:, 1] * size[0])
                assert pixels.mean() <= room * MAX_MEAN and pixels.max() <= room * MAX_PIXELS
                assert away[:, 2].max() <= room * MAX_DEPTH
    # a hand detected, followed, joined by a second one, and both followed
    assert seen == {(False,), (True,), (False, True), (True, True)}


def test_array_and_tensor_are_the_same(torch_networks: HandModels) -> None:
    image = rendered("open").image
    pipeline = HandPipeline(torch_networks)
    (one,) = pipeline(image)
    (other,) = pipeline(torch.from_numpy(image).permute(2, 0, 1))
    np.testing.assert_array_equal(one.landmarks, other.landmarks)


def test_max_hands(torch_networks: HandModels) -> None:
    image = rendered("two").image
    alone, both, every = (HandPipeline(torch_networks, n)(image) for n in (1, 2, None))
    assert (len(alone), len(both), len(every)) == (1, 2, 2)
    np.testing.assert_allclose(alone[0].landmarks, both[0].landmarks, atol=1e-5)


def test_predictions_of_the_modules_are_the_pipelines(torch_networks: HandModels) -> None:
    image = rendered("two").image
    palms = converted(COMPLEXITIES["1"][0]).module.predict_on_image(image)
    hands = HandPipeline(torch_networks)(image)
    assert len(palms) == len(hands) == 2
    for index, hand in enumerate(hands):
        np.testing.assert_allclose(palms.boxes[index].numpy(), hand.box, atol=1e-6)
        np.testing.assert_allclose(palms.keypoints[index].numpy(), hand.keypoints, atol=1e-6)
        assert not hand.tracked


def test_no_palm_no_hand(torch_networks: HandModels) -> None:
    assert HandPipeline(torch_networks)(np.zeros((3, 5, 3), np.uint8)) == ()


def test_an_older_release_has_no_handedness() -> None:
    detector, older = converted("palm-full-2023-09").module, converted("hand-3d-2019-08").module
    rule = load_registry().generations["hand-2019-08"].roi
    models = torch_models(detector, older, tracking_rule=rule)  # type: ignore[arg-type]
    assert models.tracking_rule == rule
    for hand in HandPipeline(models)(rendered("open").image):
        assert hand.handedness is None
        assert hand.world_landmarks is None


# Networks made of numbers ---------------------------------------------------------------------


@dataclasses.dataclass
class Scripted:
    """A detector that sees the given palms (centres, 0.1 wide, fingers upwards), and a landmark
    network whose hand is in the middle of its crop. `calls` counts both.
    """

    palms: list[tuple[float, float]]
    presence: float = 0.9
    detections: int = 0
    crops: int = 0

    def detect(self, images: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
        self.detections += 1
        boxes, scores = np.zeros((1, 2016, 18), np.float32), np.full((1, 2016, 1), -9, np.float32)
        for index, centre in enumerate(self.palms):
            boxes[0, index, :2] = np.array(centre) * 192
            boxes[0, index, 2:4] = 19.2
            boxes[0, index, 4:] = np.tile(boxes[0, index, :2], 7)
            boxes[0, index, 9] -= 19.2  # the middle finger's base is above the wrist
            scores[0, index] = 5 - index
        return {"boxes": boxes, "scores": scores}

    def landmark(self, images: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
        self.crops += len(images)
        points = np.full((len(images), 21, 3), 112.0, np.float32)
        # wrist and bases of the fingers, so that the next region is this one
        points[:, 0, 1], points[:, [5, 9, 13, 17], 1] = 179.2, 67.2
        points[:, 5, 0], points[:, 17, 0] = 90, 134
        return {
            "landmarks": points.reshape(len(images), 63),
            "presence": np.full((len(images), 1), self.presence, np.float32),
        }


def scripted(script: Scripted) -> HandModels:
    specs = [converted(name).module.spec for name in COMPLEXITIES["1"]]
    generations = load_registry().generations
    return HandModels(
        detector=script.detect,
        detector_spec=specs[0],
        anchors=np.tile(np.array([0, 0, 1, 1], np.float32), (2016, 1)),
        landmarks=script.landmark,
        landmarks_spec=specs[1],
        palm_rule=generations["palm-2021-11"].roi,
        tracking_rule=generations["hand-2020-11"].roi,
    )


IMAGE = np.zeros((192, 192, 3), np.uint8)


def test_the_detector_runs_only_while_hands_are_missing() -> None:
    script = Scripted([(0.3, 0.5), (0.7, 0.5)])
    tracker = HandTracker(scripted(script), max_hands=2)
    assert [hand.tracked for hand in tracker(IMAGE)] == [False, False]
    assert [hand.tracked for hand in tracker(IMAGE)] == [True, True]
    assert (script.detections, script.crops) == (1, 4)
    script.presence = 0.5  # not above the threshold: the hands are lost
    assert tracker(IMAGE) == ()
    assert (script.detections, script.crops) == (1, 6)
    script.presence = 0.9
    assert [hand.tracked for hand in tracker(IMAGE)] == [False, False]
    assert script.detections == 2


def test_a_palm_of_a_tracked_hand_is_the_same_hand() -> None:
    script = Scripted([(0.3, 0.5)])
    tracker = HandTracker(scripted(script), max_hands=2)
    (first,) = tracker(IMAGE)
    (second,) = tracker(IMAGE)  # detected again, at the same place
    assert (first.tracked, second.tracked) == (False, True)
    assert (script.detections, script.crops) == (2, 2)
    script.palms = [(0.3, 0.5), (0.75, 0.5)]
    hands = tracker(IMAGE)
    assert [hand.tracked for hand in hands] == [False, True]  # new ones first
    assert hands[0].box[0] == pytest.approx(0.7)


def test_a_tracked_hand_carries_a_palm_of_its_landmarks() -> None:
    tracker = HandTracker(scripted(Scripted([(0.3, 0.5)])), max_hands=1)
    tracker(IMAGE)
    (hand,) = tracker(IMAGE)
    points = hand.landmarks[list(PALM_LANDMARKS), :2]
    np.testing.assert_array_equal(hand.keypoints, points)
    np.testing.assert_array_equal(hand.box, [*points.min(axis=0), *points.max(axis=0)])
    assert hand.score == hand.presence == np.float32(0.9)


def test_reset_forgets() -> None:
    script = Scripted([(0.5, 0.5)])
    tracker = HandTracker(scripted(script), max_hands=1)
    for _ in range(3):
        tracker(IMAGE)
    assert script.detections == 1
    tracker.reset()
    assert not tracker(IMAGE)[0].tracked
    assert script.detections == 2


def test_two_palms_of_one_hand_are_one() -> None:
    script = Scripted([(0.5, 0.5), (0.56, 0.5), (0.1, 0.1)])
    models = scripted(script)
    detector_spec = dataclasses.replace(models.detector_spec, suppression_iou=0.9)
    hands = HandPipeline(dataclasses.replace(models, detector_spec=detector_spec), 2)(IMAGE)
    assert len(hands) == 1  # the third palm was beyond `max_hands` before the two became one
    assert hands[0].box[0] == pytest.approx(0.51)  # the later one stays
