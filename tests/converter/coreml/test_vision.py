"""A detector with the suppression inside: the layout that Vision reads, and the boxes left.
Witnesses: coremltools' own pipeline of the same two models, OpenCV's suppression of the boxes that
the app's package gives. What Vision itself makes of the package only a Mac can show.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from PIL import Image

from blazepalm.converter.coreml import CoreMLOptions, CoreMLRecord, export
from blazepalm.converter.coreml.quiet import import_coremltools
from blazepalm.errors import ArtifactError
from blazepalm.models.crop import crop_whole
from blazepalm.reports.backends.mil import load
from support.converted import converted

ct = import_coremltools()
PALM = "palm-lite-2021-11"
PHOTO = Path(__file__).parents[3] / "docs" / "photo.jpg"  # of three hands


class Written(NamedTuple):
    record: CoreMLRecord
    path: Path
    model: Any  # the `Model` message


@pytest.fixture(scope="module")
def vision(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("vision")
    record = export(converted(PALM), folder, CoreMLOptions(face="vision", precision="fp32"))
    model = ct.proto.Model_pb2.Model()
    path = folder / record.name
    model.ParseFromString((path / "Data/com.apple.CoreML/model.mlmodel").read_bytes())
    return Written(record, path, model)


def picture() -> np.ndarray:
    pixels = np.asarray(Image.open(PHOTO).convert("RGB"))
    return crop_whole(pixels, (192, 192))[0]


def test_the_layout_is_the_one_that_vision_reads(vision: Written) -> None:
    """An image and two optional numbers; `confidence` and `coordinates`, of any number of rows."""
    model = vision.model
    inputs = {
        f.name: (f.type.WhichOneof("Type"), f.type.isOptional) for f in model.description.input
    }
    assert inputs == {
        "image": ("imageType", False),
        "iouThreshold": ("doubleType", True),
        "confidenceThreshold": ("doubleType", True),
    }
    columns = {}
    for feature in model.description.output:
        array = feature.type.multiArrayType
        rows, columns[feature.name] = array.shapeRange.sizeRanges
        assert (rows.lowerBound, rows.upperBound) == (0, -1)
        assert array.dataType == array.FLOAT32 and not array.shape and feature.shortDescription
    detector, stage = model.pipeline.models
    suppression = stage.nonMaximumSuppression
    labels = suppression.stringClassLabels.vector
    assert {name: (c.lowerBound, c.upperBound) for name, c in columns.items()} == {
        "confidence": (len(labels), len(labels)),
        "coordinates": (4, 4),
    }
    assert labels[0] == "palm" and len(set(labels)) == len(labels) and len(labels) % 80 == 0
    # mediapipe/modules/palm_detection/palm_detection_cpu.pbtxt: min_suppression_threshold,
    # min_score_thresh
    assert (suppression.iouThreshold, suppression.confidenceThreshold) == (pytest.approx(0.3), 0.5)
    assert model.specificationVersion == detector.specificationVersion == 7
    assert vision.record.name == "PalmLite_2021_11_Vision.mlpackage"
    assert [p.name for p in vision.record.inputs] == list(inputs)
    assert [p.name for p in vision.record.outputs] == list(columns)


def test_coremltools_makes_the_same_pipeline_of_the_two(vision: Written) -> None:
    """Its `make_pipeline` joins the same models; features are compared without their texts."""
    weights = vision.path / "Data/com.apple.CoreML/weights"
    parts = [
        ct.models.MLModel(part, weights_dir=str(weights), skip_model_load=True)
        for part in vision.model.pipeline.models
    ]
    theirs = ct.utils.make_pipeline(*parts).get_spec().description
    for side in ("input", "output"):
        ours, others = (
            [(f.name, MessageToDict(f.type)) for f in getattr(description, side)]
            for description in (vision.model.description, theirs)
        )
        assert ours == others and ours


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Every anchor's box and score, as the package for an app gives them."""
    folder = tmp_path_factory.mktemp("app")
    record = export(converted(PALM), folder, CoreMLOptions(precision="fp32"))
    return load(folder / record.name).run({"image": picture()})


@pytest.mark.parametrize(("overlap", "least"), [(0.3, 0.5), (0.9, 0.5), (0.9, 0.1)])
def test_the_boxes_are_those_that_opencv_leaves(
    vision: Written, decoded: dict[str, np.ndarray], overlap: float, least: float
) -> None:
    import cv2

    low, high = np.split(decoded["boxes"].astype(np.float64), 2, axis=1)
    boxes, scores = np.concatenate((low, high - low), axis=1), decoded["scores"]
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), least, overlap)
    wanted = np.concatenate(((low + high) / 2, high - low), axis=1)[kept]

    thresholds = {"iouThreshold": overlap, "confidenceThreshold": least}
    ours = load(vision.path).run({"image": picture(), **thresholds})
    assert len(kept) >= 3 and ours["coordinates"].shape == (len(kept), 4)
    # both networks are one; the layout rounds twice more in float32
    assert np.abs(ours["coordinates"] - wanted).max() < 4 * np.finfo(np.float32).eps
    assert np.array_equal(ours["confidence"][:, 0], scores[kept])
    assert not ours["confidence"][:, 1:].any() and ours["confidence"].shape[1] == 80


def test_nothing_in_the_picture_gives_no_row(vision: Written) -> None:
    ours = load(vision.path).run({"image": np.zeros((192, 192, 3), np.uint8)})
    assert {name: value.shape for name, value in ours.items()} == {
        "confidence": (0, 80),
        "coordinates": (0, 4),
    }


def test_a_landmark_model_finds_no_boxes(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="only palm detectors find boxes for Vision"):
        export(converted("hand-lite-2022"), tmp_path / "out", CoreMLOptions(face="vision"))
    assert list(tmp_path.iterdir()) == []
