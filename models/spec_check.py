"""Checks that a spec's network can be built and run: sizes are positive, channels fit, maps that
are added or read have the same size.

The map is followed through the network as (channels, height, width), by the arithmetic of
convolutions alone: no network is built and torch is not needed.
"""

import math
from collections.abc import Sequence

from blazepalm.models.spec import (
    BlockSpec,
    ConvSpec,
    HandLandmarksSpec,
    PalmDetectorSpec,
    Spec,
    StageSpec,
    TapSpec,
    UpSpec,
)

# What a network may compute on one input, all values together: 512 MiB of float32. The largest
# known file makes 30 million.
MAX_VALUES = 1 << 27
PLAIN_ACTIVATIONS = ("none", "relu", "relu6")
ACTIVATIONS = (*PLAIN_ACTIVATIONS, "prelu", "maximum")  # the latter two have slopes
SHORTCUTS = ("none", "identity", "max_pool")
POOLINGS = ("mean", "flatten", "none")
SCORES, POINTS = ("presence", "handedness"), ("landmarks", "world_landmarks")

Map = tuple[int, int, int]  # channels, height, width


def check_spec(spec: Spec) -> None:
    """Raises ValueError naming the first field that prevents the network from being built."""
    _range("spec.value_range", spec.value_range)
    levels, taps = _backbone(spec)
    for i, step in enumerate(spec.neck):
        levels.append(_up(levels[-1], step, taps, f"spec.neck[{i}]"))
    if isinstance(spec, PalmDetectorSpec):
        _unit("spec.score_threshold", spec.score_threshold)
        _unit("spec.suppression_iou", spec.suppression_iou)
        _palm_heads(spec, levels)
    else:
        _unit("spec.presence_threshold", spec.presence_threshold)
        if not 0 < spec.z_scale < math.inf:
            raise ValueError(f"spec.z_scale is {spec.z_scale}, but must be positive")
        _hand_outputs(spec, levels[-1])


def _backbone(spec: Spec) -> tuple[list[Map], dict[tuple[int, int], Map]]:
    """The backbone's last map, as a one-element list, and all maps that the neck may tap."""
    stem = spec.backbone.stem
    x = _fits((stem.in_channels, *spec.input_size), "spec.input_size")
    x = _conv(x, stem, "spec.backbone.stem")
    taps = {(-1, 0): x}
    for i, stage in enumerate(spec.backbone.stages):
        for j, block in enumerate(stage.blocks):
            x = _block(x, block, f"spec.backbone.stages[{i}].blocks[{j}]")
            taps[i, j] = x
    return [x], taps


def _palm_heads(spec: PalmDetectorSpec, levels: Sequence[Map]) -> None:
    if spec.coordinates < 4 or spec.coordinates % 2:
        raise ValueError(f"spec.coordinates is {spec.coordinates}, expected 4 + 2 · keypoints")
    if not spec.heads:
        raise ValueError("spec.heads is empty")
    strides = []
    for i, head in enumerate(spec.heads):
        where = f"spec.heads[{i}]"
        if not 0 <= head.level < len(levels):
            raise ValueError(f"{where}.level is {head.level}, but there are {len(levels)} maps")
        anchors = head.anchors_per_cell
        for name, conv, values in (
            ("boxes", head.boxes, anchors * spec.coordinates),
            ("scores", head.scores, anchors),
        ):
            _same(_conv(levels[head.level], conv, f"{where}.{name}"), (values, *head.size), where)
        strides.append(spec.input_size[0] // head.size[0])
    if len(set(strides)) < len(strides):
        raise ValueError(f"spec.heads have strides {strides}, but each must have its own")


def _hand_outputs(spec: HandLandmarksSpec, x: Map) -> None:
    x = _stages(x, spec.trunk, "spec.trunk")
    for i, layer in enumerate(spec.features):
        x = _conv(x, layer, f"spec.features[{i}]")
    _among("spec.pooling", spec.pooling, POOLINGS)
    pooled = math.prod(x) if spec.pooling == "flatten" else x[0]
    if spec.pooled != pooled:
        raise ValueError(f"spec.pooled is {spec.pooled}, but the network gives {pooled}")
    names = [output.name for output in spec.outputs]
    if len(set(names)) < len(names) or not {"landmarks", "presence"} <= set(names):
        raise ValueError(f"spec.outputs are {names}, expected landmarks and presence, each once")
    for i, output in enumerate(spec.outputs):
        where = f"spec.outputs[{i}]"
        _among(f"{where}.name", output.name, (*POINTS, *SCORES))
        score = output.name in SCORES
        if output.values < 1 or (output.values != 1 if score else output.values % 3):
            raise ValueError(
                f"{where}.values is {output.values}, expected {'1' if score else '3 per landmark'}"
            )
        if (output.conv is None) == (spec.pooling == "none"):
            raise ValueError(f"{where}.conv does not fit the pooling {spec.pooling!r}")
        if output.conv is None:
            _fits((output.values, pooled, 1), f"{where}.values")
        elif math.prod(_conv(x, output.conv, f"{where}.conv")) != output.values:
            raise ValueError(f"{where}.conv does not give {output.values} values")


def _stages(x: Map, stages: Sequence[StageSpec], where: str) -> Map:
    for i, stage in enumerate(stages):
        x = _blocks(x, stage.blocks, f"{where}[{i}].blocks")
    return x


def _blocks(x: Map, blocks: Sequence[BlockSpec], where: str) -> Map:
    for i, block in enumerate(blocks):
        x = _block(x, block, f"{where}[{i}]")
    return x


def _block(x: Map, spec: BlockSpec, where: str) -> Map:
    _among(f"{where}.shortcut", spec.shortcut, SHORTCUTS)
    _among(f"{where}.activation", spec.activation, ACTIVATIONS)
    y = x if spec.expand is None else _conv(x, spec.expand, f"{where}.expand")
    depthwise = spec.depthwise
    if not depthwise.groups == depthwise.in_channels == depthwise.out_channels:
        raise ValueError(f"{where}.depthwise is not depthwise: it needs one group per channel")
    y = _conv(y, depthwise, f"{where}.depthwise")
    y = _conv(y, spec.pointwise, f"{where}.pointwise")
    if spec.shortcut != "none":
        channels, height, width = x
        halves = 2 if spec.shortcut == "max_pool" else 1
        _positive(f"{where}.new_channels", spec.new_channels, 0)
        shortcut = (channels + spec.new_channels, height // halves, width // halves)
        _same(shortcut, y, f"{where}.shortcut")
    return y


def _up(x: Map, spec: UpSpec, taps: dict[tuple[int, int], Map], where: str) -> Map:
    tap: TapSpec = spec.tap
    if (tap.stage, tap.block) not in taps:
        raise ValueError(f"{where}.tap is block {tap.block} of stage {tap.stage}; there is none")
    for name, value in (("tap.activation", tap.activation), ("activation", spec.activation)):
        _among(f"{where}.{name}", value, PLAIN_ACTIVATIONS)  # there is no place for slopes
    if spec.reduce is not None:
        x = _conv(x, spec.reduce, f"{where}.reduce")
    if spec.transposed is not None:
        x = _transposed(x, spec.transposed, f"{where}.transposed")
        _same(x, (x[0], *spec.size), f"{where}.size")
    x = _fits((x[0], *spec.size), f"{where}.size")
    if spec.project is not None:
        x = _conv(x, spec.project, f"{where}.project")
    _same(x, taps[tap.stage, tap.block], f"{where}.tap")
    return _blocks(x, spec.blocks, f"{where}.blocks")


def _conv(x: Map, spec: ConvSpec, where: str) -> Map:
    _layer(x, spec, where)
    top, bottom, left, right = spec.padding
    padded = (x[1] + top + bottom, x[2] + left + right)
    _fits((x[0], *padded), f"{where}.padding")
    rows, columns = (
        (size - kernel) // spec.stride + 1 for size, kernel in zip(padded, spec.kernel, strict=True)
    )
    return _fits((spec.out_channels, rows, columns), where)


def _transposed(x: Map, spec: ConvSpec, where: str) -> Map:
    """Crops the overhang; there are no groups."""
    _layer(x, spec, where)
    if spec.groups != 1:
        raise ValueError(f"{where}.groups is {spec.groups}, but a transposed convolution has one")
    cut = (sum(spec.padding[:2]), sum(spec.padding[2:]))
    rows, columns = (
        (size - 1) * spec.stride + kernel for size, kernel in zip(x[1:], spec.kernel, strict=True)
    )
    _fits((spec.out_channels, rows, columns), where)
    return _fits((spec.out_channels, rows - cut[0], columns - cut[1]), f"{where}.padding")


def _layer(x: Map, spec: ConvSpec, where: str) -> None:
    """The rules for every convolution, whatever it does to the map."""
    _among(f"{where}.activation", spec.activation, ACTIVATIONS)
    for name, value in (
        ("out_channels", spec.out_channels),
        ("kernel", min(spec.kernel)),
        ("stride", spec.stride),
        ("groups", spec.groups),
    ):
        _positive(f"{where}.{name}", value)
    _positive(f"{where}.padding", min(spec.padding), 0)
    if spec.in_channels != x[0]:
        raise ValueError(f"{where}.in_channels is {spec.in_channels}, but the map has {x[0]}")
    if spec.in_channels % spec.groups or spec.out_channels % spec.groups:
        raise ValueError(f"{where}.groups is {spec.groups}, which does not divide the channels")
    weight = (spec.out_channels, spec.in_channels // spec.groups, math.prod(spec.kernel))
    _fits(weight, f"{where}.kernel")
    if spec.stride > MAX_VALUES:
        raise ValueError(f"{where}.stride is {spec.stride}, which is too large")


def _fits(shape: Map, where: str) -> Map:
    """Returns `shape` if such a map can exist."""
    if min(shape) < 1 or math.prod(shape) > MAX_VALUES:
        raise ValueError(f"{where} makes {list(shape)}, expected 1 to {MAX_VALUES} values")
    return shape


def _same(found: Map, expected: Map, where: str) -> None:
    if found != expected:
        raise ValueError(f"{where} does not fit: (channels, height, width) {found} and {expected}")


def _positive(where: str, value: int, low: int = 1) -> None:
    if value < low:
        raise ValueError(f"{where} is {value}, but must be at least {low}")


def _among(where: str, value: str, names: tuple[str, ...]) -> None:
    if value not in names:
        raise ValueError(f"{where} is {value!r:.80}, expected one of {', '.join(names)}")


def _range(where: str, values: tuple[float, float]) -> None:
    low, high = values
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"{where} is {list(values)}, expected a lower and an upper bound")


def _unit(where: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{where} is {value}, expected 0 to 1")
