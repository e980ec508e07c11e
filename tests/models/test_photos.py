"""Real photographs and videos: LiteRT through our pipeline finds MediaPipe 0.10.21's landmarks, bit
for bit.

The facts were recorded with MediaPipe itself (`support/record_mediapipe.py`) on another machine.
They are equal because nothing differs on the way: the crops are of whole grey levels, the rest
is C's own functions and operations that IEEE 754 defines, and XNNPACK adds the same products in
the same order with its AVX2 and its AVX-512 kernels. Heads of a single value (handedness) are
the exception, whose products each kernel probably adds in an order of its own: their difference is
bounded below. Other processors have other kernels: there the limits of the comparison with
MediaPipe apply to pictures, and videos, which feed last digits back without end, are left out.
"""

import platform
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from blazepalm.golden.mediapipe import RecordedHand, pixels_sha256, recorded_cases
from blazepalm.media.frames import find_sources, read_frames
from blazepalm.media.images import read_image
from blazepalm.models.crop import crop_region
from blazepalm.models.hand_pipeline import Hand, HandPipeline, HandTracker
from blazepalm.models.runners import HandModels
from blazepalm.reports.hands.open_models import open_hand_models
from blazepalm.reports.recording.agreement import AGREEMENT_LIMITS, beyond, difference
from support.converted import converted
from support.models import shared_model
from support.photos import photos_folder, recorded, shared_photo

Floats = NDArray[np.float32]

pytestmark = pytest.mark.processor

PICTURES, VIDEOS = "mediapipe-0.10.21-pictures.json", "mediapipe-0.10.21-videos.json"
COMPLEXITIES = {
    "0": ("palm-lite-2021-11", "hand-lite-2022"),
    "1": ("palm-full-2023-09", "hand-full-2022"),
}
DIGITS = 7  # of the pictures' records; the videos' hold every bit
ROUNDING = 2.0**-24  # of float32, at most, in parts of the number
SAME_KERNELS = platform.machine() in ("x86_64", "AMD64")

CASES = recorded_cases(photos_folder() / PICTURES) if (photos_folder() / PICTURES).is_file() else {}


@cache
def models(complexity: str) -> HandModels:
    palm, hand = (shared_model(name) for name in COMPLEXITIES[complexity])
    return open_hand_models(palm, hand, "tflite")


def assert_bits(hand: Hand, expected: RecordedHand) -> None:
    """Every landmark is the recorded one, to the digits that were recorded."""

    def rounded(values: Floats | None) -> list[float]:
        assert values is not None and values.dtype == np.float32
        return [float(np.float32(round(v, DIGITS))) for v in values.ravel().tolist()]

    assert rounded(hand.landmarks) == expected.landmarks.ravel().tolist()
    assert rounded(hand.world_landmarks) == expected.world_landmarks.ravel().tolist()


def score_room(hand: Hand, image: NDArray[np.uint8], release: str) -> float:
    """By how much two orders of the handedness head's sum can move the score.

    A sum of K products rounds K times, each time by at most 2⁻²⁴ of S, the sum of their sizes;
    two such sums differ by up to 2·K·S of these. The sigmoid's slope is s·(1 − s). Its own
    arithmetic (an exponential of two digits, a sum, a quotient) adds four to each, and 1 − s
    and the seven recorded decimals one each.
    """
    module = converted(release).module
    layer, seen = module.heads["handedness"].layer, []
    hook = layer.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    module.predict_on_image(crop_region(image, hand.region, module.spec.input_size)[0])
    hook.remove()
    sizes = (seen[0] * layer.weight.detach()).abs()  # by torch, to its first digits
    slope = float(hand.handedness) * (1 - float(hand.handedness))
    return ROUNDING * (2 * sizes.numel() * float(sizes.sum()) * slope + 10)


@pytest.mark.parametrize("complexity", COMPLEXITIES)
@pytest.mark.parametrize("name", sorted(CASES) or [""])
def test_photographs(name: str, complexity: str) -> None:
    if not name:
        shared_photo(PICTURES)  # skips, and says which folder is missing
    (path,) = (photos_folder() / "pictures").glob(f"{name}.*")
    image = read_image(path)
    if pixels_sha256(image) != CASES[name].sha256:
        pytest.skip(f"{path.name}: this JPEG library decodes other pixels than the recorded ones")
    hands = HandPipeline(models(complexity))(image)
    expected = CASES[name].hands[int(complexity)]
    assert len(hands) == len(expected)
    for hand, truth in zip(hands, expected, strict=True):
        if SAME_KERNELS:
            assert_bits(hand, truth)
            room = score_room(hand, image, COMPLEXITIES[complexity][1])
            assert (
                abs(float(hand.handedness) - truth.handedness)
                <= room
                < AGREEMENT_LIMITS["handedness"]
            )
        else:
            assert not beyond(difference(hand, truth, image.shape[:2]), AGREEMENT_LIMITS)


def test_photographs_show_hands() -> None:
    """Without hands, the test above would compare nothing."""
    shared_photo(PICTURES)
    counts = [len(case.hands[c]) for case in CASES.values() for c in (0, 1)]
    assert len(CASES) > 15 and sum(counts) > 30


@pytest.mark.skipif(not SAME_KERNELS, reason="a video's last digits are fed back without end")
@pytest.mark.parametrize("name", ["intel-asl-again.mkv", "intel-asl-bird.mkv"])
def test_videos(name: str) -> None:
    """Every frame of 77 and of 63, each tracked from the previous one, has two hands."""
    facts = recorded(VIDEOS)[name]
    (source,) = find_sources([shared_photo(f"videos/{name}")])
    tracker, compared = HandTracker(models("1")), 0
    for frame, truth in zip(read_frames(source), facts, strict=True):
        if not pixels_sha256(frame.image).startswith(truth["sha"]):
            pytest.skip(f"{name}: this video library decodes other pixels than the recorded ones")
        hands = tracker(frame.image)
        assert len(hands) == len(truth["hands"]), frame.index
        for hand, expected in zip(hands, truth["hands"], strict=True):
            assert hand.landmarks.tolist() == expected["landmarks"], frame.index
            compared += 1
    assert compared > 100
