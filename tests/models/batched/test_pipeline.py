"""The batched pipeline against what MediaPipe found, recorded, in rendered hands and photographs,
and a batch against its pictures one by one.

Limits: outside the networks only last digits differ. One of a region moves the crop's positions by
some 1e-4 pixels, and so the share of 1e-4 · 2 · 32, less than 1 %, of its samples by 1/32 pixel,
which is one grey level where two neighbours differ by 32; the limits below leave room for noise of
half a grey level everywhere.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from blazepalm.golden.mediapipe import pixels_sha256, recorded_cases
from blazepalm.media.images import read_image
from blazepalm.models import tasks
from blazepalm.models.batched.networks import FixedShapes, eager
from blazepalm.models.batched.pipeline import BatchedModels, HandSlots, find_hands, to_hands
from blazepalm.models.hand_pipeline import Hand, HandPipeline
from blazepalm.models.runners import HandModels, Runner, torch_models
from blazepalm.reports.hands.open_models import open_hand_models
from blazepalm.reports.recording.agreement import AGREEMENT_LIMITS, beyond, difference
from support.converted import converted
from support.hand_scenes import recorded, rendered, sha256
from support.models import shared_model
from support.photos import photos_folder, shared_photo
from support.photos import recorded as recorded_photos

NAMES = ("palm-full-2023-09", "hand-full-2022")
PICTURES = "mediapipe-0.10.21-pictures.json"
TASKS_PICTURES = "mediapipe-1.2.3-tasks-pictures.json"
MAX_MEAN, MAX_PIXELS = 0.05, 0.5  # as for the pipeline on one picture
CPU = torch.device("cpu")
SIZE = _, WIDTH = 260, 420  # of the scene `two`


def litert(rule: str) -> HandModels:
    palm, hand = (shared_model(name) for name in NAMES)
    return open_hand_models(palm, hand, "tflite", rule=rule)


def of_arrays(run: Runner) -> Callable[[Tensor], dict[str, Tensor]]:
    """A runner of arrays as a network of tensors."""

    def network(images: Tensor) -> dict[str, Tensor]:
        outputs = run(images.permute(0, 2, 3, 1).contiguous().numpy())
        return {name: torch.from_numpy(np.array(values)) for name, values in outputs.items()}

    return network


def batched(models: HandModels, **networks: Any) -> BatchedModels:
    return BatchedModels(
        **{"detector": of_arrays(models.detector), "landmarks": of_arrays(models.landmarks)}
        | networks,
        detector_spec=models.detector_spec,
        anchors=torch.from_numpy(models.anchors),
        landmarks_spec=models.landmarks_spec,
        palm_rule=models.palm_rule,
        rule=models.rule,
    )


@cache
def litert_models(rule: str = tasks.SOLUTIONS) -> BatchedModels:
    return batched(litert(rule))


@cache
def torch_networks() -> tuple[HandModels, BatchedModels]:
    """The same modules for arrays and for tensors, both in the same memory format."""
    palm, hand = (converted(name).module for name in NAMES)
    models = torch_models(palm, hand)  # type: ignore[arg-type]
    return models, batched(models, detector=eager(palm, CPU), landmarks=eager(hand, CPU))


def pixels_between(hand: Hand, points: Any, size: tuple[int, int]) -> Any:
    away = hand.landmarks[:, :2] - np.array(points)[:, :2]
    return np.hypot(away[:, 0] * size[1], away[:, 1] * size[0])


def one(models: BatchedModels, image: Any, max_hands: int | None = 2) -> tuple[Hand, ...]:
    return to_hands(find_hands(models, torch.from_numpy(image)[None], max_hands))[0]


@pytest.mark.parametrize("name", ["open", "fist", "two", "none", "edge", "tall", "ties"])
def test_rendered_hands_are_found_as_by_mediapipe(name: str) -> None:
    image, facts = rendered(name).image, recorded()[name]
    assert sha256(image) == facts["sha256"]
    hands = one(litert_models(), image)
    assert len(hands) == len(facts["hands"]["1"])
    for hand, truth in zip(hands, facts["hands"]["1"], strict=True):
        away = pixels_between(hand, truth["landmarks"], image.shape[:2])
        assert away.mean() <= MAX_MEAN and away.max() <= MAX_PIXELS
        assert hand.world_landmarks is not None and hand.handedness is not None
        assert np.abs(hand.world_landmarks - np.array(truth["world"])).max() <= 0.001
        left = float(hand.handedness)  # of a mirrored picture, which MediaPipe expects
        assert abs((left if truth["label"] == "Left" else 1 - left) - truth["score"]) < 0.01


def test_photographs_are_seen_as_by_mediapipe() -> None:
    shared_photo(PICTURES)
    compared = 0
    for name, case in recorded_cases(photos_folder() / PICTURES).items():
        (path,) = (photos_folder() / "pictures").glob(f"{name}.*")
        image = read_image(path)
        if pixels_sha256(image) != case.sha256:
            continue  # this JPEG library decodes other pixels
        hands = one(litert_models(), image)
        assert len(hands) == len(case.hands[1]), name
        for hand, truth in zip(hands, case.hands[1], strict=True):
            assert not beyond(difference(hand, truth, image.shape[:2]), AGREEMENT_LIMITS), name
            compared += 1
    if not compared:
        pytest.skip("this JPEG library decodes other pixels than the recorded ones")


def test_photographs_are_seen_as_by_mediapipes_tasks() -> None:
    """By the other rule, which has no letterbox, and drops hands by their landmarks."""
    compared = 0
    for name, truth in recorded_photos(TASKS_PICTURES).items():
        stem = name.rpartition(".")[0]
        (path,) = (photos_folder() / "pictures").glob(f"{stem}.*")
        image = read_image(path)
        if pixels_sha256(image) != recorded_photos(PICTURES)["images"][stem]["sha256"]:
            continue
        hands = one(litert_models(tasks.TASKS), image)
        assert len(hands) == len(truth["hands"]["1"]), name
        for hand, expected in zip(hands, truth["hands"]["1"], strict=True):
            away = pixels_between(hand, expected["landmarks"], image.shape[:2])
            assert away.mean() <= MAX_MEAN and away.max() <= MAX_PIXELS, name
            compared += 1
    if not compared:
        pytest.skip("this JPEG library decodes other pixels than the recorded ones")


def pictures_of(*counts: int) -> Tensor:
    """Pictures with so many hands, 0 to 2 each."""
    both = torch.from_numpy(rendered("two").image)
    one, none = both.clone(), torch.full_like(both, 90)
    one[:, WIDTH // 2 :] = 90
    return torch.stack([(none, one, both)[count] for count in counts])


@pytest.mark.parametrize("rule", tasks.RULES)
@pytest.mark.parametrize("max_hands", [None, 1, 3])
def test_a_batch_holds_the_hands_of_each_picture(rule: str, max_hands: int | None) -> None:
    """Two at a time; also with more slots than hands."""
    arrays, tensors = (replace(models, rule=rule) for models in torch_networks())
    pictures = pictures_of(2, 0, 1, 2)
    slots = find_hands(tensors, pictures, max_hands, batch=2)
    assert slots.found.shape == (4, max_hands or 2)
    found = to_hands(slots)
    most = min(2, max_hands or 2)
    assert [len(hands) for hands in found] == [most, 0, 1, most]
    for picture, hands in zip(pictures, found, strict=True):
        expected = HandPipeline(arrays, max_hands)(picture)
        assert len(hands) == len(expected)
        for hand, truth in zip(hands, expected, strict=True):
            assert pixels_between(hand, truth.landmarks, SIZE).max() <= MAX_PIXELS
            np.testing.assert_allclose(hand.box, truth.box, atol=1e-5)
            np.testing.assert_allclose(hand.keypoints, truth.keypoints, atol=1e-5)
            assert abs(float(hand.score - truth.score)) < 1e-5
            assert hand.landmarks.dtype == hand.box.dtype == np.float32
            assert hand.region.rotation == pytest.approx(truth.region.rotation, abs=1e-4)
            assert (hand.tracked, hand.gesture) == (False, None)


def test_batches_filled_up_to_fixed_sizes_hold_the_same_hands() -> None:
    """As on a GPU, where a graph has one shape; sizes are told by what the networks are given."""
    _, tensors = torch_networks()
    sizes: list[int] = []

    def fixed(network: Any) -> FixedShapes:
        def make(size: int) -> Any:
            sizes.append(size)
            return network

        return FixedShapes(make, 4)

    models = replace(tensors, detector=fixed(tensors.detector), landmarks=fixed(tensors.landmarks))
    pictures = pictures_of(2, 1, 2)
    found, plain = (
        to_hands(find_hands(each, pictures, None, batch=4)) for each in (models, tensors)
    )
    assert sizes == [4, 4, 1]  # three pictures; five hands, which are four and one
    assert [len(hands) for hands in found] == [len(hands) for hands in plain] == [2, 1, 2]
    for hands, others in zip(found, plain, strict=True):
        for hand, other in zip(hands, others, strict=True):
            assert pixels_between(hand, other.landmarks, SIZE).max() <= MAX_PIXELS


@pytest.mark.parametrize("max_hands", [None, 2])
def test_no_pictures_and_no_hands(max_hands: int | None) -> None:
    _, tensors = torch_networks()
    for pictures in (torch.zeros(0, 40, 60, 3), torch.full((2, 40, 60, 3), 90.0)):
        slots: HandSlots = find_hands(tensors, pictures.to(torch.uint8), max_hands)
        assert slots.found.shape == (len(pictures), max_hands or 0) and not slots.found.any()
        assert slots.landmarks.shape == (len(pictures), max_hands or 0, 21, 3)
        assert to_hands(slots) == [()] * len(pictures)
