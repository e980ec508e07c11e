"""Sound models of a few operators each, as builders whose object trees may be damaged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from support.tflite_builder import ModelBuilder, sparsity_parameters

Built = tuple[ModelBuilder, list[int], list[int]]  # the builder, its inputs and outputs

_values = np.random.default_rng(3)


def _weight(model: ModelBuilder, *shape: int) -> int:
    return model.tensor(shape, data=_values.normal(size=shape).astype(np.float32))


def _integers(model: ModelBuilder, values: Any) -> int:
    data = np.asarray(values, np.int32)
    return model.tensor(data.shape, "int32", data)


def _one(
    name: str,
    shape: Sequence[int],
    out: Sequence[int],
    options: Any = None,
    constants: Sequence[Any] = (),
    version: int = 1,
    first: bool = True,
) -> Built:
    """One operator; an ndarray of floats among `constants` is a weight, a list integers."""
    model = ModelBuilder()
    x, y = model.tensor(shape), model.tensor(out)
    given = [
        model.tensor(c.shape, data=c) if isinstance(c, np.ndarray) else _integers(model, c)
        for c in constants
    ]
    model.operator(name, [x, *given] if first else [*given, x], [y], options, version=version)
    return model, [x], [y]


def _random(*shape: int) -> np.ndarray:
    return _values.normal(size=shape).astype(np.float32)


def _network() -> Built:
    """What the hand models are made of: convolutions, a pooled shortcut, PRELU, two heads."""
    model = ModelBuilder()
    image = model.tensor((1, 8, 8, 3), name="image")
    conv = schema.Conv2DOptionsT(strideH=2, strideW=2, dilationHFactor=1, dilationWFactor=1)
    depthwise = schema.DepthwiseConv2DOptionsT(
        strideH=1, strideW=1, depthMultiplier=1, dilationHFactor=1, dilationWFactor=1
    )
    a, b, c, d, e = (model.tensor((1, 4, 4, n)) for n in (4, 4, 4, 4, 4))
    model.operator("CONV_2D", [image, _weight(model, 4, 3, 3, 3), _weight(model, 4)], [a], conv)
    operands = [a, _weight(model, 1, 3, 3, 4), _weight(model, 4)]
    model.operator("DEPTHWISE_CONV_2D", operands, [b], depthwise)
    one = schema.Conv2DOptionsT(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    model.operator("CONV_2D", [b, _weight(model, 4, 1, 1, 4), _weight(model, 4)], [c], one)
    model.operator("ADD", [a, c], [d], schema.AddOptionsT())
    model.operator("PRELU", [d, _weight(model, 1, 1, 4)], [e])
    flat, out, logit, score = (model.tensor(s) for s in ((1, 64), (1, 6), (1, 1), (1, 1)))
    model.operator("RESHAPE", [e, _integers(model, [1, 64])], [flat], schema.ReshapeOptionsT())
    dense = schema.FullyConnectedOptionsT()
    model.operator(
        "FULLY_CONNECTED", [flat, _weight(model, 6, 64), _weight(model, 6)], [out], dense
    )
    dense = schema.FullyConnectedOptionsT()
    operands = [flat, _weight(model, 1, 64), _weight(model, 1)]
    model.operator("FULLY_CONNECTED", operands, [logit], dense)
    model.operator("LOGISTIC", [logit], [score])
    return model, [image], [out, score]


def _half() -> Built:
    """Weights stored as float16, and one sparse."""
    model = ModelBuilder()
    x = model.tensor((1, 4))
    half = _values.normal(size=(4, 4)).astype(np.float16)
    stored, weight = model.tensor((4, 4), "float16", half), model.tensor((4, 4))
    model.operator("DEQUANTIZE", [stored], [weight])
    y = model.tensor((1, 4))
    model.operator("FULLY_CONNECTED", [x, weight, -1], [y], schema.FullyConnectedOptionsT())
    packed = _values.normal(size=6).astype(np.float32)
    levels = [4, (4, [0, 2, 3, 5, 6], [0, 2, 1, 0, 3, 2])]
    sparse = model.tensor(
        (4, 4), raw=packed.tobytes(), sparsity=sparsity_parameters([0, 1], [], levels)
    )
    dense, z = model.tensor((4, 4)), model.tensor((1, 4))
    model.operator("DENSIFY", [sparse], [dense])
    model.operator("FULLY_CONNECTED", [y, dense, -1], [z], schema.FullyConnectedOptionsT())
    return model, [x], [z]


def _quantised() -> Built:
    model = ModelBuilder()
    q = ((0.05,), (3,), 0)
    x = model.tensor((1, 4, 4, 2))
    xq = model.tensor((1, 4, 4, 2), "int8", quantisation=q)
    kernel = _values.integers(-127, 127, (3, 1, 1, 2)).astype(np.int8)
    weight = model.tensor(
        kernel.shape, "int8", kernel, quantisation=((0.1, 0.2, 0.3), (0, 0, 0), 0)
    )
    bias = model.tensor((3,), "int32", np.arange(3, dtype=np.int32),
                        quantisation=((0.005, 0.01, 0.015), (0, 0, 0), 0))  # fmt: skip
    yq = model.tensor((1, 4, 4, 3), "int8", quantisation=((0.2,), (-5,), 0))
    y = model.tensor((1, 4, 4, 3))
    one = schema.Conv2DOptionsT(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    model.operator("QUANTIZE", [x], [xq])
    model.operator("CONV_2D", [xq, weight, bias], [yq], one, version=3)
    model.operator("DEQUANTIZE", [yq], [y], version=2)
    return model, [x], [y]


def _two(name: str, options: Any, shape: Sequence[int] = (1, 3, 4, 2)) -> Built:
    model = ModelBuilder()
    a, b, y = (model.tensor(shape) for _ in range(3))
    model.operator(name, [a, b], [y], options)
    return model, [a, b], [y]


def _split() -> Built:
    model = ModelBuilder()
    x, a, b = model.tensor((1, 4, 4, 6)), model.tensor((1, 4, 4, 3)), model.tensor((1, 4, 4, 3))
    model.operator("SPLIT", [_integers(model, 3), x], [a, b], schema.SplitOptionsT(numSplits=2))
    return model, [x], [a, b]


def _unused() -> Built:
    """An operator whose result nobody reads."""
    model, inputs, outputs = _one("ABS", (1, 4, 4, 2), (1, 4, 4, 2))
    picked, large = model.tensor((1, 4, 2, 2)), model.tensor((1, 8, 8, 2))
    operands = [inputs[0], _integers(model, [1, 3])]
    model.operator("GATHER", operands, [picked], schema.GatherOptionsT(axis=2))
    operands = [inputs[0], _integers(model, [8, 8])]
    model.operator("RESIZE_NEAREST_NEIGHBOR", operands, [large],
                   schema.ResizeNearestNeighborOptionsT())  # fmt: skip
    return model, inputs, outputs


def _pool() -> Any:
    return schema.Pool2DOptionsT(padding=0, strideH=2, strideW=2, filterHeight=3, filterWidth=3)


def graphs() -> list[Built]:
    """New ones at each call: damage is done in place."""
    s = schema
    four = (1, 4, 5, 3)
    conv = s.TransposeConvOptionsT(padding=0, strideH=2, strideW=2)
    return [
        _network(),
        _half(),
        _quantised(),
        _split(),
        _unused(),
        *(_one(n, four, four) for n in ("RELU", "RELU6", "LOGISTIC", "TANH", "ABS", "EXP", "NEG")),
        *(_one(n, four, four) for n in ("HARD_SWISH", "SQRT", "RSQRT", "SQUARE", "FLOOR")),
        _one("LEAKY_RELU", four, four, s.LeakyReluOptionsT(alpha=0.2)),
        _one("SOFTMAX", (1, 5), (1, 5), s.SoftmaxOptionsT(beta=1.0)),
        _one("PRELU", four, four, None, [_random(1, 1, 3)]),
        *(
            _one(n, four, four, o(), [_random(3)])
            for n, o in (("ADD", s.AddOptionsT), ("MUL", s.MulOptionsT), ("SUB", s.SubOptionsT))
        ),
        _two("ADD", s.AddOptionsT()),
        _two("DIV", s.DivOptionsT()),
        _two("MAXIMUM", s.MaximumMinimumOptionsT()),
        _one("MAX_POOL_2D", (1, 6, 7, 3), (1, 3, 4, 3), _pool()),
        _one("AVERAGE_POOL_2D", (1, 6, 7, 3), (1, 3, 4, 3), _pool()),
        _one("PAD", four, (1, 6, 6, 3), s.PadOptionsT(), [[[0, 0], [1, 1], [1, 0], [0, 0]]]),
        _one("MIRROR_PAD", four, (1, 6, 6, 3), s.MirrorPadOptionsT(mode=0),
             [[[0, 0], [1, 1], [1, 0], [0, 0]]]),
        _one("RESIZE_BILINEAR", four, (1, 8, 10, 3), s.ResizeBilinearOptionsT(), [[8, 10]]),
        _one("RESIZE_NEAREST_NEIGHBOR", four, (1, 8, 10, 3), s.ResizeNearestNeighborOptionsT(),
             [[8, 10]]),
        _one("RESHAPE", four, (1, 60), s.ReshapeOptionsT(newShape=[1, 60]), [[1, 60]]),
        _one("RESHAPE", four, (1, 60), s.ReshapeOptionsT(newShape=[1, 60])),
        _one("SQUEEZE", (1, 4, 1, 3), (1, 4, 3), s.SqueezeOptionsT(squeezeDims=[2])),
        _one("EXPAND_DIMS", (1, 4), (1, 4, 1), s.ExpandDimsOptionsT(), [2]),
        _one("TRANSPOSE", four, (1, 5, 4, 3), s.TransposeOptionsT(), [[0, 2, 1, 3]]),
        _one("MEAN", four, (1, 3), s.ReducerOptionsT(), [[1, 2]]),
        _one("SUM", four, (1, 1, 5, 3), s.ReducerOptionsT(keepDims=True), [[1]]),
        _one("REDUCE_MAX", four, (1, 4, 5), s.ReducerOptionsT(), [[3]]),
        _one("STRIDED_SLICE", four, (1, 2, 5, 2), s.StridedSliceOptionsT(),
             [[0, 0, 0, 1], [1, 4, 5, 3], [1, 2, 1, 1]]),
        _one("SLICE", four, (1, 2, 5, 2), s.SliceOptionsT(), [[0, 1, 0, 1], [1, 2, -1, 2]]),
        _one("GATHER", four, (1, 4, 2, 3), s.GatherOptionsT(axis=2), [[4, 0]]),
        _one("DEPTH_TO_SPACE", (1, 3, 2, 8), (1, 6, 4, 2), s.DepthToSpaceOptionsT(blockSize=2)),
        _one("SPACE_TO_DEPTH", (1, 6, 4, 2), (1, 3, 2, 8), s.SpaceToDepthOptionsT(blockSize=2)),
        _one("CONCATENATION", four, (1, 4, 5, 5), s.ConcatenationOptionsT(axis=3),
             [_random(1, 4, 5, 2)]),
        _one("FULLY_CONNECTED", (1, 6), (1, 4), s.FullyConnectedOptionsT(),
             [_random(4, 6), _random(4)]),
        _one("TRANSPOSE_CONV", (1, 3, 4, 2), (1, 6, 8, 3), conv,
             [[1, 6, 8, 3], _random(3, 2, 2, 2)], first=False),
    ]  # fmt: skip


def pack(built: Built) -> bytes:
    """The file. Raises whatever the schema's own writer raises for a tree that cannot be one."""
    model, _, _ = built
    return model._pack()


def prepare(built: Built) -> Built:
    """Sets what `ModelBuilder.build` sets, before the tree is damaged."""
    model, inputs, outputs = built
    model.build(inputs, outputs)
    return built
