"""Recordings of the user's pictures: their content, exact reading back, and every bad file."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from blazepalm.errors import ArtifactError, CouldNotVerify, InvalidModel
from blazepalm.golden.manifest import GoldenSet
from blazepalm.golden.own import RECORDING
from blazepalm.models.hand_pipeline import HandPipeline
from blazepalm.models.runners import HandModels
from blazepalm.reports.recording import recorded_file
from blazepalm.reports.recording import recording as subject
from blazepalm.reports.recording.recorded_file import KeptHand, Recording, load_recording
from blazepalm.reports.recording.recording import choose, pixels, record
from blazepalm.reports.schemas import json_schema
from support.changes import first_case, first_hand
from support.hand_scenes import rendered
from support.own_golden import NAMES, lite_models, own_golden


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return own_golden(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="module")
def recorded(golden: GoldenSet) -> Recording:
    return record(golden, *lite_models())[0]


@pytest.fixture
def mine(golden: GoldenSet, tmp_path: Path) -> GoldenSet:
    """A copy of the folder, to record in."""
    for case in golden.cases:
        (tmp_path / case.file).write_bytes((golden.folder / case.file).read_bytes())
    return dataclasses.replace(golden, folder=tmp_path)


def keep(found: Recording, golden: GoldenSet) -> None:
    (golden.folder / RECORDING).write_bytes(found.to_bytes())


def test_hands_lie_where_they_were_rendered(recorded: Recording) -> None:
    """The renderer knows the true joints; MediaPipe's models are a few pixels off."""
    assert [case.name for case in recorded.cases] == list(NAMES)
    assert [len(case.hands) for case in recorded.cases] == [2, 1, 0]
    for case in recorded.cases:
        scene = rendered(case.name.removeprefix("own-"))
        height, width = scene.image.shape[:2]
        for truth in scene.hands:
            away = [
                np.linalg.norm(hand.landmarks[:, :2] * (width, height) - truth.joints_2d, axis=1)
                for hand in case.hands
                if (hand.handedness > 0.5) == (truth.handedness == "right")
            ]
            assert len(away) == 1 and away[0].mean() < 8


def test_models_are_named_by_their_files(recorded: Recording) -> None:
    names = {"palm-lite-2021-11": "e9a4aadd", "hand-lite-2022": "048edd36"}
    for model in (recorded.models.detector, recorded.models.landmarks):
        assert model.sha256.startswith(names[model.name])
    assert recorded.models.backend == "tflite"


def test_it_reads_back_bit_for_bit(golden: GoldenSet, recorded: Recording, mine: GoldenSet) -> None:
    keep(recorded, mine)
    found = load_recording(mine.folder)
    assert found is not None and found.models == recorded.models
    pipeline = HandPipeline(subject.hand_models(*lite_models()), max_hands=None)
    for case, again in zip(golden.cases[1:], found.cases, strict=True):
        hands = pipeline(golden.image(case))
        assert len(hands) == len(again.hands)
        for hand, kept in zip(hands, again.hands, strict=True):
            for field in dataclasses.fields(KeptHand):
                value, back = getattr(hand, field.name), getattr(kept, field.name)
                assert back.dtype == np.float32
                assert np.asarray(value, np.float32).tobytes() == back.tobytes(), field.name
    assert found.to_bytes() == recorded.to_bytes()


def test_the_file_is_sorted_and_keeps_its_schema(recorded: Recording) -> None:
    content = recorded.to_bytes()
    values = json.loads(content)
    jsonschema.Draft202012Validator(json_schema("recording")).validate(values)
    assert list(values) == sorted(values)
    assert values["format"] == "blazepalm-recording" and values["version"] == 1
    hand = json_schema("recording")["$defs"]["RecordedHand"]
    names = {field.name for field in dataclasses.fields(KeptHand)}
    assert names == set(hand["properties"]) == set(hand["required"])
    image = rendered("back").image
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
    assert values["cases"][1]["pixels"] == digest == pixels(image)


def test_two_runs_give_the_same_bytes(golden: GoldenSet, recorded: Recording) -> None:
    again, names = record(golden, *lite_models())
    assert names == NAMES
    assert again.to_bytes() == recorded.to_bytes()


def test_what_is_recorded_is_left_alone(recorded: Recording, mine: GoldenSet) -> None:
    _, back, none = recorded.cases
    changed = dataclasses.replace(back, hands=())
    keep(dataclasses.replace(recorded, cases=(changed, none)), mine)
    seen: list[tuple[str, int, int]] = []
    found, names = record(mine, *lite_models(), on_case=lambda *step: seen.append(step))
    assert names == ("own-two",) and seen == [("own-two", 1, 1)]
    assert [len(case.hands) for case in found.cases] == [2, 0, 0]
    found, names = record(mine, *lite_models(), names=["own-back"], force=True)
    assert names == ("own-back",)
    assert [(case.name, len(case.hands)) for case in found.cases] == [
        ("own-back", 1),
        ("own-none", 0),
    ]
    found, names = record(mine, *lite_models(), force=True)
    assert names == NAMES and found.to_bytes() == recorded.to_bytes()


def test_a_case_that_is_gone_stays_recorded_until_all_is_replaced(
    recorded: Recording, mine: GoldenSet
) -> None:
    gone = dataclasses.replace(recorded.cases[0], name="own-gone")
    keep(dataclasses.replace(recorded, cases=(gone, *recorded.cases)), mine)
    found, names = record(mine, *lite_models())
    assert names == () and [case.name for case in found.cases] == [*NAMES, "own-gone"]
    found, _ = record(mine, *lite_models(), force=True)
    assert [case.name for case in found.cases] == list(NAMES)


def test_one_recording_is_of_one_run(recorded: Recording, mine: GoldenSet) -> None:
    other = dataclasses.replace(recorded.models, backend="torch")
    keep(dataclasses.replace(recorded, models=other), mine)
    for options in ({}, {"names": ["own-back"]}, {"names": ["own-back"], "force": True}):
        with pytest.raises(ArtifactError, match="recorded with palm-lite-2021-11 and .*by torch"):
            record(mine, *lite_models(), **options)  # type: ignore[arg-type]
    found, _ = record(mine, *lite_models(), force=True)
    assert found.to_bytes() == recorded.to_bytes()


def test_names_that_are_not_there(golden: GoldenSet) -> None:
    for name in ("own-nobody", "file-not-an-image"):
        with pytest.raises(ArtifactError, match=f"has no readable case '{name}'"):
            choose(golden, [name])
    assert [case.name for case in choose(golden, ["own-none"])] == ["own-none"]
    nothing = dataclasses.replace(golden, cases=golden.cases[:1])
    with pytest.raises(CouldNotVerify, match="has no readable picture"):
        choose(nothing, None)


def test_numbers_that_are_not_finite_are_not_recorded(
    golden: GoldenSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*models: Any) -> HandModels:
        good = whole(*models)

        def run(images: np.ndarray) -> dict[str, np.ndarray]:
            raw = dict(good.landmarks(images))
            return {**raw, "world_landmarks": np.asarray(raw["world_landmarks"]) * np.nan}

        return dataclasses.replace(good, landmarks=run)

    whole = subject.hand_models
    monkeypatch.setattr(subject, "hand_models", broken)
    with pytest.raises(InvalidModel, match="own-back: the model gave world_landmarks"):
        record(golden, *lite_models(), names=["own-back"])


CHANGES: dict[str, Any] = {
    "format": lambda v: v.update(format="other"),
    "version": lambda v: v.update(version=2),
    "no version": lambda v: v.pop("version"),
    "something more": lambda v: v.update(more=1),
    "backend": lambda v: v.update(backend="onnx"),
    "model": lambda v: v.update(detector="palm-lite"),
    "digest": lambda v: v["landmarks"].update(sha256="11c272b8"),
    "long name": lambda v: v["landmarks"].update(name="a" * 100_000),
    "cases": lambda v: v.update(cases={}),
    "too many cases": lambda v: v.update(cases=[1] * 10_001),
    "twice": lambda v: v["cases"].append(first_case(v)),
    "name with escape": lambda v: first_case(v).update(name="\x1b[31m"),
    "name above": lambda v: first_case(v).update(name="../one"),
    "pixels": lambda v: first_case(v).update(pixels=None),
    "hands": lambda v: first_case(v).update(hands=None),
    "many hands": lambda v: first_case(v).update(hands=[first_hand(v)] * 257),
    "20 landmarks": lambda v: first_hand(v)["landmarks"].pop(),
    "flat landmark": lambda v: first_hand(v)["landmarks"][3].pop(),
    "no landmarks": lambda v: first_hand(v).update(landmarks=None),
    "20 world landmarks": lambda v: first_hand(v)["world_landmarks"].pop(),
    "no keypoint": lambda v: first_hand(v).update(keypoints=[]),
    "box": lambda v: first_hand(v)["box"].pop(),
    "score": lambda v: first_hand(v).update(score=1.5),
    "handedness": lambda v: first_hand(v).update(handedness="left"),
    "text for a number": lambda v: first_hand(v)["landmarks"].__setitem__(0, ["0", 0, 0]),
    "true for a number": lambda v: first_hand(v)["landmarks"].__setitem__(0, [True, 0, 0]),
    "not finite": lambda v: first_hand(v)["landmarks"].__setitem__(0, [float("nan"), 0, 0]),
    "far away": lambda v: first_hand(v)["landmarks"].__setitem__(0, [1e300, 0, 0]),
    "huge number": lambda v: first_hand(v)["landmarks"].__setitem__(0, [10**400, 0, 0]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_wrong_values_are_one_sentence(recorded: Recording, tmp_path: Path, name: str) -> None:
    values = json.loads(recorded.to_bytes())
    CHANGES[name](values)
    refused(tmp_path, json.dumps(values).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"[" * 100_000, b"null", b'{"a":1}'])
def test_what_is_no_recording_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content)


def refused(folder: Path, content: bytes) -> None:
    path = folder / RECORDING
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        load_recording(folder)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.endswith("; delete it and record again")
    assert "\n" not in message and "\x1b" not in message
    assert len(message) < len(str(path)) + 400


def test_links_folders_and_absence(tmp_path: Path, recorded: Recording) -> None:
    assert load_recording(tmp_path) is None
    path = tmp_path / RECORDING
    (tmp_path / "other.json").write_bytes(recorded.to_bytes())
    for target in ("other.json", "nothing.json"):
        path.symlink_to(target)
        with pytest.raises(ArtifactError, match="is a link"):
            load_recording(tmp_path)
        path.unlink()
    path.mkdir()
    with pytest.raises(ArtifactError, match="is not a file"):
        load_recording(tmp_path)


def test_size_is_bounded(tmp_path: Path) -> None:
    with (tmp_path / RECORDING).open("wb") as stream:
        stream.truncate(recorded_file.JSON_BYTES + 1)
    with pytest.raises(ArtifactError, match="at most"):
        load_recording(tmp_path)


def test_what_could_not_be_read_back_is_not_written(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = recorded.cases[0]
    far = dataclasses.replace(first.hands[0], box=np.full(4, 2e6, np.float32))
    one = dataclasses.replace(first, hands=(far,))
    with pytest.raises(ArtifactError, match="does not match the schema"):
        dataclasses.replace(recorded, cases=(one,)).to_bytes()
    monkeypatch.setattr(recorded_file, "JSON_BYTES", 1000)
    with pytest.raises(ArtifactError, match="record fewer pictures"):
        recorded.to_bytes()
