"""Fixtures for the iOS harness, exported from two lite releases and two pictures: against the
pipeline over LiteRT, the files' own digests, and the layout of ios_harness/FIXTURES.md."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepalm.golden.make import make_golden
from blazepalm.golden.manifest import load_golden
from blazepalm.models.errors import ArtifactError, InvalidModel
from blazepalm.models.hand_pipeline import HandPipeline, HandTracker
from blazepalm.reports import ios_sequence
from blazepalm.reports.backends.hand_models import open_hand_models
from blazepalm.reports.device_expected import read_expected
from blazepalm.reports.device_fixtures import read_fixtures
from blazepalm.reports.ios_export import Exported, export_ios

MODELS = ("palm-lite", "hand-lite")
CASES = ("two-hands", "hard-black")
FRAMES = 3


@dataclass(frozen=True)
class Folder:
    """An exported folder and its manifest."""

    path: Path
    done: Exported

    @property
    def manifest(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.path / "manifest.json").read_text())
        return values

    def tensor(self, entry: dict[str, Any]) -> np.ndarray:
        return np.fromfile(self.path / entry["file"], "<f4").reshape(entry["shape"])

    def files(self) -> dict[str, str]:
        return {
            p.relative_to(self.path).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(self.path.rglob("*"))
            if p.is_file()
        }


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "set"
    make_golden(folder, names=CASES, jobs=1)
    return folder


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return list(ios_sequence.rendered(FRAMES, 1))


@pytest.fixture(scope="module")
def replay(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("replay") / "Fixtures"
    done = export_ios(path, models=MODELS, golden=golden, cases=CASES, replay=True, frames=FRAMES)
    return Folder(path, done)


@pytest.fixture(scope="module")
def plain(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("plain") / "Fixtures"
    return Folder(path, export_ios(path, models=MODELS, golden=golden, cases=CASES))


def tensors(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if set(value) == {"file", "shape"}:
            yield value
        for inner in value.values():
            yield from tensors(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from tensors(inner)


def test_every_file_is_listed_and_of_its_size(replay: Folder, plain: Folder) -> None:
    for folder in (replay, plain):
        found = folder.files()
        assert folder.done.manifest_sha256 == found.pop("manifest.json")
        assert folder.manifest["files"] == found
        listed = list(tensors(folder.manifest))
        assert len(listed) > 10
        for tensor in listed:
            size = (folder.path / tensor["file"]).stat().st_size
            assert size == 4 * np.prod(tensor["shape"], dtype=int), tensor
        assert folder.done.bytes < 20e6
        assert read_fixtures(folder.path).models.keys() == {"palm-lite-2021-11", "hand-lite-2022"}


def test_a_package_is_known_by_its_files(plain: Folder) -> None:
    for model in plain.manifest["models"]:
        package = plain.path / model["package"]
        inside = sorted(p.relative_to(package).as_posix() for p in package.rglob("*.*"))
        lines = "".join(
            f"{hashlib.sha256((package / p).read_bytes()).hexdigest()}  {p}\n"
            for p in inside
            if (package / p).is_file()
        )
        assert hashlib.sha256(lines.encode()).hexdigest() == model["sha256"]
        assert model["precision"] == "fp16"


def test_the_stages_are_the_pipelines(plain: Folder, golden: Path) -> None:
    """Over LiteRT: the same hands as the pipeline finds by itself."""
    pipeline = HandPipeline(open_hand_models(*MODELS, "tflite"))
    found = load_golden(golden)
    counts = {}
    for case, entry in zip(found.cases, plain.manifest["cases"], strict=True):
        assert case.name == entry["name"]
        image = found.image(case)
        hands = pipeline(image)
        counts[case.name] = len(hands)
        bgra = np.fromfile(plain.path / entry["image"]["file"], np.uint8)
        np.testing.assert_array_equal(bgra.reshape(*image.shape[:2], 4)[..., 2::-1], image)
        for key, name in (
            ("landmarks", "landmarks"),
            ("presence", "presence"),
            ("handedness", "handedness"),
            ("world", "world_landmarks"),
        ):
            wanted = np.array([getattr(hand, name) for hand in hands], np.float32)
            got = plain.tensor(entry[key])
            np.testing.assert_allclose(got, wanted.reshape(got.shape), rtol=0, atol=1e-6)
        if hands:
            regions = plain.tensor(entry["regions"])
            rows = [ios_sequence.region_row(hand.region) for hand in hands]
            np.testing.assert_allclose(regions, rows, rtol=0, atol=1e-6)
            palms = plain.tensor(entry["palms"])
            np.testing.assert_allclose(palms[:, :2], [h.box[:2] for h in hands], atol=1e-6)
            np.testing.assert_allclose(palms[:, -1], [h.score for h in hands], atol=1e-6)
    assert counts == {"two-hands": 2, "hard-black": 0}


def test_records_of_each_case(replay: Folder) -> None:
    records = {(r["model"], r["name"]): r for r in replay.manifest["records"]}
    assert set(records) == {
        ("palm-lite-2021-11", "two-hands"),
        ("palm-lite-2021-11", "hard-black"),
        ("hand-lite-2022", "two-hands-0"),
        ("hand-lite-2022", "two-hands-1"),
    }
    for (model, _), record in records.items():
        entry = next(m for m in replay.manifest["models"] if m["name"] == model)
        assert (record["input"]["width"], record["input"]["height"]) == (
            entry["width"],
            entry["height"],
        )
        assert {n: t["shape"] for n, t in record["outputs"].items()} == {
            port["name"]: port["shape"] for port in entry["outputs"]
        }


def test_a_replay_records_the_package_and_keeps_the_reference(
    replay: Folder, plain: Folder
) -> None:
    """LiteRT's outputs are the same in both; the package's differ from them, but by little."""
    assert (replay.manifest["recorded"], plain.manifest["recorded"]) == ("coreml-mil", "tflite")
    pairs = zip(replay.manifest["records"], plain.manifest["records"], strict=True)
    for one, other in pairs:
        for name, tensor in one["outputs"].items():
            recorded, reference = replay.tensor(tensor), replay.tensor(one["reference"][name])
            if one["model"].startswith("palm"):  # the crops of hands follow from what is recorded
                np.testing.assert_array_equal(reference, plain.tensor(other["outputs"][name]))
            assert other["outputs"] == other["reference"]
            assert 0 < np.abs(recorded - reference).max() < 0.05, name
    assert read_expected(replay.path).outputs.keys() == {"palm-lite-2021-11", "hand-lite-2022"}


def test_only_a_replay_has_decoders_and_a_video(replay: Folder, plain: Folder) -> None:
    assert plain.manifest["decoders"] == plain.manifest["sequences"] == []
    decoders = replay.manifest["decoders"]
    assert [replay.tensor(d["palms"]).shape[0] for d in decoders] == [2, 0]
    assert replay.tensor(decoders[0]["raw"]).shape == (2016, 18)


def test_the_video_is_the_trackers(replay: Folder, frames: list[np.ndarray]) -> None:
    (sequence,) = replay.manifest["sequences"]
    assert (sequence["frames"], sequence["height"], sequence["width"]) == (FRAMES, 120, 160)
    tracker = HandTracker(open_hand_models(*MODELS, "tflite"), sequence["maximum_hands"])
    found = [tracker(frame) for frame in frames]
    hands = replay.tensor(sequence["hands"])  # of every tenth frame
    assert len(found[0]) == len(hands) >= 1
    for row, hand in zip(hands, found[0], strict=True):
        np.testing.assert_allclose(row[2:].reshape(21, 3), hand.landmarks, rtol=0, atol=1e-6)
    regions = replay.tensor(sequence["regions"])
    for number, expected in enumerate(found):
        looked = regions[regions[:, 0] == number]
        assert len(looked) >= len(expected)
        for hand in expected:
            distance = np.abs(looked[:, 3:] - np.array(ios_sequence.region_row(hand.region)))
            assert distance.max(axis=1).min() < 1e-6


def test_the_same_again_is_the_same(replay: Folder, golden: Path) -> None:
    before = replay.files()
    export_ios(
        replay.path,
        models=MODELS,
        golden=golden,
        cases=CASES,
        replay=True,
        frames=FRAMES,
        force=True,
        jobs=2,
    )
    assert replay.files() == before
    assert [p.name for p in replay.path.parent.iterdir()] == ["Fixtures"]


def test_what_is_there_stays(plain: Folder, golden: Path) -> None:
    before = plain.files()
    with pytest.raises(ArtifactError, match="exists already"):
        export_ios(plain.path, golden=golden, cases=CASES)
    own = plain.path / "run.json"
    own.write_text("{}")
    with pytest.raises(ArtifactError, match=r"holds 'run\.json'"):
        export_ios(plain.path, golden=golden, cases=CASES, force=True)
    own.unlink()
    with pytest.raises(InvalidModel, match="one of each"):
        export_ios(plain.path, golden=golden, models=("hand-lite",), cases=CASES, force=True)
    assert plain.files() == before
    assert [p.name for p in plain.path.parent.iterdir()] == ["Fixtures"]


@pytest.mark.parametrize("force", [False, True])
def test_other_folders_are_never_replaced(tmp_path: Path, golden: Path, force: bool) -> None:
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "manifest.json").write_text('{"format": "mine"}')
    with pytest.raises(ArtifactError, match=r"holds 'manifest\.json'"):
        export_ios(foreign, golden=golden, cases=CASES, force=force)
    assert (foreign / "manifest.json").read_text() == '{"format": "mine"}'


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (("nobody",), "has no case 'nobody'"),
        ((), "has none of the usual cases"),
        (("file-truncated",), "no picture that a device can be given"),
    ],
)
def test_cases_that_cannot_be(tmp_path: Path, cases: tuple[str, ...], message: str) -> None:
    folder = tmp_path / "golden"
    make_golden(folder, names=("hard-black", "file-truncated"), jobs=1)
    with pytest.raises(ArtifactError, match=message):
        export_ios(tmp_path / "Fixtures", golden=folder, cases=cases)
    assert not (tmp_path / "Fixtures").exists()
