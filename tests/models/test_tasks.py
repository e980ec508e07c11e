"""The rule `tasks`: MediaPipe 1.2.3's HandLandmarker, bit for bit, on photographs (recorded), in
rendered scenes (asked now, where it is installed); its steps on paper and against OpenCV 5.
"""

import hashlib
import json
import math
import platform
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blazepalm.golden.mediapipe import pixels_sha256
from blazepalm.golden.sequence import sequence
from blazepalm.media.frames import find_sources, read_frames
from blazepalm.media.images import read_image
from blazepalm.models import tasks
from blazepalm.models.c_math import ROUNDED
from blazepalm.models.decode import Palms
from blazepalm.models.hand_pipeline import Hand, HandPipeline, HandTracker, find_hands
from blazepalm.models.letterbox import letterbox
from blazepalm.models.regions import Region
from blazepalm.models.release_registry import load_registry
from blazepalm.models.runners import HandModels
from blazepalm.reports.hands.open_models import open_hand_models
from support.hand_scenes import SCENES, SEQUENCE_SIZE, rendered
from support.mediapipe_live import bundle, found_by_mediapipe
from support.models import shared_model
from support.photos import photos_folder, recorded, shared_photo

F = np.float32
PICTURES = "mediapipe-1.2.3-tasks-pictures.json"
VIDEOS = Path(__file__).parents[1] / "support" / "mediapipe_tasks_videos.json"
SAME_KERNELS = platform.machine() in ("x86_64", "AMD64")
same_kernels = pytest.mark.skipif(not SAME_KERNELS, reason="XNNPACK has other kernels here")
SCORE = 1e-5  # handedness, whose sum each kernel may order otherwise: see `test_photos.py`


@cache
def models(rule: str = tasks.TASKS) -> HandModels:
    palm, hand = shared_model("palm-full-2023-09"), shared_model("hand-full-2022")
    return open_hand_models(palm, hand, "tflite", rule=rule)


def assert_same(hands: tuple[Hand, ...], expected: list[dict[str, Any]], where: str) -> int:
    """All numbers equal MediaPipe's, including left and right."""
    assert len(hands) == len(expected), where
    for hand, truth in zip(hands, expected, strict=True):
        assert hand.handedness is not None and hand.world_landmarks is not None
        assert hand.landmarks.tolist() == truth["landmarks"], where
        assert hand.world_landmarks.tolist() == truth["world"], where
        right = float(hand.handedness)
        assert truth["label"] == ("Right" if right > 0.5 else "Left"), where
        assert abs(max(right, 1 - right) - truth["score"]) < SCORE, where
    return len(hands)


@same_kernels
def test_photographs() -> None:
    facts, compared = recorded(PICTURES), 0
    for name, truth in facts.items():
        (path,) = (photos_folder() / "pictures").glob(f"{Path(name).stem}.*")
        image = read_image(path)
        if pixels_sha256(image) != recorded("mediapipe-0.10.21-pictures.json")["images"].get(
            Path(name).stem, {}
        ).get("sha256"):
            pytest.skip(f"{path.name}: this JPEG library decodes other pixels than the recorded")
        compared += assert_same(HandPipeline(models())(image), truth["hands"]["1"], name)
    assert compared == 19


@same_kernels
@pytest.mark.parametrize("name", ["intel-asl-again.mkv", "intel-asl-bird.mkv"])
def test_videos(name: str) -> None:
    """Frame after frame; of each, the hash of all landmarks that the video mode found."""
    facts = json.loads(VIDEOS.read_text(encoding="utf-8"))[name]
    (source,) = find_sources([shared_photo(f"videos/{name}")])
    tracker = HandTracker(models())
    for frame, (pixels, count, landmarks) in zip(read_frames(source), facts, strict=True):
        if not pixels_sha256(frame.image).startswith(pixels):
            pytest.skip(f"{name}: this video library decodes other pixels than the recorded ones")
        hands = tracker(frame.image)
        assert len(hands) == count, frame.index
        found = b"".join(hand.landmarks.astype("<f4").tobytes() for hand in hands)
        assert hashlib.sha256(found).hexdigest().startswith(landmarks), frame.index
    assert sum(count for _, count, _ in facts) > 100


@same_kernels
def test_mediapipe_itself(tmp_path: Path) -> None:
    """Rendered scenes as pictures, and twelve frames of a rendered video."""
    assert open_hand_models(bundle(), bundle(), "tflite").rule == tasks.TASKS
    pictures, video = tmp_path / "pictures", tmp_path / "video"
    for folder in (pictures, video):
        folder.mkdir()
    for name in SCENES:
        Image.fromarray(rendered(name).image).save(pictures / f"{name}.png")
    frames = [scene.image for scene in sequence(12, SEQUENCE_SIZE)]
    for number, image in enumerate(frames):
        Image.fromarray(image).save(video / f"{number:03d}.png")
    compared = 0
    for name, truth in found_by_mediapipe("images", pictures).items():
        compared += assert_same(HandPipeline(models())(rendered(name).image), truth["hands"], name)
    tracker = HandTracker(models())
    for image, (name, truth) in zip(
        frames, sorted(found_by_mediapipe("video", video).items()), strict=True
    ):
        compared += assert_same(tracker(image), truth["hands"], name)
    assert compared > 15


def test_the_rules_differ() -> None:
    """Otherwise the tests above would not show that the rule is applied."""
    image = rendered("back").image
    by_tasks, by_solutions = (HandPipeline(models(rule))(image)[0] for rule in tasks.RULES[::-1])
    assert by_tasks.region.rotation != by_solutions.region.rotation
    turn = (by_tasks.region.rotation - by_solutions.region.rotation) % (2 * math.pi)
    assert turn == pytest.approx((90 - math.pi / 2) % (2 * math.pi), abs=1e-4)


def test_target_angle_is_90_radians() -> None:
    assert F(math.radians(load_registry().tasks["palm"].target_degrees)) == F(90)


def test_corners_are_opencv_5s() -> None:
    import cv2

    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip("OpenCV 4 rounds two of the corners otherwise")
    random = np.random.Generator(np.random.PCG64(5))
    for _ in range(500):
        centre, extent = random.uniform(0, 900, 2).astype(F), random.uniform(9, 500, 2).astype(F)
        rotation = float(F(random.uniform(-math.pi, math.pi)))
        degrees = F(float(F(rotation) * F(180)) / math.pi)
        expected = cv2.boxPoints((centre.tolist(), extent.tolist(), float(degrees)))
        found = tasks.corners((centre[0], centre[1]), (extent[0], extent[1]), rotation)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(480, 640), (640, 427), (100, 100)])
def test_projection_is_the_letterbox_but_for_rounding(shape: tuple[int, int]) -> None:
    _, box = letterbox(np.zeros((*shape, 3), np.uint8), (192, 192), (0.0, 1.0))
    place = tasks.projection(shape, (192, 192))
    points = np.random.Generator(np.random.PCG64(1)).random((40, 14), F)
    np.testing.assert_allclose(place.to_image(points), box.to_image(points), 0, 1e-6)
    low, size = points[:, :2], points[:, 2:4]
    for found, expected in zip(
        place.boxes_to_image(low, size), box.boxes_to_image(low, size), strict=True
    ):
        np.testing.assert_allclose(found, expected, 0, 1e-6)
    assert place.to_image(points[:0]).shape == (0, 14)


def test_functions_are_correctly_rounded() -> None:
    """Against 50 digits."""
    mpmath = pytest.importorskip("mpmath")
    random = np.random.Generator(np.random.PCG64(2))
    a, b = random.normal(0, 2, (2, 2000)).astype(F)
    with mpmath.workdps(50):
        for function, expected in (
            (ROUNDED.arctan2(a, b), map(mpmath.atan2, a.tolist(), b.tolist())),
            (ROUNDED.cos_sin(a)[0], map(mpmath.cos, a.tolist())),
            (ROUNDED.cos_sin(a)[1], map(mpmath.sin, a.tolist())),
            (ROUNDED.exp(a), map(mpmath.exp, a.tolist())),
        ):
            assert function.dtype == F
            for value, exact in zip(function, expected, strict=True):
                here = abs(mpmath.mpf(float(value)) - exact)
                for other in (np.nextafter(value, F(-np.inf)), np.nextafter(value, F(np.inf))):
                    assert here < abs(mpmath.mpf(float(other)) - exact)


def hand_at(x: float, y: float, size: float = 0.2) -> np.ndarray:
    """21 landmarks on a square grid of `size` at (x, y); the wrist and the palm span it."""
    points = np.zeros((21, 3), F)
    points[:, 0] = x + np.arange(21) % 5 / 4 * size
    points[:, 1] = y + np.arange(21) // 5 / 4 * size
    return points


def test_a_hand_twice_is_one() -> None:
    """0 → 5 is a quarter of the grid, 5 → 17 and 17 → 0 are longer: 5 → 17 is (0.1, 0.1), 17 → 0 is
    (0.1, 0.15), 0.18 long, and a fifth of it is 0.036.
    """
    hand, size = hand_at(0.3, 0.3), (400, 400)
    assert tasks.distinct_hands([hand, hand_at(0.335, 0.3)], size) == [0]
    assert tasks.distinct_hands([hand, hand_at(0.337, 0.3)], size) == [0, 1]
    assert tasks.distinct_hands([hand_at(0.7, 0.3), hand, hand, hand_at(0.7, 0.3)], size) == [0, 1]
    half = hand.copy()
    half[9:, :2] += 0.06  # nine landmarks stay
    assert tasks.distinct_hands([hand, half], size) == [0, 1]
    half[9, :2] = hand[9, :2]
    assert tasks.distinct_hands([hand, half], size) == [0]
    assert tasks.distinct_hands([], size) == []


def test_a_palm_in_a_tracked_region_is_not_new() -> None:
    tracked = [Region(0.5, 0.5, 0.4, 0.4, 0.0)]
    found = [Region(0.55, 0.5, 0.4, 0.4, 1.0), Region(0.2, 0.2, 0.2, 0.2, 0.0)]
    assert tasks.untracked(found, tracked) == [1]
    assert tasks.untracked([*found, found[1]], []) == [0, 1]


def numbers(rule: str) -> HandModels:
    """The models, with a landmark network that finds a hand in whatever it is shown."""

    def landmarks(images: np.ndarray) -> dict[str, np.ndarray]:
        count = len(images)
        points = np.tile(hand_at(0.2, 0.2, 0.6).ravel() * 224, (count, 1))
        return {
            "landmarks": points.astype(F),
            "presence": np.ones((count, 1), F),
            "handedness": np.ones((count, 1), F),
            "world_landmarks": np.zeros((count, 63), F),
        }

    return replace(models(rule), landmarks=landmarks)


def test_order_and_number_of_hands() -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    boxes = np.array([[0.1, 0.1, 0.15, 0.15], [0.8, 0.8, 0.85, 0.85]])
    keypoints = np.array([[[b[0], b[3]]] * 2 + [[b[0], b[1]]] * 5 for b in boxes], F)
    palms = Palms(boxes, keypoints, np.array([0.9, 0.8], F))
    before = [Region(0.5, 0.5, 0.2, 0.2, 0.0)]
    by_tasks = find_hands(numbers(tasks.TASKS), image, palms, before, 2)
    assert [hand.tracked for hand in by_tasks] == [True, False]
    assert by_tasks[1].box.tolist() == boxes[0].astype(F).tolist()
    by_solutions = find_hands(numbers(tasks.SOLUTIONS), image, palms, before, 2)
    assert [hand.tracked for hand in by_solutions] == [False, False, True]
