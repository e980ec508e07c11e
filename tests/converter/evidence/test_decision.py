"""Roles, value range and generation of real releases, written as other exporters would. What is
right comes from the releases' own documented order of outputs, typed here by hand.
"""

from dataclasses import replace
from functools import cache

import pytest

from blazepalm.converter.architecture import Recognition, recognise
from blazepalm.converter.convert import module_of
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides, decision, settle
from blazepalm.converter.tflite import read
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import InvalidInput
from blazepalm.models.releases import resolve
from blazepalm.models.spec import Spec
from support.models import HANDS, PALMS, shared_file, shared_model
from support.reexports import (
    for_range,
    in_integers,
    opposite_handedness,
    reexported,
    trained_further,
)

HAND = ("landmarks", "presence", "handedness", "world_landmarks")
HAND_FULL, HAND_LITE, PALM_LITE = "hand-full-2022", "hand-lite-2022", "palm-lite-2021-11"


@cache
def embedded(release: str) -> bytes:
    return resolve(release).read_bytes()


@cache
def other(release: str) -> bytes:
    """The same network after more training: no known release's weights."""
    return trained_further(embedded(release))


def settled(content: bytes, overrides: Overrides = NO_OVERRIDES) -> tuple[Recognition, list[str]]:
    graph = read_bytes(content, "file.tflite")
    recognition = recognise(graph)
    assert recognition is not None
    notices: list[str] = []
    return settle(graph, recognition, overrides, notices.append), notices


def kinds(spec: Spec) -> set[str]:
    return {kind for _, by in spec.evidence.outputs for kind in by.split(", ")}


@pytest.mark.parametrize(
    ("release", "order"), [(HAND_FULL, (3, 2, 1, 0)), (HAND_LITE, (1, 3, 0, 2))]
)
def test_swapped_outputs_of_known_weights(release: str, order: tuple[int, ...]) -> None:
    found, notices = settled(reexported(embedded(release), order))
    assert found.outputs == tuple(HAND[i] for i in order)
    assert tuple(output.name for output in found.spec.outputs) == found.outputs  # type: ignore[union-attr]
    assert kinds(found.spec) == {"weights", "behaviour"}
    assert found.spec.value_range == (0.0, 1.0)
    assert (found.spec.generation, found.spec.evidence.generation) == ("hand-2020-11", "weights")
    assert notices == []


def test_weights_in_integers_are_the_same_weights() -> None:
    found, notices = settled(in_integers(reexported(embedded(HAND_LITE), (2, 0, 3, 1))))
    assert found.outputs == ("handedness", "landmarks", "world_landmarks", "presence")
    assert "weights" in kinds(found.spec)
    assert notices == []
    palm, _ = settled(in_integers(reexported(embedded(PALM_LITE), (1, 0))))
    assert palm.outputs == ("scores", "boxes")
    assert "weights" in kinds(palm.spec)


@pytest.mark.parametrize("release", HANDS)
def test_behaviour_alone_shows_the_roles(release: str) -> None:
    content = shared_model(release).read_bytes()
    count = len(read_bytes(content, release).outputs)
    found, notices = settled(trained_further(reexported(content, range(count)[::-1])))
    assert found.outputs == HAND[:count][::-1]
    assert kinds(found.spec) <= {"shape", "behaviour"} and "behaviour" in kinds(found.spec)
    assert (found.spec.value_range, found.spec.evidence.value_range) == ((0.0, 1.0), "behaviour")
    assert found.spec.evidence.generation == "structure"
    assert found.spec.generation == module_of(shared_model(release)).recognition.spec.generation  # type: ignore[union-attr]
    assert notices == []


@pytest.mark.parametrize("release", PALMS)
def test_behaviour_of_detectors(release: str) -> None:
    """The detector of 2020 takes -1..1, those of 2021 and later 0..1."""
    content = trained_further(reexported(shared_model(release).read_bytes(), (1, 0)))
    found, notices = settled(content)
    assert found.outputs == ("scores", "boxes")
    expected = (-1.0, 1.0) if release == "palm-2020-11" else (0.0, 1.0)
    assert (found.spec.value_range, found.spec.evidence.value_range) == (expected, "behaviour")
    assert notices == []


@pytest.mark.parametrize("span", [(-1.0, 1.0), (0.0, 255.0)])
@pytest.mark.parametrize("release", [HAND_LITE, PALM_LITE])
def test_another_range_of_the_input(release: str, span: tuple[float, float]) -> None:
    found, notices = settled(for_range(reexported(embedded(release)), *span))
    assert found.spec.value_range == span
    assert found.spec.evidence.value_range == "weights, behaviour"
    assert notices == []


@pytest.mark.parametrize("span", [(-1.0, 1.0), (0.0, 255.0)])
@pytest.mark.parametrize("release", [HAND_FULL, HAND_LITE, PALM_LITE])
def test_behaviour_alone_shows_another_range(release: str, span: tuple[float, float]) -> None:
    found, notices = settled(for_range(reexported(other(release)), *span))
    assert (found.spec.value_range, found.spec.evidence.value_range) == (span, "behaviour")
    assert notices == []


def test_a_range_that_nothing_shows_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights belong to no known release, and the network is not run."""
    monkeypatch.setattr(decision, "watched", lambda recognition: None)
    content = for_range(reexported(other(HAND_LITE)), -1.0, 1.0)
    found, notices = settled(content)
    assert found.spec.evidence.value_range == "assumed"
    assert any("assumed 0..1" in n and "--value-range" in n for n in notices)
    stated, notices = settled(content, Overrides(value_ranges={"": (-1.0, 1.0)}))
    assert (stated.spec.value_range, stated.spec.evidence.value_range) == ((-1.0, 1.0), "option")
    assert not any("--value-range" in notice for notice in notices)


def test_names_that_are_wrong_are_overruled_and_told() -> None:
    swapped = {0: "conv_handflag", 1: "world_landmarks", 2: "handedness", 3: "landmarks"}
    found, notices = settled(reexported(embedded(HAND_FULL), (1, 0, 2, 3), swapped))
    assert found.outputs == ("presence", "landmarks", "handedness", "world_landmarks")
    (notice,) = notices
    assert "by names its outputs are 'world_landmarks' world_landmarks, 'landmarks' la" in notice
    assert "by weights, behaviour, which decides, 'world_landmarks' landmarks, 'la" in notice


def test_names_decide_where_the_network_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "watched", lambda recognition: None)
    names = {i: f"PartitionedCall:{i}" for i in range(4)}
    keys = ("xyz_world", "hand_score", "lr", "xyz_landmarks")
    content = reexported(other(HAND_LITE), (3, 1, 2, 0), names, keys)
    found, _ = settled(content)
    assert found.outputs == ("world_landmarks", "presence", "handedness", "landmarks")
    assert kinds(found.spec) == {"names"}


def test_without_any_evidence_the_order_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "watched", lambda recognition: None)
    content = reexported(other(HAND_LITE), (3, 2, 1, 0))
    found, notices = settled(content)
    assert kinds(found.spec) == {"assumed"}
    assert sum("--outputs" in notice for notice in notices) == 2  # points, scores
    overrides = Overrides.from_text(["landmarks=Identity_3,world_landmarks=0", "presence=2"])
    found, notices = settled(content, overrides)
    assert found.outputs == ("world_landmarks", "handedness", "presence", "landmarks")
    assert kinds(found.spec) == {"option"}
    assert not any("--outputs" in notice for notice in notices)


def test_stated_outputs_are_believed_but_contradictions_are_told() -> None:
    overrides = Overrides({"landmarks": "0", "world_landmarks": "3"})
    found, notices = settled(reexported(embedded(HAND_LITE), (3, 1, 2, 0)), overrides)
    assert found.outputs == ("landmarks", "presence", "handedness", "world_landmarks")
    (notice,) = notices
    assert "by weights, behaviour its outputs are 'Identity_0' world_landmarks" in notice
    assert "by option, which decides, 'Identity_0' landmarks" in notice


def test_stated_outputs_apply_to_a_known_release() -> None:
    found, (notice,) = settled(embedded(HAND_LITE), Overrides({"presence": "2"}))
    assert found.outputs == ("landmarks", "handedness", "presence", "world_landmarks")
    assert "by release its outputs are 'Identity_1' presence, 'Identity_2' handedness" in notice


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (
            {"landmarks": "Identity_9"},
            "no output 'Identity_9' for landmarks; it has 0 'Identity_0'",
        ),
        ({"landmarks": "9"}, "no output '9' for landmarks"),
        ({"landmarks": "1"}, r"output '1' of shape \[1, 1\] cannot be landmarks"),
        (
            {"landmarks": "0", "world_landmarks": "0"},
            "cannot be both landmarks and world_landmarks",
        ),
    ],
)
def test_stated_outputs_that_do_not_fit(outputs: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        settled(reexported(embedded(HAND_LITE)), Overrides(outputs))


def test_handedness_the_other_way_round_is_told() -> None:
    found, (notice,) = settled(opposite_handedness(reexported(embedded(HAND_LITE)), 2))
    assert found.outputs == HAND
    assert "handedness is high for left hands" in notice


def test_a_known_release_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "watched", lambda recognition: pytest.fail("was run"))
    found, notices = settled(embedded(HAND_FULL))
    assert found.outputs == HAND and kinds(found.spec) == {"release"}
    assert notices == []


def test_a_blind_network_is_told() -> None:
    """The weights are pure noise, so the network's answers show no role."""
    found, notices = settled(trained_further(embedded(HAND_LITE), size=3.0))
    assert any("does not find the rendered hands" in notice for notice in notices)
    assert "behaviour" not in kinds(found.spec) | {found.spec.evidence.value_range}


def test_a_stated_generation_gives_range_and_thresholds() -> None:
    overrides = Overrides(generations=("palm-2020-11",))
    found, notices = settled(other(PALM_LITE), overrides)
    assert found.spec.generation == "palm-2020-11"
    assert (found.spec.value_range, found.spec.evidence.value_range) == ((-1.0, 1.0), "option")
    assert any("inputs of 128×128, but it takes 192×192" in notice for notice in notices)
    assert any("-1..1 by option, but 0..1 by behaviour" in notice for notice in notices)


def test_other_exporters_files() -> None:
    """Expected roles: onnx2tf numbers outputs in the order of their names in the ONNX file;
    LiteRT's answers to a photographed hand agree.
    """
    hand = read(shared_file("hand-full_0_float16.tflite"))
    recognition = recognise(hand)
    assert recognition is not None
    notices: list[str] = []
    found = settle(hand, recognition, NO_OVERRIDES, notices.append)
    assert found.outputs == ("world_landmarks", "presence", "landmarks", "handedness")
    assert "names" in kinds(found.spec) and notices == []
    palm = read(shared_file("palm-full_0_full_integer_quant.tflite"))
    recognition = recognise(palm)
    assert recognition is not None
    found = settle(palm, recognition, NO_OVERRIDES, notices.append)
    assert found.outputs == ("scores", "boxes")
    assert (found.spec.value_range, found.spec.evidence.value_range) == (
        (0.0, 1.0),
        "weights, file, behaviour",
    )
    assert notices == []


def test_the_spec_without_evidence_is_the_release_s() -> None:
    found, _ = settled(reexported(embedded(HAND_LITE)))
    known, _ = settled(embedded(HAND_LITE))
    assert replace(found.spec, evidence=known.spec.evidence) == known.spec
