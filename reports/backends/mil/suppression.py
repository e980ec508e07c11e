"""Core ML's non-maximum suppression, which follows a program in a pipeline: what it states, and
what it computes, by its own description.

https://github.com/apple/coremltools/blob/9.0/mlmodel/format/NonMaximumSuppression.proto
It leaves open what the confidence of a box of several classes is; here it is the largest. It also
calls a box "within the radius" if the overlap is *less* than the threshold; here it is one that
overlaps by more, as in its own example and in every other implementation. Equal boxes keep their
order.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from blazepalm.errors import InvalidInput, InvalidModel
from blazepalm.models.decode import intersection_over_union
from blazepalm.reports.backends.mil.interface import Feature, Interface, Range, rows_of
from blazepalm.reports.backends.mil.values import TensorType

SUPPORTED = ("mlProgram", "nonMaximumSuppression")


@dataclass(frozen=True)
class Suppression:
    """`confidence` and `coordinates` are the names of its inputs and outputs: (N, classes), and
    (N, 4) as x, y of the centre, width, height. `thresholds` names the inputs that replace its two
    numbers, empty where there is none. With `per_class`, a box suppresses those of its class only.
    `rows`: how many boxes it may give; fewer are filled up with zeros.
    """

    confidence: tuple[str, str]
    coordinates: tuple[str, str]
    iou_threshold: float
    confidence_threshold: float
    thresholds: tuple[str, str]
    per_class: bool
    labels: tuple[str, ...]
    rows: Range

    def run(
        self, values: Mapping[str, np.ndarray], given: Mapping[str, Any], source: str
    ) -> dict[str, np.ndarray]:
        """The boxes that are left, best first, by the names of its outputs. `values` are the
        program's, `given` the pipeline's inputs. Raises InvalidInput for a threshold that is none,
        InvalidModel for values of other shapes.
        """
        confidence, boxes = values[self.confidence[0]], values[self.coordinates[0]]
        if confidence.ndim != 2 or boxes.shape != (len(confidence), 4) or not confidence.shape[1]:
            raise InvalidModel(
                f"{source}: its suppression takes N×classes and N×4, found "
                f"{list(confidence.shape)} and {list(boxes.shape)}"
            )
        if self.labels and confidence.shape[1] != len(self.labels):
            raise InvalidModel(
                f"{source}: its suppression has {len(self.labels)} labels for "
                f"{confidence.shape[1]} classes"
            )
        overlap = _threshold(self.thresholds[0], self.iou_threshold, 1.0, given, source)
        least = _threshold(self.thresholds[1], self.confidence_threshold, math.inf, given, source)
        kept = self._kept(confidence, boxes, overlap, least)
        if self.rows.high is not None:
            kept = kept[: self.rows.high]
        missing = max(self.rows.low - len(kept), 0)
        return {
            name: np.pad(array[kept], ((0, missing), (0, 0)))
            for name, array in ((self.confidence[1], confidence), (self.coordinates[1], boxes))
        }

    def _kept(
        self, confidence: np.ndarray, boxes: np.ndarray, overlap: float, least: float
    ) -> np.ndarray:
        """The numbers of the boxes that are left, best first."""
        best, classes = confidence.max(axis=1), confidence.argmax(axis=1)
        sure = np.flatnonzero(best >= least)
        left = sure[np.argsort(-best[sure], kind="stable")]
        wide = boxes.astype(np.float64)
        corners = np.concatenate(
            (wide[:, :2] - wide[:, 2:] / 2, wide[:, :2] + wide[:, 2:] / 2), axis=1
        )
        kept = []
        while left.size:
            first, left = left[0], left[1:]
            kept.append(first)
            same = intersection_over_union(corners[first], corners[left]) > overlap
            if self.per_class:
                same &= classes[left] == classes[first]
            left = left[~same]
        return np.array(kept, np.int64)


def _threshold(
    name: str, default: float, most: float, given: Mapping[str, Any], source: str
) -> float:
    if given.get(name) is None:
        return default
    value = np.asarray(given[name])
    if value.size != 1 or value.dtype.kind not in "fiu" or not 0 <= float(value.item()) <= most:
        wanted = "0 to 1" if most == 1 else "0 or more"
        raise InvalidInput(f"{source}: input '{name}' takes one number, {wanted}")
    return float(value.item())


def stages(model: Any, source: str) -> tuple[Any, Suppression | None]:
    """The `Model` message that holds the program, and the suppression that follows it, if there is
    one. Raises InvalidModel for a pipeline of anything else.
    """
    if model.WhichOneof("Type") != "pipeline":
        return model, None
    kinds = tuple(stage.WhichOneof("Type") for stage in model.pipeline.models)
    if kinds != SUPPORTED:
        listed = ", ".join(str(kind) for kind in kinds) or "nothing"
        raise InvalidModel(
            f"{source}: is a pipeline of {listed}; the only one that is read is an ML program "
            "followed by a non-maximum suppression"
        )
    first, second = model.pipeline.models
    return first, _read(second, source)


def _read(model: Any, source: str) -> Suppression:
    stated = model.nonMaximumSuppression
    outputs = {feature.name: feature.type for feature in model.description.output}
    names = (stated.confidenceOutputFeatureName, stated.coordinatesOutputFeatureName)
    if not set(names) <= set(outputs) or names[0] == names[1]:
        raise InvalidModel(f"{source}: its suppression does not describe its two outputs")
    numbers = (stated.iouThreshold, stated.confidenceThreshold)
    if not (0 <= numbers[0] <= 1 and 0 <= numbers[1] < math.inf):
        raise InvalidModel(
            f"{source}: its suppression has the thresholds {numbers[0]:g} (IoU) and "
            f"{numbers[1]:g} (confidence); expected 0 to 1, and 0 or more"
        )
    labels = getattr(stated, stated.WhichOneof("ClassLabels") or "stringClassLabels").vector
    rows = [rows_of(outputs[name].multiArrayType) for name in names]
    return Suppression(
        confidence=(stated.confidenceInputFeatureName, names[0]),
        coordinates=(stated.coordinatesInputFeatureName, names[1]),
        iou_threshold=numbers[0],
        confidence_threshold=numbers[1],
        thresholds=(
            stated.iouThresholdInputFeatureName,
            stated.confidenceThresholdInputFeatureName,
        ),
        per_class=stated.pickTop.perClass,
        labels=tuple(str(label) for label in labels),
        rows=rows[0] if rows[0] != Range(0, None) else rows[1],
    )


def pipeline_interface(
    description: Any, program: Interface, suppression: Suppression, source: str
) -> Interface:
    """What the pipeline takes and returns. Raises InvalidModel if its stages do not fit it."""
    own = {feature.name: feature for feature in program.inputs}
    given = {feature.name: feature for feature in program.outputs}
    read = (suppression.confidence[0], suppression.coordinates[0])
    if missing := [name for name in read if name not in given]:
        raise InvalidModel(
            f"{source}: its suppression reads '{missing[0]}', which the program does not give"
        )
    inputs = []
    for proto in description.input:
        if proto.name in own:
            says = proto.shortDescription or own[proto.name].description
            inputs.append(replace(own[proto.name], description=says))
        elif proto.name and proto.name in suppression.thresholds:
            number = TensorType("FLOAT64", ())
            inputs.append(Feature(proto.name, number, proto.shortDescription, optional=True))
        else:
            raise InvalidModel(f"{source}: no stage takes the pipeline's input '{proto.name}'")
    if missing := [name for name in own if name not in {f.name for f in inputs}]:
        raise InvalidModel(f"{source}: the pipeline does not take the program's '{missing[0]}'")
    columns = {
        suppression.confidence[1]: given[read[0]].type,
        suppression.coordinates[1]: given[read[1]].type,
    }
    outputs = []
    for proto in description.output:
        if proto.name in columns:
            before = columns[proto.name]
            shape = None if before.shape is None else (None, *before.shape[1:])
            type_ = TensorType(before.dtype, shape)
            outputs.append(Feature(proto.name, type_, proto.shortDescription))
        elif proto.name in given:
            outputs.append(given[proto.name])
        else:
            raise InvalidModel(f"{source}: no stage gives the pipeline's output '{proto.name}'")
    return Interface(tuple(inputs), tuple(outputs))
