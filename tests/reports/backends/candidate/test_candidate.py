"""What is found out about somebody else's conversion. The witness is how the wrapping was made."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.candidate.candidate import Opened, open_candidate
from blazepalm.reports.subjects.open_subject import value_range_of
from support.strangers import Stranger, Values, stranger

HAND, PALM = "hand-lite-2022", "palm-full-2023-09"
APPS = [(HAND, "app"), (PALM, "app")]
if os.environ.get("BLAZEPALM_EVERY_RELEASE"):
    APPS.append((HAND, "batch"))


@pytest.fixture(scope="module")
def hand() -> Stranger:
    return stranger(HAND)


@pytest.fixture(scope="module")
def palm() -> Stranger:
    return stranger(PALM)


def anonymous(values: Values) -> Values:
    """In reverse order, with names that say nothing."""
    return {f"Identity_{i}": value for i, value in enumerate(reversed(values.values()))}


def same(values: np.ndarray) -> np.ndarray:
    return values


def planes(values: np.ndarray) -> np.ndarray:
    """(1, 3, H, W) in −1..1."""
    return values.transpose(0, 2, 3, 1) / 2 + 0.5


def bgr(values: np.ndarray) -> np.ndarray:
    """(H, W, 3) in 0..255, blue first."""
    return values[None, ..., ::-1] / 255


def sigmoid(values: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-np.clip(values, -100.0, 100.0).astype(np.float64)))).astype(np.float32)


def agreement(it: Stranger, found: Opened) -> float:
    """The largest difference of any output from LiteRT's on another picture, by its peak; both
    releases take 0..1.
    """
    image = np.random.default_rng(3).random(it.shape, np.float32)
    ours, theirs = it.litert.run(image), found.backend.run(image)
    assert {n: v.shape for n, v in theirs.items()} == {n: v.shape for n, v in ours.items()}
    return max(float(np.abs(theirs[n] - ours[n]).max() / np.abs(ours[n]).max()) for n in ours)


@pytest.mark.parametrize(
    ("shape", "shares", "reading"),
    [
        ((1, 224, 224, 3), same, "N×H×W×C in 0..1, RGB"),
        ((1, 3, 224, 224), planes, "N×C×H×W in -1..1, RGB"),
        ((224, 224, 3), bgr, "H×W×C in 0..255, BGR"),
    ],
)
def test_layout_range_and_colours_are_found(
    hand: Stranger,
    shape: tuple[int, ...],
    shares: Callable[[np.ndarray], np.ndarray],
    reading: str,
) -> None:
    found = hand.found(shape, shares, anonymous)
    (note,) = found.notes
    assert f"takes {reading} (behaviour)" in note
    roles = [*reversed(hand.roles)]
    for number, role in enumerate(roles):
        assert f"{role} from 'Identity_{number}' (behaviour)" in note
    # rounding of the range: half a float32 spacing of the input; measured 5e-6
    assert agreement(hand, found) < 1e-4 and not found.registration.by_task


def test_a_detectors_outputs_are_paired_by_shape(palm: Stranger) -> None:
    found = palm.found((1, 3, 192, 192), planes, anonymous)
    (note,) = found.notes
    assert "boxes from 'Identity_1' (shape), scores from 'Identity_0' (shape)" in note
    assert "in -1..1, RGB (behaviour)" in note and agreement(palm, found) < 1e-4


def test_other_units_and_axes_are_found(palm: Stranger) -> None:
    def turned(values: Values) -> Values:
        boxes = values["boxes"].transpose(0, 2, 1) / np.float32(192)
        return {"r": boxes, "c": sigmoid(values["scores"]).reshape(-1)}

    found = palm.found(palm.shape, same, turned)
    (note,) = found.notes
    assert "boxes from 'r' in 1/192 pixels, with its axes in another order (shape)" in note
    assert "scores from 'c' as a probability (shape)" in note
    assert found.registration.by_task  # a probability of 1 keeps no digit of its logit
    assert agreement(palm, found) < 1e-2


def test_points_by_coordinate_and_logits_of_a_hand(hand: Stranger) -> None:
    def turned(values: Values) -> Values:
        p = values["presence"].astype(np.float64)
        return {
            "a": values["landmarks"].reshape(21, 3).T,
            "b": values["world_landmarks"].reshape(1, 21, 3),
            "c": np.log(p / (1 - p)).astype(np.float32),
            "d": values["handedness"].reshape(()),
        }

    (note,) = hand.found(hand.shape, same, turned).notes
    assert "landmarks from 'a' with its axes in another order (behaviour)" in note
    assert "world_landmarks from 'b' (behaviour)" in note
    assert "presence from 'c' as a logit (behaviour), handedness from 'd' (behaviour)" in note


def test_a_name_decides_against_the_values_and_that_is_said(hand: Stranger) -> None:
    """Whoever uses the model goes by its names: the numbers then fail."""

    def swapped(values: Values) -> Values:
        return {
            **values,
            "presence": values["handedness"],
            "handedness": values["presence"],
        }

    found = hand.found(hand.shape, same, swapped)
    assert "presence from 'presence' (names)" in found.notes[0]
    assert found.notes[1:] == (
        "stranger: output 'handedness' has the values of presence, against its name",
        "stranger: output 'presence' has the values of handedness, against its name",
    )


def test_names_against_the_shapes_leave_nothing_to_compare(palm: Stranger) -> None:
    found = palm.found(palm.shape, same, lambda v: {"boxes": v["scores"], "scores": v["boxes"]})
    assert "stranger: has no output for boxes, scores" in found.notes
    assert found.backend.run(np.zeros(palm.shape, np.float32)) == {}


def test_what_is_missing_is_said(hand: Stranger) -> None:
    found = hand.found(
        hand.shape, same, lambda v: {"x": v["landmarks"], "y": v["handedness"], "z": v["presence"]}
    )
    assert found.notes[1:] == ("stranger: has no output for world_landmarks",)
    assert "handedness from 'y' (behaviour)" in found.notes[0]


@pytest.mark.parametrize("factor", [0.0, np.nan])
def test_where_nothing_shows_the_range_it_is_assumed(hand: Stranger, factor: float) -> None:
    found = hand.found(
        hand.shape, same, lambda v: {name: value * np.float32(factor) for name, value in v.items()}
    )
    assert "takes N×H×W×C in 0..1, RGB (assumed)" in found.notes[0]


def test_a_fixed_batch_is_filled_with_one_picture(hand: Stranger) -> None:
    found = hand.found((3, 3, 224, 224), planes, anonymous)
    assert "takes N×C×H×W in -1..1, RGB (behaviour)" in found.notes[0]
    assert found.notes[1] == "stranger: takes 3 images at once: each is given 3 times"
    assert agreement(hand, found) < 1e-4


@pytest.mark.parametrize(("release", "face"), APPS)
def test_our_own_packages_for_apps(release: str, face: str, tmp_path: Path) -> None:
    """An image input, decoded outputs: turned back, they are LiteRT's but for some float32 digits,
    which the task judges. A probability keeps 7 digits, so a logit of up to 12 some 1e-2.
    """
    it = stranger(release)
    record = export(it.opening.converted, tmp_path, CoreMLOptions(face=face, precision="fp32"))
    value_range, _ = value_range_of(it.opening.converted)
    path = str(tmp_path / record.name)
    found = open_candidate(path, it.opening, it.litert, value_range, set())
    assert found.registration.by_task
    assert "its outputs are turned back" in found.notes[-1]
    assert agreement(it, found) < 1e-2


def test_a_package_for_vision_is_no_candidate(palm: Stranger, tmp_path: Path) -> None:
    record = export(palm.opening.converted, tmp_path, CoreMLOptions(face="vision"))
    path = str(tmp_path / record.name)
    with pytest.raises(CouldNotVerify, match="has no keypoints.*compare one of face app"):
        open_candidate(path, palm.opening, palm.litert, (0.0, 1.0), set())


def test_another_models_input_is_refused(hand: Stranger) -> None:
    with pytest.raises(CouldNotVerify, match="takes 1×3×192×192, but .* takes 1×224×224×3"):
        hand.found((1, 3, 192, 192), lambda v: np.zeros(hand.shape, np.float32), anonymous)


def test_an_output_of_other_axes_is_refused(palm: Stranger) -> None:
    with pytest.raises(CouldNotVerify, match=r"none of its outputs \('x'\) has the shape"):
        palm.found(palm.shape, same, lambda v: {"x": v["scores"].reshape(1, 32, 63)[:, :-1]})
