"""Structure recovery on the real releases. Expected values come from the files' operator listings
(shapes, strides) and releases.md, not from the code.
"""

from dataclasses import replace

import pytest

from blazepalm.converter.architecture import examine, recognise
from blazepalm.converter.heads import heads_of
from blazepalm.converter.tflite import read, read_bytes
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.options import BinaryOptions, ResizeOptions
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from support.models import HANDS, PALMS, shared_model
from support.tflite_builder import ModelBuilder

# release → input side, heads as (cells per side, anchors per cell) in anchor order, coordinates
PALM_FACTS = {
    "palm-2020-11": (128, [(16, 2), (8, 6)], 18),
    "palm-lite-2021-11": (192, [(24, 2), (12, 6)], 18),
    "palm-full-2023-09": (192, [(24, 2), (12, 6)], 18),
}

FOUR = ("landmarks", "presence", "handedness", "world_landmarks")

# release → input side, outputs, pooling, values the heads read, neck steps, second stages
HAND_FACTS = {
    "hand-3d-2019-08": (256, FOUR[:2], "none", 144, 0, 0),
    "hand-2020-05": (256, FOUR[:3], "none", 288, 3, 5),
    "hand-2020-11": (224, FOUR[:3], "flatten", 4 * 4 * 144, 0, 0),
    "hand-sparse-2021-02": (224, FOUR[:3], "mean", 1152, 0, 0),
    "hand-lite-2022": (224, FOUR, "mean", 672, 0, 0),
    "hand-full-2022": (224, FOUR, "mean", 1152, 0, 0),
}


@pytest.mark.parametrize("release", PALMS)
def test_palm_detectors(release: str) -> None:
    side, heads, coordinates = PALM_FACTS[release]
    found = recognise(read(shared_model(release)))
    assert found is not None and isinstance(found.spec, PalmDetectorSpec)
    assert found.family == "palm"
    assert found.outputs == ("boxes", "scores")
    assert found.spec.input_size == (side, side)
    assert [(h.size, h.anchors_per_cell) for h in found.spec.heads] == [
        ((cells, cells), anchors) for cells, anchors in heads
    ]
    assert found.spec.coordinates == coordinates and found.spec.keypoints == 7
    assert found.spec.anchors == sum(cells**2 * anchors for cells, anchors in heads)
    assert [step.size[0] for step in found.spec.neck] == [h[0] for h in reversed(heads)]


@pytest.mark.parametrize("release", HANDS)
def test_hand_landmarks(release: str) -> None:
    side, outputs, pooling, pooled, neck, second = HAND_FACTS[release]
    found = recognise(read(shared_model(release)))
    assert found is not None and isinstance(found.spec, HandLandmarksSpec)
    spec = found.spec
    assert (found.family, found.outputs, spec.input_size) == ("hand", outputs, (side, side))
    assert (spec.pooling, spec.pooled, len(spec.neck), len(spec.trunk)) == (
        pooling,
        pooled,
        neck,
        second,
    )
    assert spec.landmarks == 21
    assert {o.name for o in spec.outputs if o.sigmoid} == {"presence", "handedness"} & set(outputs)


def test_every_weighted_operator_gets_its_own_module() -> None:
    for release in [*PALMS, *HANDS]:
        graph = read(shared_model(release))
        found = recognise(graph)
        assert found is not None
        weighted = {
            op.index
            for op in graph.operators
            if any(
                i >= 0 and graph.tensors[i].dtype == "float32" and graph.tensors[i].is_constant
                for i in op.inputs
            )
        }
        assert weighted and weighted <= set(found.modules)
        assert len(set(found.modules.values())) == len(found.modules)


def test_paths_of_the_first_and_a_strided_block() -> None:
    """palm-full: operator 2 is the stem, 39/42 the first pair that halves the map."""
    found = recognise(read(shared_model("palm-full-2023-09")))
    assert found is not None
    assert found.modules[2] == "backbone.stem.conv"
    assert found.modules[4] == "backbone.stem.activation"
    assert found.modules[39] == "backbone.stage2.block0.depthwise"
    assert found.modules[42] == "backbone.stage2.block0.pointwise"
    assert found.modules[47] == "backbone.stage2.block0.activation"
    assert found.modules[211] == "neck.up1.project.conv"
    assert found.modules[237] == "heads.stride16.boxes"
    assert found.modules[264] == "heads.stride8.scores"


def test_strided_padding_is_tflites() -> None:
    """192 → 96 with a 5×5 kernel: (95·2 + 5 − 192) = 3 zeros, one before and two after."""
    found = recognise(read(shared_model("palm-full-2023-09")))
    assert found is not None
    assert found.spec.backbone.stem.padding == (1, 2, 1, 2)


def test_name_and_hash_decide_nothing() -> None:
    path = shared_model("palm-lite-2021-11")
    known = recognise(read(path))
    other = recognise(replace(read_bytes(path.read_bytes(), "x.bin"), sha256="0" * 64))
    assert known is not None and other is not None
    assert (other.spec, dict(other.modules)) == (known.spec, dict(known.modules))


def test_recrop_belongs_to_no_family_and_says_why() -> None:
    found, reason = examine(read(shared_model("hand-recrop-2020-07")))
    assert found is None
    assert "1 outputs" in reason and "output_crop" in reason


def _altered(graph: Graph, index: int, options: object) -> Graph:
    return replace(
        graph,
        operators=tuple(
            replace(op, options=options) if op.index == index else op  # type: ignore[arg-type]
            for op in graph.operators
        ),
    )


@pytest.mark.parametrize(
    ("index", "options", "words"),
    [
        (208, ResizeOptions(), "RESIZE_BILINEAR samples at pixel corners"),
        (11, BinaryOptions("TANH"), "ADD ends in TANH"),
    ],
)
def test_what_the_modules_cannot_express_is_refused(
    index: int, options: object, words: str
) -> None:
    graph = _altered(read(shared_model("palm-full-2023-09")), index, options)
    found, reason = examine(graph)
    assert found is None
    assert words in reason


def test_an_operator_left_over_is_refused() -> None:
    """Otherwise an extra activation on a side branch would be lost silently."""
    graph = read(shared_model("palm-full-2023-09"))
    first = graph.operators[0]
    spare = len(graph.tensors)
    tensor = replace(graph.tensors[first.outputs[0]], index=spare, name="spare")
    relu = replace(
        first, index=999, name="TANH", inputs=(first.outputs[0],), outputs=(spare,), options=None
    )
    found, reason = examine(
        replace(graph, tensors=(*graph.tensors, tensor), operators=(*graph.operators, relu))
    )
    assert found is None
    assert reason


@pytest.mark.parametrize(
    "name", ["FULLY_CONNECTED", "LOGISTIC", "RESHAPE", "CONV_2D", "ADD", "PAD", "PRELU", "MEAN"]
)
@pytest.mark.parametrize("operands", [0, 1])
@pytest.mark.parametrize("shape", [(1, 63), (1, 8, 8, 3), (1, 0, 8, 3), ()])
def test_operators_without_their_operands_are_of_no_family(
    name: str, operands: int, shape: tuple[int, ...]
) -> None:
    """`inspect` gets such graphs unchecked: it must give a reason, not a traceback."""
    model = ModelBuilder()
    image, out = model.tensor((1, 8, 8, 3)), model.tensor(shape)
    model.operator(name, [image][:operands], [out])
    graph = read_bytes(model.build([image], [out]), "few.tflite")
    recognition, reason = examine(graph)
    assert recognition is None and reason
    assert heads_of(graph) == ()
