"""`BatchedHandFinder`: every kind of batch gives `HandFinder`'s hands, within the limits of a noise
in the last digits; what is no batch, and a device that is not there, cost one sentence.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from blazepalm import BatchedHandFinder, BlazePalmError, Hand, HandFinder
from blazepalm.errors import InvalidImage, InvalidModel, NoDevice
from blazepalm.reports.hands.batched_finder import finite

PHOTO = Path(__file__).parents[3] / "docs/photo.jpg"
MODELS = ("palm-lite", "hand-lite")
MAX_PIXELS = 0.5  # of 1280, as for the pipeline against MediaPipe


@pytest.fixture(scope="module")
def finder() -> BatchedHandFinder:
    return BatchedHandFinder(*MODELS, batch=2)


@pytest.fixture(scope="module")
def pixels() -> Any:
    return np.asarray(Image.open(PHOTO).convert("RGB"))


@pytest.fixture(scope="module")
def expected(pixels: Any) -> tuple[Hand, ...]:
    return tuple(HandFinder(*MODELS, backend="tflite")(pixels))


def assert_near(hands: tuple[Hand, ...], expected: tuple[Hand, ...]) -> None:
    assert len(hands) == len(expected) == 3
    for hand, truth in zip(hands, expected, strict=True):
        away = (hand.landmarks - truth.landmarks)[:, :2] * (1280, 640)
        assert np.hypot(*away.T).max() <= MAX_PIXELS
        assert float(hand.presence) == pytest.approx(float(truth.presence), abs=1e-3)
        assert hand.handedness is not None and truth.handedness is not None
        assert (hand.handedness > 0.5) == (truth.handedness > 0.5)


def test_a_batch_may_be_of_any_kind(
    finder: BatchedHandFinder, pixels: Any, expected: tuple[Hand, ...]
) -> None:
    batch = torch.from_numpy(np.stack([pixels, np.full_like(pixels, 90), pixels]))
    found = finder(batch)
    assert [len(hands) for hands in found] == [3, 0, 3]
    assert_near(found[0], expected)
    assert found[2] == found[0]  # to the last bit, whatever else is in the batch
    planes = batch[:1].permute(0, 3, 1, 2)
    for kind in (batch[:1].numpy(), planes, planes.float() / 255, planes.float().numpy() / 255):
        assert finder(kind)[0] == finder(batch[:1])[0]


def test_pictures_of_several_sizes_stay_in_order(
    finder: BatchedHandFinder, pixels: Any, expected: tuple[Hand, ...]
) -> None:
    small = np.ascontiguousarray(pixels[:, :640])  # two of the hands, or one and a half
    found = finder([small, PHOTO, np.full((9, 7, 3), 90, np.uint8), Image.fromarray(pixels)])
    assert_near(found[1], expected)
    assert_near(found[3], expected)
    assert found[2] == ()
    alone = HandFinder(*MODELS)(small)
    assert len(found[0]) == len(alone) > 0
    for hand, truth in zip(found[0], alone, strict=True):
        away = (hand.landmarks - truth.landmarks)[:, :2] * (640, 640)
        assert np.hypot(*away.T).max() <= MAX_PIXELS


def test_tensors_stay_where_they_are(finder: BatchedHandFinder, pixels: Any) -> None:
    slots = finder.tensors(pixels[None])
    assert all(isinstance(values, torch.Tensor) for values in slots if values is not None)
    (hands,) = finder(pixels[None])
    landmarks = slots.landmarks[slots.found]
    np.testing.assert_array_equal(landmarks, np.stack([hand.landmarks for hand in hands]))
    assert finder.device == torch.device("cpu")
    assert repr(finder) == ("<BatchedHandFinder: palm-lite-2021-11, hand-lite-2022, fp32 on cpu>")


def test_no_pictures(finder: BatchedHandFinder) -> None:
    assert finder([]) == finder(np.zeros((0, 4, 5, 3), np.uint8)) == []


def test_bfloat16_says_what_it_costs() -> None:
    lines: list[str] = []
    rounded = BatchedHandFinder(*MODELS, precision="bf16", notice=lines.append)
    for line, what, size in zip(lines, ("palms", "landmarks"), (192, 224), strict=True):
        assert f"in bf16: {what} of rendered hands move by up to " in line
        moved = float(line.partition("up to ")[2].split()[0])
        assert 0.01 < moved < 5 and f"of {size} pixels" in line
        floors = float(line.rpartition("by ")[2].split()[0])
        assert floors > 100  # bfloat16 keeps 2¹⁶ times fewer steps than float32
    assert repr(rounded).endswith(", bf16 on cpu>")


@pytest.mark.parametrize(
    "batch",
    [
        None,
        "photo.jpg",
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((1, 4, 5, 4), np.uint8),
        np.zeros((1, 0, 5, 3), np.uint8),
        np.zeros((1, 4, 5, 3), int),
        torch.zeros(1, 4, 5, 3, dtype=torch.int32),
        [np.zeros((4, 4))],
    ],
)
def test_what_is_no_batch(finder: BatchedHandFinder, batch: Any) -> None:
    with pytest.raises((TypeError, ValueError, InvalidImage)):
        finder(batch)


def test_bad_arguments(finder: BatchedHandFinder, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match=r"none\.png: no such file"):
        finder([tmp_path / "none.png"])
    with pytest.raises(InvalidImage, match="32767×1 pixels, but the limit is 32766"):
        finder(np.zeros((1, 1, 32767, 3), np.uint8))
    with pytest.raises(ValueError, match="batch is 0, expected at least 1"):
        BatchedHandFinder(batch=0)
    with pytest.raises(ValueError, match="max_hands is 'two', expected at least 1"):
        BatchedHandFinder(max_hands="two")  # type: ignore[arg-type]
    with pytest.raises(BlazePalmError, match="unknown precision 'half'; choose fp32 or bf16"):
        BatchedHandFinder(precision="half")
    with pytest.raises(NoDevice, match="unknown device 'tpu'; choose cpu, cuda or cuda:N"):
        BatchedHandFinder(device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(NoDevice, match=r"^device cuda: .*; choose cpu$"):
            BatchedHandFinder(device="cuda")


def test_too_little_memory_is_a_sentence(
    finder: BatchedHandFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr("blazepalm.models.batched.pipeline.find_hands", full)
    with pytest.raises(BlazePalmError, match="device cpu has too little memory: give a smaller"):
        finder(np.zeros((1, 4, 5, 3), np.uint8))


def test_numbers_that_are_not_finite_are_refused() -> None:
    network = finite(
        "mine", lambda _: {"boxes": torch.ones(2), "scores": torch.tensor([torch.nan])}
    )
    with pytest.raises(InvalidModel, match=r"mine gives numbers that are not finite \(scores\)"):
        network(torch.zeros(1))


def test_the_networks_of_hand_finder_on_a_device(
    pixels: Any, expected: tuple[Hand, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no GPU is, the same way leads to the CPU."""
    monkeypatch.setattr("blazepalm.reports.hands.finder.gpu_of", lambda *_: torch.device("cpu"))
    finder = HandFinder(*MODELS, device="cuda")
    assert repr(finder) == "<HandFinder: palm-lite-2021-11, hand-lite-2022, torch:cpu>"
    assert_near(tuple(finder(pixels)), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use (CUDA)")
@pytest.mark.parametrize("rule", ["solutions", "tasks"])
def test_a_gpu_finds_the_same_hands(pixels: Any, rule: str) -> None:
    batch = np.stack([pixels, pixels[:, ::-1], np.full_like(pixels, 90)])
    there, here = (
        BatchedHandFinder(*MODELS, device=device, rule=rule)(batch) for device in ("cuda", "cpu")
    )
    assert [len(hands) for hands in there] == [len(hands) for hands in here] == [3, 3, 0]
    for hands, others in zip(there, here, strict=True):
        for hand, other in zip(hands, others, strict=True):
            away = (hand.landmarks - other.landmarks)[:, :2] * (1280, 640)
            assert np.hypot(*away.T).max() <= MAX_PIXELS
