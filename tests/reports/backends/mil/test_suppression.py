"""Core ML's suppression after a program. The pipelines are written by coremltools, the numbers are
worked out on paper.

Boxes are 2 wide and 2 high; two whose centres are 1 apart share 2 of 6 square units: IoU 1/3.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from blazepalm.errors import InvalidInput, InvalidModel
from blazepalm.reports.backends.mil import load
from blazepalm.reports.backends.mil.interface import Range
from blazepalm.reports.backends.mil.summary import summarise
from blazepalm.reports.backends.mil.suppression import Suppression
from support.packages import convert_module, ct

#         x of the centre, confidence in two classes
BOXES = ((0.0, 0.6, 0.0), (1.0, 0.0, 0.9), (5.0, 0.5, 0.1), (9.0, 0.4, 0.0), (6.0, 0.2, 0.7))
NAMES = ("confidence", "coordinates")


def arrays() -> dict[str, np.ndarray]:
    confidence = np.array([box[1:] for box in BOXES], np.float32)
    boxes = np.array([(x, 0, 2, 2) for x, *_ in BOXES], np.float32)
    return {"raw_confidence": confidence, "raw_coordinates": boxes}


def suppression(**other: Any) -> Suppression:
    stated: dict[str, Any] = {
        "confidence": ("raw_confidence", "confidence"),
        "coordinates": ("raw_coordinates", "coordinates"),
        "iou_threshold": 0.3,
        "confidence_threshold": 0.5,
        "thresholds": ("iou", "least"),
        "per_class": False,
        "labels": ("left", "right"),
        "rows": Range(0, None),
    }
    return Suppression(**{**stated, **other})


def places(stage: Suppression, **given: Any) -> list[float]:
    """The centres of the boxes that are left."""
    found = stage.run(arrays(), given, "a")
    assert len(found["confidence"]) == len(found["coordinates"])
    return [float(x) for x in found["coordinates"][:, 0]]


def test_the_best_of_those_that_overlap_is_left() -> None:
    """0.9 at 1 drops 0.6 at 0; 0.7 at 6 drops 0.5 at 5; 0.4 at 9 is too little."""
    assert places(suppression()) == [1, 6]


def test_a_threshold_is_the_least_overlap_that_is_allowed() -> None:
    assert places(suppression(iou_threshold=0.34)) == [1, 6, 0, 5]  # best first; 0.5 is enough
    assert places(suppression(), iou=np.float64(0.34), least=np.float64(0.55)) == [1, 6, 0]


def test_each_class_for_itself() -> None:
    """The class is that of the largest confidence: only boxes 0 and 1, 2 and 4 overlap, and their
    classes differ.
    """
    assert places(suppression(per_class=True)) == [1, 6, 0, 5]


def test_a_stated_number_of_rows() -> None:
    assert places(suppression(rows=Range(3, 3))) == [1, 6, 0]  # the last is filled up with zeros
    assert places(suppression(rows=Range(0, 1))) == [1]
    empty = suppression(confidence_threshold=2.0).run(arrays(), {}, "a")
    assert [empty[name].shape for name in NAMES] == [(0, 2), (0, 4)]


@pytest.mark.parametrize("value", [np.float64(1.5), np.float64("nan"), np.zeros(2), np.array("x")])
def test_what_is_no_threshold(value: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="input 'iou' takes one number, 0 to 1"):
        places(suppression(), iou=value)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(InvalidModel, match="3 labels for 2 classes"):
        places(suppression(labels=("a", "b", "c")))
    with pytest.raises(InvalidModel, match=r"takes N×classes and N×4, found \[5, 4\] and \[5, 2\]"):
        places(
            suppression(confidence=("raw_coordinates", "a"), coordinates=("raw_confidence", "b"))
        )


class Boxes(nn.Module):
    def forward(self, shift: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = arrays()
        confidence = torch.from_numpy(found["raw_confidence"]) * (shift + 1)
        return confidence, torch.from_numpy(found["raw_coordinates"]) + shift


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A program that gives the boxes, moved by its input, as coremltools' `MLModel`."""
    path = tmp_path_factory.mktemp("program") / "boxes.mlpackage"
    outputs = [ct.TensorType(name=f"raw_{name}") for name in NAMES]
    inputs = [ct.TensorType(name="shift", shape=(1,))]
    convert_module(path, Boxes(), inputs, outputs=outputs)
    model = ct.models.MLModel(str(path), skip_model_load=True)
    specification = model.get_spec()
    for feature, width in zip(specification.description.output, (2, 4), strict=True):
        feature.type.multiArrayType.shape[:] = [len(BOXES), width]
    return ct.models.MLModel(specification, weights_dir=model.weights_dir, skip_model_load=True)


def pipeline(program: Any, path: Path, change: Callable[[Any], None] = lambda stage: None) -> Path:
    """The program and a suppression, joined by coremltools; `change` alters the suppression."""
    stage = ct.proto.Model_pb2.Model(specificationVersion=5)
    stage.description.input.extend(program.get_spec().description.output)
    for name in ("iou", "least"):
        number = stage.description.input.add(name=name).type
        number.isOptional = True
        number.doubleType.SetInParent()
    for name, width in zip(NAMES, (2, 4), strict=True):
        array = stage.description.output.add(name=name).type.multiArrayType
        array.dataType = array.FLOAT32
        array.shapeRange.sizeRanges.add(lowerBound=0, upperBound=-1)
        array.shapeRange.sizeRanges.add(lowerBound=width, upperBound=width)
    own = stage.nonMaximumSuppression
    own.pickTop.perClass = False
    own.stringClassLabels.vector.extend(("left", "right"))
    own.iouThreshold, own.confidenceThreshold = 0.3, 0.5
    own.confidenceInputFeatureName, own.coordinatesInputFeatureName = (f"raw_{n}" for n in NAMES)
    own.confidenceOutputFeatureName, own.coordinatesOutputFeatureName = NAMES
    own.iouThresholdInputFeatureName, own.confidenceThresholdInputFeatureName = "iou", "least"
    change(stage)
    joined = ct.utils.make_pipeline(program, ct.models.MLModel(stage, skip_model_load=True))
    joined.save(str(path))
    return path


def test_a_pipeline_of_coremltools_runs(program: Any, tmp_path: Path) -> None:
    path = pipeline(program, tmp_path / "a.mlpackage")
    whole = load(path)
    assert [f.name for f in whole.inputs] == ["shift", "iou", "least"]
    assert [f.optional for f in whole.inputs] == [False, True, True]
    found = whole.run({"shift": np.zeros(1, np.float32)})
    assert list(found) == list(NAMES) and found["coordinates"].tolist() == [
        [1, 0, 2, 2],
        [6, 0, 2, 2],
    ]
    assert np.allclose(found["confidence"], [[0, 0.9], [0.2, 0.7]])
    loose = whole.run(
        {"shift": np.zeros(1, np.float32), "iou": 0.5}, intermediates=["raw_confidence"]
    )
    assert len(loose["confidence"]) == 4 and loose["raw_confidence"].shape == (5, 2)
    with pytest.raises(InvalidInput, match="has no input 'IoU'; it takes shift, iou, least"):
        whole.run({"shift": np.zeros(1, np.float32), "IoU": 0.5})

    alone = load(path, suppressing=False)
    assert [f.name for f in alone.outputs] == ["raw_confidence", "raw_coordinates"]
    assert len(alone.run({"shift": np.zeros(1, np.float32)})["raw_confidence"]) == 5
    stated = summarise(path).suppression
    assert stated == suppression()


def clear(field: str) -> Callable[[Any], None]:
    return lambda stage: stage.nonMaximumSuppression.ClearField(field)


def state(**values: Any) -> Callable[[Any], None]:
    def change(stage: Any) -> None:
        for name, value in values.items():
            setattr(stage.nonMaximumSuppression, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (clear("confidenceOutputFeatureName"), "does not describe its two outputs"),
        (state(confidenceInputFeatureName="x"), "reads 'x', which the program does not give"),
        (state(iouThreshold=1.5), "thresholds 1.5 .IoU. and 0.5"),
        (state(confidenceThreshold=float("nan")), "thresholds 0.3 .IoU. and nan"),
        (state(iouThresholdInputFeatureName="x"), "no stage takes the pipeline's input 'iou'"),
        (lambda stage: stage.identity.SetInParent(), "a pipeline of mlProgram, identity; the only"),
    ],
)
def test_a_pipeline_that_does_not_fit(
    program: Any, tmp_path: Path, change: Callable[[Any], None], sentence: str
) -> None:
    path = pipeline(program, tmp_path / "a.mlpackage", change)
    with pytest.raises(InvalidModel, match=sentence):
        load(path)
