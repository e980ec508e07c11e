"""A detector's program → a pipeline of it and of Core ML's non-maximum suppression, which Apple's
Vision reads as an object detector: a `VNCoreMLRequest` gives `VNRecognizedObjectObservation`s.

https://github.com/apple/coremltools/blob/9.0/mlmodel/format/NonMaximumSuppression.proto
Differs from MediaPipe in: the best box of an overlapping group stays as it is, where MediaPipe
averages the group, weighted by score. Keypoints are lost, because Vision has no place for them, and
with them the rotation of a hand's region.

Core ML is reported to read a program's confidences wrongly in such a pipeline unless the number of
classes is a multiple of 80 (ultralytics/ultralytics#22309, apple/coremltools#2445). The confidences
therefore have 80 columns; the first is the palm's, the others are zero.
"""

from typing import Any

from blazepalm.converter.coreml.options import Port
from blazepalm.models.spec import PalmDetectorSpec

CLASSES = 80
LABELS = ("palm", *(f"unused {number}" for number in range(2, CLASSES + 1)))
RAW_CONFIDENCE, RAW_COORDINATES = "raw_confidence", "raw_coordinates"
CONFIDENCE, COORDINATES = "confidence", "coordinates"  # Vision looks for these names
IOU_THRESHOLD, CONFIDENCE_THRESHOLD = "iouThreshold", "confidenceThreshold"
FLOAT32_ARRAYS = 5  # the first version of a specification whose suppression takes float32

Ports = tuple[Port, ...]


def program_of(specification: Any) -> Any:
    """The `Program` message of a package, whether or not it stands in a pipeline."""
    if specification.WhichOneof("Type") == "pipeline":
        return specification.pipeline.models[0].mlProgram
    return specification.mlProgram


def with_suppression(
    detector: Any, spec: PalmDetectorSpec, inputs: Ports
) -> tuple[Any, Ports, Ports]:
    """The `Model` message of the pipeline, its inputs (those of the detector and two thresholds,
    which are optional), and its outputs. `detector` gives `RAW_CONFIDENCE` (N, CLASSES) and
    `RAW_COORDINATES` (N, 4).
    """
    from coremltools.proto import Model_pb2

    numbers, outputs = _thresholds(spec), _outputs(spec)
    stage = Model_pb2.Model(specificationVersion=FLOAT32_ARRAYS)
    stage.description.input.extend(detector.description.output)
    for number in numbers:
        feature = stage.description.input.add(name=number.name)
        feature.type.isOptional = True
        feature.type.doubleType.SetInParent()
    for port in outputs:
        feature = stage.description.output.add(name=port.name)
        array = feature.type.multiArrayType
        array.dataType = array.FLOAT32
        array.shapeRange.sizeRanges.add(lowerBound=0, upperBound=-1)
        array.shapeRange.sizeRanges.add(lowerBound=port.shape[1], upperBound=port.shape[1])
    suppression = stage.nonMaximumSuppression
    suppression.pickTop.perClass = False
    suppression.stringClassLabels.vector.extend(LABELS)
    suppression.iouThreshold = spec.suppression_iou
    suppression.confidenceThreshold = spec.score_threshold
    suppression.confidenceInputFeatureName = RAW_CONFIDENCE
    suppression.coordinatesInputFeatureName = RAW_COORDINATES
    suppression.iouThresholdInputFeatureName = IOU_THRESHOLD
    suppression.confidenceThresholdInputFeatureName = CONFIDENCE_THRESHOLD
    suppression.confidenceOutputFeatureName = CONFIDENCE
    suppression.coordinatesOutputFeatureName = COORDINATES

    whole = Model_pb2.Model(specificationVersion=detector.specificationVersion)
    whole.pipeline.models.extend([detector, stage])
    whole.description.input.extend(detector.description.input)
    whole.description.input.extend(stage.description.input[-len(numbers) :])
    whole.description.output.extend(stage.description.output)
    return whole, (*inputs, *numbers), outputs


def _thresholds(spec: PalmDetectorSpec) -> Ports:
    def number(name: str, description: str) -> Port:
        return Port(name, "number", (), "float64", description)

    return (
        number(
            IOU_THRESHOLD,
            "A box that overlaps a better one by more (IoU, 0..1) is dropped; by default "
            f"{spec.suppression_iou:g}.",
        ),
        number(
            CONFIDENCE_THRESHOLD,
            f"A box of less confidence is dropped; by default {spec.score_threshold:g}.",
        ),
    )


def _outputs(spec: PalmDetectorSpec) -> Ports:
    return (
        Port(
            CONFIDENCE,
            "tensor",
            (spec.anchors, CLASSES),
            "float32",
            "A row for each palm, best first: how sure it is, 0..1, in the first column; the "
            "others are zero.",
        ),
        Port(
            COORDINATES,
            "tensor",
            (spec.anchors, 4),
            "float32",
            "A row for each palm: x, y of the box's centre, width, height; 0..1 of the input "
            "square, not clipped, y downwards.",
        ),
    )
