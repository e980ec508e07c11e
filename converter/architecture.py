"""Structure recovery: a graph → a small spec of a known family, or nothing.

The graph is first brought to its normal form (`converter.normal_form`). The walk then follows the
image through it and assigns each operator to one module of the readable network. A graph is
recognised only if every operator is assigned; file names, hashes and the release table play no
part. Values that the structure does not show (value range, thresholds) keep the spec's defaults;
the caller sets them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from blazepalm.converter.normal_form import normalise
from blazepalm.converter.patterns.block import block as match_block
from blazepalm.converter.patterns.head import (
    detector_head,
    feature_layers,
    output_chain,
    pooling,
)
from blazepalm.converter.patterns.neck import up_step
from blazepalm.converter.patterns.walk import Mismatch, Walk, conv_layer
from blazepalm.converter.tflite.graph import Graph
from blazepalm.models.spec import (
    BackboneSpec,
    BlockSpec,
    ConvSpec,
    HandLandmarksSpec,
    OutputSpec,
    PalmDetectorSpec,
    PalmHeadSpec,
    Spec,
    StageSpec,
    TapSpec,
    UpSpec,
)
from blazepalm.models.spec_check import check_spec


@dataclass(frozen=True)
class Recognition:
    """A recognised graph. `modules` maps each operator with weights in `normal`, the normal form,
    to the path of its readable module; `outputs` names the readable outputs in the file's order.
    """

    family: str
    spec: Spec
    modules: Mapping[int, str]
    outputs: tuple[str, ...]
    normal: Graph = field(repr=False, compare=False)


def recognise(graph: Graph) -> Recognition | None:
    """The family and spec of a graph; None if it belongs to no known family."""
    return examine(graph)[0]


def examine(graph: Graph) -> tuple[Recognition | None, str]:
    """Like `recognise`, plus the reason for None: how far each family's match got."""
    reasons = []
    normal = normalise(graph)
    for family, attempt in (("palm detector", _palm), ("hand landmarks", _hand)):
        try:
            found = attempt(normal)
            check_spec(found.spec)
            return found, ""
        except Mismatch as mismatch:
            reasons.append(f"not a {family} model: {mismatch}")
        except IndexError:  # damaged file: `inspect` does no lowering to reject it
            reasons.append(f"not a {family} model: an operator lacks operands, or they lack axes")
        except ValueError as error:  # the patterns match but the spec is invalid
            reasons.append(f"not a {family} model: {error}")
    return None, "; ".join(reasons)


@dataclass(frozen=True)
class _Trunk:
    """The part that both families share: backbone, neck, second stages. `levels` are the tensors
    that heads may read, starting with the backbone's last map.
    """

    input_size: tuple[int, int]
    backbone: BackboneSpec
    neck: tuple[UpSpec, ...]
    second: tuple[StageSpec, ...]
    levels: tuple[int, ...]


def _palm(graph: Graph) -> Recognition:
    walk = Walk(graph)
    if len(graph.outputs) != 2:
        raise Mismatch(f"{len(graph.outputs)} outputs, expected boxes and scores")
    shapes = [graph.tensors[t].shape for t in graph.outputs]
    if any(len(shape) != 3 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise Mismatch(f"outputs of shapes {[list(s) for s in shapes]}, expected N×18 and N×1")
    names = tuple("scores" if shape[2] == 1 else "boxes" for shape in shapes)
    coordinates = max(shapes[0][2], shapes[1][2])
    if set(names) != {"boxes", "scores"} or coordinates < 4 or coordinates % 2:
        raise Mismatch(f"outputs of {shapes[0][2]} and {shapes[1][2]} values per anchor")
    trunk = _trunk(walk)
    if trunk.second:
        raise Mismatch("stages after the neck")
    found = {
        name: detector_head(walk, output) for name, output in zip(names, graph.outputs, strict=True)
    }
    if [op.inputs[0] for op in found["boxes"]] != [op.inputs[0] for op in found["scores"]]:
        raise Mismatch("boxes and scores read different maps")
    heads = []
    for boxes_op, scores_op in zip(found["boxes"], found["scores"], strict=True):
        if boxes_op.inputs[0] not in trunk.levels:
            raise Mismatch(f"operator {boxes_op.index} {boxes_op.name} does not read the trunk")
        level = trunk.levels.index(boxes_op.inputs[0])
        _, height, width, channels = graph.tensors[scores_op.outputs[0]].shape
        stride = trunk.input_size[0] // height
        heads.append(
            PalmHeadSpec(
                level=level,
                size=(height, width),
                anchors_per_cell=channels,
                boxes=walk.conv(boxes_op, f"heads.stride{stride}.boxes"),
                scores=walk.conv(scores_op, f"heads.stride{stride}.scores"),
            )
        )
        if heads[-1].boxes.out_channels != channels * coordinates:
            raise Mismatch(f"operator {boxes_op.index} lacks {coordinates} values per anchor")
    if len({head.size for head in heads}) != len(heads):
        raise Mismatch("two heads on maps of the same size")
    spec = PalmDetectorSpec(
        input_size=trunk.input_size,
        backbone=trunk.backbone,
        neck=trunk.neck,
        heads=tuple(heads),
        coordinates=coordinates,
    )
    walk.finish()
    return Recognition("palm", spec, walk.modules, names, graph)


def _hand(graph: Graph) -> Recognition:
    walk = Walk(graph)
    chains = [output_chain(walk, output) for output in graph.outputs]
    names = _output_names([chain.values for chain in chains])
    trunk = _trunk(walk)
    x = trunk.levels[-1]
    source = {chain.source for chain in chains}
    if len(source) != 1:
        raise Mismatch("the outputs read different maps")
    features, x = feature_layers(walk, x, source.copy().pop())
    kind, pooled = pooling(walk, x, chains)
    outputs = []
    for name, chain in zip(names, chains, strict=True):
        path = f"heads.{name}.layer"
        conv: ConvSpec | None = None
        if chain.layer.name == "CONV_2D":
            conv = walk.conv(chain.layer, path)
        else:
            walk.linear(chain.layer, path)
        outputs.append(OutputSpec(name, chain.values, chain.sigmoid, conv))
    spec = HandLandmarksSpec(
        input_size=trunk.input_size,
        backbone=trunk.backbone,
        neck=trunk.neck,
        trunk=trunk.second,
        features=features,
        pooling=kind,
        pooled=pooled,
        outputs=tuple(outputs),
    )
    walk.finish()
    return Recognition("hand", spec, walk.modules, names, graph)


def _output_names(values: list[int]) -> tuple[str, ...]:
    """The names of a landmark model's outputs, from their sizes and order: in every release,
    landmarks precede world landmarks and presence precedes handedness.
    Source: mediapipe/modules/hand_landmark/hand_landmark_cpu.pbtxt, v0.10.21.
    """
    large = ["landmarks", "world_landmarks"]
    small = ["presence", "handedness"]
    points = max(values, default=0)
    names = []
    for count in values:
        meanings = small if count == 1 else large
        if count not in (1, points) or points % 3 or points < 3 or not meanings:
            raise Mismatch(f"outputs of {values} values, expected landmarks × 3 and scores")
        names.append(meanings.pop(0))
    if not {"landmarks", "presence"} <= set(names):
        raise Mismatch(f"outputs of {values} values, expected landmarks and presence")
    return tuple(names)


def _trunk(walk: Walk) -> _Trunk:
    graph = walk.graph
    if len(graph.inputs) != 1 or len(graph.tensors[graph.inputs[0]].shape) != 4:
        raise Mismatch("the input is not one image")
    _, height, width, _ = graph.tensors[graph.inputs[0]].shape
    stem, x = conv_layer(walk, walk.only_consumer(graph.inputs[0]), "backbone.stem")
    taps = {x: (-1, 0)}
    stages, x = _stages(walk, x, "backbone", taps)
    levels = [x]
    neck: list[UpSpec] = []
    while (step := up_step(walk, x, taps, f"neck.up{len(neck) + 1}")) is not None:
        up, (stage, block), x = step
        path = f"neck.up{len(neck) + 1}.refine"
        refine, x = _row(walk, x, path)
        tap = TapSpec(stage, block, up.tap.activation)
        neck.append(replace(up, tap=tap, blocks=tuple(refine)))
        levels.append(x)
    second: tuple[StageSpec, ...] = ()
    if neck:
        second, x = _stages(walk, x, "trunk", {})
        if second:
            levels.append(x)
    return _Trunk((height, width), BackboneSpec(stem, stages), tuple(neck), second, tuple(levels))


def _row(walk: Walk, x: int, path: str) -> tuple[list[BlockSpec], int]:
    """The consecutive blocks on one map size."""
    found: list[BlockSpec] = []
    while (block := match_block(walk, x, f"{path}.block{len(found)}", halves=False)) is not None:
        spec, x = block
        found.append(spec)
    return found, x


def _stages(
    walk: Walk, x: int, path: str, taps: dict[int, tuple[int, int]]
) -> tuple[tuple[StageSpec, ...], int]:
    """The consecutive stages; a block that halves the map opens a new one. Notes in `taps` which
    block computes which tensor.
    """
    stages: list[list[BlockSpec]] = []
    while True:
        opens = not stages
        here = f"{path}.stage{len(stages) + opens}.block{0 if opens else len(stages[-1])}"
        block = match_block(walk, x, here, halves=False)
        if block is None:
            opens = True
            block = match_block(walk, x, f"{path}.stage{len(stages) + 1}.block0", halves=True)
        if block is None:
            return tuple(StageSpec(tuple(blocks)) for blocks in stages), x
        spec, x = block
        if opens:
            stages.append([])
        stages[-1].append(spec)
        taps[x] = (len(stages) - 1, len(stages[-1]) - 1)
