"""Reads a model's description (ModelDescription, FeatureTypes.proto): what each function takes and
returns, as a caller sees it: tensors with one or several shapes, images with a size and a colour
layout, defaults of optional inputs.

The program itself has no images. There an image input is a float tensor (1, C, H, W); only the
description states its colour layout.
"""

from dataclasses import dataclass, replace
from typing import Any

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.syntax import Function
from blazepalm.reports.backends.mil.values import TensorType

# FeatureTypes.proto, ImageFeatureType.ColorSpace
LAYOUTS = {10: "grayscale", 20: "RGB", 30: "BGR", 40: "grayscale float16"}


@dataclass(frozen=True)
class Range:
    """The sizes that a dimension may have, both ends included; `high` None means unbounded."""

    low: int
    high: int | None

    def __contains__(self, size: int) -> bool:
        return self.low <= size and (self.high is None or size <= self.high)

    def __str__(self) -> str:
        if self.low == self.high:
            return str(self.low)
        return f"{self.low}..{'' if self.high is None else self.high}"


@dataclass(frozen=True)
class Feature:
    """One input or output. `type` is the program's; `shape` the description's default shape
    (an image's is H, W). `enumerated` and `ranges` say which other shapes are allowed.
    """

    name: str
    type: TensorType
    description: str = ""
    image: str | None = None
    shape: tuple[int, ...] | None = None
    enumerated: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[Range, ...] = ()
    optional: bool = False
    default: float = 0.0

    def __str__(self) -> str:
        if self.image is not None:
            height, width = self.shape or (0, 0)
            return f"{self.name}: {self.image} image {width}×{height}"
        return f"{self.name}: {self.type}"

    def allows(self, shape: tuple[int, ...]) -> bool:
        """Whether a value of `shape` (H, W for an image) is accepted."""
        if self.enumerated:
            return shape in self.enumerated
        if self.ranges:
            return len(shape) == len(self.ranges) and all(
                size in allowed for size, allowed in zip(shape, self.ranges, strict=True)
            )
        if self.image is not None:
            return shape == self.shape
        declared = self.type.shape
        return declared is None or (
            len(shape) == len(declared)
            and all(want in (None, size) for want, size in zip(declared, shape, strict=True))
        )

    def allowed(self) -> str:
        """What `allows` accepts, for a message."""
        if self.enumerated:
            return " or ".join(str(list(shape)) for shape in self.enumerated)
        if self.ranges:
            return f"[{', '.join(str(r) for r in self.ranges)}]"
        if self.image is not None:
            return str(list(self.shape or ()))
        return str(self.type)


@dataclass(frozen=True)
class Interface:
    """What one function takes and returns, in the description's order."""

    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]


def read_interface(description: Any, function: Function, source: str) -> Interface:
    """The interface of `function`; features that the description leaves out are the program's."""
    own = next((d for d in description.functions if d.name == function.name), None)
    if own is None and not description.functions:
        own = description
    given = {f.name: f for f in (own.input if own is not None else ())}
    returned = {f.name: f for f in (own.output if own is not None else ())}
    for name in given.keys() - {value.name for value in function.inputs}:
        raise InvalidModel(f"{source}: the program has no input '{name}'")
    for name in returned.keys() - set(function.outputs):
        raise InvalidModel(f"{source}: the program has no output '{name}'")
    inputs = [_read_feature(n.name, n.type, given.get(n.name), source) for n in function.inputs]
    outputs = [
        _read_feature(name, function.types[name], returned.get(name), source)
        for name in function.outputs
    ]
    return Interface(_ordered(inputs, list(given)), _ordered(outputs, list(returned)))


def _ordered(features: list[Feature], names: list[str]) -> tuple[Feature, ...]:
    """The features in the description's order, then those that it leaves out."""
    places = {name: place for place, name in enumerate(names)}
    return tuple(sorted(features, key=lambda f: places.get(f.name, len(places))))


def _read_feature(name: str, declared: TensorType, proto: Any, source: str) -> Feature:
    feature = Feature(name, declared)
    if proto is None:
        return feature
    feature = replace(feature, description=proto.shortDescription, optional=proto.type.isOptional)
    kind = proto.type.WhichOneof("Type")
    if kind == "imageType":
        return _read_image(feature, proto.type.imageType, source)
    if kind == "multiArrayType":
        return _read_array(feature, proto.type.multiArrayType)
    return feature


def _read_image(feature: Feature, image: Any, source: str) -> Feature:
    if image.colorSpace not in LAYOUTS:
        raise InvalidModel(f"{source}: image '{feature.name}' has no known colour layout")
    layout = LAYOUTS[image.colorSpace]
    declared = feature.type.shape
    channels = 1 if layout.startswith("grayscale") else 3
    if declared is None or len(declared) != 4 or declared[1] not in (channels, None):
        raise InvalidModel(
            f"{source}: '{feature.name}' is a {layout} image in the description, "
            f"{feature.type} in the program"
        )
    enumerated = tuple((s.height, s.width) for s in image.enumeratedSizes.sizes)
    ranges: tuple[Range, ...] = ()
    if image.WhichOneof("SizeFlexibility") == "imageSizeRange":
        both = image.imageSizeRange
        ranges = (_read_range(both.heightRange), _read_range(both.widthRange))
    size = (image.height, image.width)
    return replace(feature, image=layout, shape=size, enumerated=enumerated, ranges=ranges)


def _read_array(feature: Feature, array: Any) -> Feature:
    enumerated = tuple(tuple(s.shape) for s in array.enumeratedShapes.shapes)
    ranges = tuple(_read_range(r) for r in array.shapeRange.sizeRanges)
    default = array.WhichOneof("defaultOptionalValue")
    return replace(
        feature,
        shape=tuple(array.shape),
        enumerated=enumerated,
        ranges=ranges,
        default=0.0 if default is None else float(getattr(array, default)),
    )


def rows_of(array: Any) -> Range:
    """How many rows an array may have, by its description; any number if it says nothing."""
    ranges = array.shapeRange.sizeRanges
    if len(ranges):
        return _read_range(ranges[0])
    return Range(array.shape[0], array.shape[0]) if len(array.shape) else Range(0, None)


def _read_range(proto: Any) -> Range:
    return Range(proto.lowerBound, None if proto.upperBound < 0 else proto.upperBound)
