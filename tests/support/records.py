"""Converted folders of small networks, and damage to their `conversion.json`."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.palm_detector import PalmDetector
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
from blazepalm.models.spec_json import spec_to_dict
from support.tflite_builder import ModelBuilder

WIDTH = 8
STEM = ConvSpec(3, WIDTH, (3, 3), stride=2, padding=(0, 1, 0, 1), activation="prelu")
DEPTHWISE = ConvSpec(WIDTH, WIDTH, (5, 5), padding=(2, 2, 2, 2), groups=WIDTH)
HALVING = ConvSpec(WIDTH, WIDTH, (5, 5), stride=2, padding=(1, 2, 1, 2), groups=WIDTH)


def palm_spec() -> PalmDetectorSpec:
    """A detector of 32 × 32 pixels with every kind of part but inverted residuals."""
    return PalmDetectorSpec(
        input_size=(32, 32),
        backbone=BackboneSpec(
            STEM,  # (8, 16, 16)
            (
                StageSpec((BlockSpec(DEPTHWISE, ConvSpec(8, 8), shortcut="identity"),)),
                StageSpec((BlockSpec(HALVING, ConvSpec(8, 12), None, "max_pool", 4, "prelu"),)),
            ),
        ),
        neck=(
            UpSpec(
                (16, 16),
                TapSpec(0, 0, "relu"),
                project=ConvSpec(12, 8, activation="prelu"),
                blocks=(BlockSpec(DEPTHWISE, ConvSpec(8, 8), shortcut="identity"),),
            ),
        ),
        heads=(
            PalmHeadSpec(1, (16, 16), 2, ConvSpec(8, 36), ConvSpec(8, 2)),
            PalmHeadSpec(0, (8, 8), 6, ConvSpec(12, 108), ConvSpec(12, 6)),
        ),
        coordinates=18,
        value_range=(-1.0, 1.0),
    )


def hand_spec() -> HandLandmarksSpec:
    """A landmark network of 32 × 32 pixels: inverted residuals, a transposed neck, pooling."""
    expand, narrow = ConvSpec(8, 16, activation="relu6"), ConvSpec(16, 8)
    wide = ConvSpec(16, 16, (3, 3), padding=(1, 1, 1, 1), groups=16, activation="relu6")
    half = ConvSpec(16, 16, (3, 3), stride=2, padding=(0, 1, 0, 1), groups=16, activation="relu6")
    return HandLandmarksSpec(
        input_size=(32, 32),
        backbone=BackboneSpec(
            STEM,  # (8, 16, 16)
            (
                StageSpec((BlockSpec(wide, narrow, expand, "identity"),)),
                StageSpec((BlockSpec(half, narrow, expand),)),  # (8, 8, 8)
            ),
        ),
        neck=(
            UpSpec(
                (16, 16),
                TapSpec(0, 0),
                reduce=ConvSpec(8, 4),
                transposed=ConvSpec(4, 8, (3, 3), stride=2, padding=(0, 1, 0, 1)),
            ),
        ),
        trunk=(StageSpec((BlockSpec(HALVING, ConvSpec(8, 8), None, "max_pool"),)),),
        features=(ConvSpec(8, 10, activation="relu"),),
        pooling="mean",
        pooled=10,
        outputs=(
            OutputSpec("landmarks", 63, False),
            OutputSpec("presence", 1, True),
            OutputSpec("handedness", 1, True),
        ),
    )


def write_spec_folder(folder: Path, spec: Spec) -> nn.Module:
    """What `convert` would write of a network of this spec with seeded weights."""
    torch.manual_seed(3)
    module = PalmDetector(spec) if isinstance(spec, PalmDetectorSpec) else HandLandmarks(spec)
    folder.mkdir()
    save_file(module.state_dict(), folder / "model.safetensors")
    if isinstance(module, PalmDetector):
        np.save(folder / "anchors.npy", module.anchors.numpy())
    artifacts = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    record = {
        "schema": "blazepalm-conversion/1",
        "spec": spec_to_dict(spec),
        "artifacts": artifacts,
    }
    (folder / "conversion.json").write_text(json.dumps(record))
    return module.eval()


def many_operators() -> bytes:
    """A graph of no family with most kinds of options and of constants that shape the code."""
    rng = np.random.default_rng(5)
    model = ModelBuilder()

    def weight(*shape: int) -> int:
        return model.tensor(shape, data=rng.normal(size=shape).astype(np.float32))

    def integers(*values: Any) -> int:
        data = np.array(values, np.int32)
        return model.tensor(data.shape, "int32", data)

    def then(name: str, inputs: list[int], shape: tuple[int, ...], options: Any = None) -> int:
        out = model.tensor(shape)
        model.operator(name, inputs, [out], options)
        return out

    image = model.tensor((1, 6, 8, 3), name="image")
    infinity = model.tensor((1,), data=np.array([-np.inf], np.float32))
    x = then("PADV2", [image, integers((0, 0), (1, 1), (1, 1), (0, 0)), infinity], (1, 8, 10, 3))
    pool = schema.Pool2DOptionsT(padding=1, strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    x = then("MAX_POOL_2D", [x], (1, 4, 5, 3), pool)
    conv = schema.Conv2DOptionsT(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    x = then("CONV_2D", [x, weight(4, 3, 3, 3), weight(4)], (1, 4, 5, 4), conv)
    slopes = schema.LeakyReluOptionsT(alpha=0.25)
    x = then("LEAKY_RELU", [x], (1, 4, 5, 4), slopes)
    x = then("PRELU", [x, weight(1, 1, 4)], (1, 4, 5, 4))
    half = schema.ResizeBilinearOptionsT(halfPixelCenters=True)
    x = then("RESIZE_BILINEAR", [x, integers(8, 10)], (1, 8, 10, 4), half)
    mirror = schema.MirrorPadOptionsT(mode=1)
    pads = integers((0, 0), (1, 0), (0, 0), (0, 1))
    x = then("MIRROR_PAD", [x, pads], (1, 9, 10, 5), mirror)
    strided = schema.StridedSliceOptionsT(beginMask=1, endMask=1)
    cut = [integers(0, 1, 0, 0), integers(0, 9, 10, 4), integers(1, 2, 1, 1)]
    x = then("STRIDED_SLICE", [x, *cut], (1, 4, 10, 4), strided)
    picked = schema.GatherOptionsT(axis=2)
    x = then("GATHER", [x, integers(9, 0, 4)], (1, 4, 3, 4), picked)
    x = then("TRANSPOSE", [x, integers(0, 2, 1, 3)], (1, 3, 4, 4))
    y = then("ADD", [x, weight(4)], (1, 3, 4, 4), schema.AddOptionsT(fusedActivationFunction=1))
    joined = schema.ConcatenationOptionsT(axis=3)
    x = then("CONCATENATION", [x, y], (1, 3, 4, 8), joined)
    x = then("MEAN", [x, integers(1)], (1, 4, 8), schema.ReducerOptionsT())
    x = then("RESHAPE", [x, integers(1, 32)], (1, 32), schema.ReshapeOptionsT(newShape=[1, 32]))
    x = then(
        "FULLY_CONNECTED", [x, weight(6, 32), weight(6)], (1, 6), schema.FullyConnectedOptionsT()
    )
    x = then("SOFTMAX", [x], (1, 6), schema.SoftmaxOptionsT(beta=1.5))
    return model.build([image], [x])


# Damage ---------------------------------------------------------------------------------------

Place = tuple[str | int, ...]
ODD: list[Any] = [
    *(None, True, False, "", "x", "relu", "SAME", "NaN", "Infinity", "-Infinity"),
    *(0, 1, -1, 2, 3, 7, 255, 2**31 - 1, -(2**31), 2**31, 2**62, -(2**62)),
    *(0.5, -0.0, 1e-30, 1e308, [], [0], [1, 2], {}, {"type": "x"}),
]


def places(tree: Any, above: Place = ()) -> list[Place]:
    """The path of every value in a tree of objects and lists, the root's left out."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found: list[Place] = []
    for key, value in items:
        found.append((*above, key))
        if isinstance(value, dict | list):
            found += places(value, (*above, key))
    return found


def value_at(tree: Any, path: Place) -> Any:
    """What lies at a path of `places`."""
    for key in path:
        tree = tree[key]
    return tree


@st.composite
def damaged(draw: st.DrawFn, record: dict[str, Any], part: str) -> dict[str, Any]:
    """`record` with one to three values in `part` dropped, retyped, rescaled, or exchanged."""
    out = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 3))):
        every = places({part: out[part]}) if part in out else []
        if not every:
            break
        path = draw(st.sampled_from(every))
        holder, key = value_at(out, path[:-1]), path[-1]
        value = holder[key]
        kind = draw(st.sampled_from(["rescale", "nudge", "drop", "odd", "copy", "repeat"]))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind == "drop":
            del holder[key]
        elif kind in ("rescale", "nudge") and number:
            scaled = value * draw(st.sampled_from([2, 3, -1, 0.5, 16]))
            moved = value + draw(st.sampled_from([1, -1, 2]))
            new = scaled if kind == "rescale" else moved
            holder[key] = int(new) if isinstance(value, int) else new
        elif kind == "repeat" and isinstance(value, list) and value:
            value.append(copy.deepcopy(value[-1]))
        elif kind == "copy":
            holder[key] = copy.deepcopy(value_at(out, draw(st.sampled_from(every))))
        else:
            holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return out
