"""How results show themselves: short in one line, whole in colour and in Jupyter."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

import blazepalm
from blazepalm.models.hand_landmarks import HandLandmarks, LandmarkPrediction
from blazepalm.models.hand_pipeline import Hand
from blazepalm.models.palm_detector import Palm, PalmDetections, PalmDetector
from blazepalm.models.regions import Region
from blazepalm.reports.judge.report import ParityReport
from support.records import hand_spec, palm_spec, write_spec_folder
from support.tiny import doubling

LONGEST = 400  # characters of a `repr`: it was 86 to 127 thousand


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ParityReport:
    file = tmp_path_factory.mktemp("double") / "double.tflite"
    file.write_bytes(doubling())
    return blazepalm.parity(file, inputs=9, coreml=False)


def text_of(shown: object) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(shown)
    found = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(found, str)
    return found


def test_a_report(report: ParityReport) -> None:
    assert repr(report).startswith("<ParityReport: parity holds: double; ")
    assert "on 9 inputs" in repr(report)
    assert "parity holds: 1 model, 9 cases" in text_of(report)
    html = report._repr_html_()
    assert html.startswith("<pre")
    assert "parity holds</span>: 1 model, 9 cases" in html


def test_every_part_of_a_report(report: ParityReport) -> None:
    parts = [report.models[0], report.cases[0], report.rows[0], report.options, report.machine]
    assert all(len(repr(part)) < 3 * LONGEST for part in parts)
    assert "inputs=9" in repr(parts[0])


def test_an_inspection() -> None:
    found = blazepalm.inspect("hand-lite")
    for shown in (found, found.models[0]):
        assert "hand-lite-2022, hand, 65 operators" in repr(shown)
        assert len(repr(shown)) < LONGEST
        assert "CONV_2D" in text_of(shown)
        assert "CONV_2D" in shown._repr_html_()


def test_specs_are_short() -> None:
    for spec in (palm_spec(), hand_spec(), blazepalm.PalmDetector().spec):
        assert len(repr(spec)) < LONGEST
    assert "2016 anchors" in repr(blazepalm.PalmDetector().spec)


def test_a_verification(tmp_path: Path) -> None:
    write_spec_folder(tmp_path / "<palm>", palm_spec())
    (tmp_path / "<palm>" / "anchors.npy").unlink()
    found = blazepalm.verify(tmp_path / "<palm>")
    assert repr(found).endswith("<palm>: differs from what convert wrote>")
    assert "anchors.npy differs is missing" in " ".join(text_of(found).split())
    assert "&lt;palm&gt;" in found._repr_html_()


def palms(count: int) -> PalmDetections:
    values = torch.arange(count * 19, dtype=torch.float32).reshape(count, 19) / 100
    return PalmDetections(values[:, :4], values[:, 4:18].reshape(count, 7, 2), values[:, 18])


def test_detections_are_a_sequence() -> None:
    found = palms(3)
    one = found[1]
    assert isinstance(one, Palm)
    assert one.box.tolist() == found.boxes[1].tolist()
    assert [float(palm.score) for palm in found] == found.scores.tolist()
    assert found[:2] == palms(2)
    assert len(found[1:]) == 2
    assert repr(found) == "<PalmDetections: 3 palms, scores 0.18, 0.37, 0.56>"
    assert repr(palms(0)) == "<PalmDetections: 0 palms, scores none>"
    assert not palms(0) and list(palms(0)) == []


def test_detections_are_compared() -> None:
    one, other = palms(2), palms(2)
    assert one == other
    assert one != palms(3)
    assert one != "palms"
    other.boxes[1, 2] = torch.nan
    assert one != other and other == other
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_a_prediction() -> None:
    points = torch.zeros(21, 3)
    one = LandmarkPrediction(points, torch.tensor(0.75), torch.tensor(0.5), None)
    assert repr(one) == "<LandmarkPrediction: presence 0.75, handedness 0.5, 21 landmarks>"
    assert one == LandmarkPrediction(points.clone(), torch.tensor(0.75), torch.tensor(0.5), None)
    assert one != LandmarkPrediction(points, torch.tensor(0.75), torch.tensor(0.5), points)


def test_what_the_networks_find_is_equal_twice() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    for network in (PalmDetector(palm_spec()), HandLandmarks(hand_spec())):
        network.eval()
        assert network.predict_on_image(picture) == network.predict_on_image(picture)


def test_a_hand() -> None:
    zeros = np.zeros
    hand = Hand(
        box=zeros(4, np.float32),
        keypoints=zeros((7, 2), np.float32),
        score=np.float32(0.5),  # type: ignore[arg-type]
        landmarks=zeros((21, 3), np.float32),
        presence=np.float32(0.5),  # type: ignore[arg-type]
        handedness=None,
        world_landmarks=None,
        region=Region(0.0, 0.0, 1.0, 1.0, 0.0),
    )
    assert repr(hand) == "<Hand: presence 0.5, palm box 0 0 0 0>"
