"""The options of an operator: a flatbuffer table, or a custom operator's bytes → a dataclass of
`options.py`.

One line per operator: its table in the schema, and how the fields map to ours. Sizes that divide
(strides, dilations, windows) must be positive, enumerations must be known.
"""

import struct
from collections.abc import Callable
from typing import Any

from blazepalm.converter.tflite.options import (
    AxisOptions,
    BinaryOptions,
    BlockOptions,
    Conv2DOptions,
    Convolution2DTransposeBiasOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    LeakyReluOptions,
    MirrorPadOptions,
    Options,
    Pool2DOptions,
    ReducerOptions,
    ReshapeOptions,
    ResizeOptions,
    SoftmaxOptions,
    SplitOptions,
    SqueezeOptions,
    StridedSliceOptions,
    TransposeConvOptions,
)
from blazepalm.errors import InvalidModel

PADDING = ("SAME", "VALID")
ACTIVATION = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
WEIGHTS_FORMAT = ("DEFAULT", "SHUFFLED4x16INT8")
MIRROR_PAD = ("REFLECT", "SYMMETRIC")

# TfLitePadding of the C API, which Convolution2DTransposeBias stores: 0 is "unknown".
C_PADDING = ("", "SAME", "VALID")

NAMES = {
    "padding": PADDING,
    "activation": ACTIVATION,
    "weights_format": WEIGHTS_FORMAT,
    "mode": MIRROR_PAD,
}
POSITIVE = (
    "stride_h",
    "stride_w",
    "dilation_h",
    "dilation_w",
    "filter_h",
    "filter_w",
    "block_size",
    "num_splits",
)


def _named(names: tuple[str, ...], number: int) -> str:
    if not 0 <= number < len(names):
        raise ValueError(f"unknown value {number}")
    return names[number]


def _padding(t: Any) -> str:
    return _named(PADDING, t.Padding())


def _activation(t: Any) -> str:
    return _named(ACTIVATION, t.FusedActivationFunction())


def _conv_2d(t: Any) -> Conv2DOptions:
    return Conv2DOptions(
        padding=_padding(t),
        stride_h=t.StrideH(),
        stride_w=t.StrideW(),
        dilation_h=t.DilationHFactor(),
        dilation_w=t.DilationWFactor(),
        activation=_activation(t),
    )


def _depthwise_conv_2d(t: Any) -> DepthwiseConv2DOptions:
    return DepthwiseConv2DOptions(**vars(_conv_2d(t)), depth_multiplier=t.DepthMultiplier())


def _transpose_conv(t: Any) -> TransposeConvOptions:
    return TransposeConvOptions(_padding(t), t.StrideH(), t.StrideW(), _activation(t))


def _pool_2d(t: Any) -> Pool2DOptions:
    return Pool2DOptions(
        padding=_padding(t),
        stride_h=t.StrideH(),
        stride_w=t.StrideW(),
        filter_h=t.FilterHeight(),
        filter_w=t.FilterWidth(),
        activation=_activation(t),
    )


def _fully_connected(t: Any) -> FullyConnectedOptions:
    return FullyConnectedOptions(
        activation=_activation(t),
        weights_format=_named(WEIGHTS_FORMAT, t.WeightsFormat()),
        keep_num_dims=bool(t.KeepNumDims()),
    )


def _strided_slice(t: Any) -> StridedSliceOptions:
    return StridedSliceOptions(
        begin_mask=t.BeginMask(),
        end_mask=t.EndMask(),
        ellipsis_mask=t.EllipsisMask(),
        new_axis_mask=t.NewAxisMask(),
        shrink_axis_mask=t.ShrinkAxisMask(),
        offset=bool(t.Offset()),
    )


def _resize(t: Any) -> ResizeOptions:
    return ResizeOptions(bool(t.AlignCorners()), bool(t.HalfPixelCenters()))


def _few(vector: Any) -> tuple[int, ...]:
    """A vector with one entry per axis (empty if absent). Raises ValueError if longer than 32."""
    if isinstance(vector, int):
        return ()
    if vector.size > 32:
        raise ValueError(f"{vector.size} axes")
    return tuple(vector.tolist())


# operator → (its table in the schema, schema fields → our fields)
TABLES: dict[str, tuple[str, Callable[[Any], Options]]] = {
    "CONV_2D": ("Conv2DOptions", _conv_2d),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", _depthwise_conv_2d),
    "TRANSPOSE_CONV": ("TransposeConvOptions", _transpose_conv),
    "MAX_POOL_2D": ("Pool2DOptions", _pool_2d),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _pool_2d),
    "L2_POOL_2D": ("Pool2DOptions", _pool_2d),
    "FULLY_CONNECTED": ("FullyConnectedOptions", _fully_connected),
    "ADD": ("AddOptions", lambda t: BinaryOptions(_activation(t))),
    "SUB": ("SubOptions", lambda t: BinaryOptions(_activation(t))),
    "MUL": ("MulOptions", lambda t: BinaryOptions(_activation(t))),
    "DIV": ("DivOptions", lambda t: BinaryOptions(_activation(t))),
    "LEAKY_RELU": ("LeakyReluOptions", lambda t: LeakyReluOptions(t.Alpha())),
    "SOFTMAX": ("SoftmaxOptions", lambda t: SoftmaxOptions(t.Beta())),
    "MEAN": ("ReducerOptions", lambda t: ReducerOptions(bool(t.KeepDims()))),
    "SUM": ("ReducerOptions", lambda t: ReducerOptions(bool(t.KeepDims()))),
    "REDUCE_PROD": ("ReducerOptions", lambda t: ReducerOptions(bool(t.KeepDims()))),
    "REDUCE_MAX": ("ReducerOptions", lambda t: ReducerOptions(bool(t.KeepDims()))),
    "REDUCE_MIN": ("ReducerOptions", lambda t: ReducerOptions(bool(t.KeepDims()))),
    "MIRROR_PAD": ("MirrorPadOptions", lambda t: MirrorPadOptions(_named(MIRROR_PAD, t.Mode()))),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", _resize),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", _resize),
    "RESHAPE": ("ReshapeOptions", lambda t: ReshapeOptions(_few(t.NewShapeAsNumpy()))),
    "SQUEEZE": ("SqueezeOptions", lambda t: SqueezeOptions(_few(t.SqueezeDimsAsNumpy()))),
    "CONCATENATION": ("ConcatenationOptions", lambda t: AxisOptions(t.Axis(), _activation(t))),
    "PACK": ("PackOptions", lambda t: AxisOptions(t.Axis(), count=t.ValuesCount())),
    "UNPACK": ("UnpackOptions", lambda t: AxisOptions(t.Axis(), count=t.Num())),
    "GATHER": ("GatherOptions", lambda t: AxisOptions(t.Axis(), batch_dims=t.BatchDims())),
    "SPLIT": ("SplitOptions", lambda t: SplitOptions(t.NumSplits())),
    "STRIDED_SLICE": ("StridedSliceOptions", _strided_slice),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", lambda t: BlockOptions(t.BlockSize())),
    "SPACE_TO_DEPTH": ("SpaceToDepthOptions", lambda t: BlockOptions(t.BlockSize())),
}


def read_options(name: str, operator: Any, custom_options: bytes, where: str) -> Options | None:
    """The typed options of `operator` (the schema's Operator table); None if the file has none or
    the operator is unknown. Raises InvalidModel starting with `where`.
    """
    if name == "Convolution2DTransposeBias":
        options: Options | None = _transpose_bias(custom_options, where)
    else:
        options = _builtin(name, operator, where)
    if options is not None and (wrong := check_options(options)):
        raise InvalidModel(f"{where} has {wrong}")
    return options


def check_options(options: Options) -> str:
    """The first invalid field value, in words; empty if all are valid."""
    for field in POSITIVE:
        value = getattr(options, field, 1)
        if value < 1:
            return f"{field} {value}, but must be positive"
    for field, names in NAMES.items():
        value = getattr(options, field, names[0])
        if value not in names:
            return f"{field} {value!r:.40}, expected one of {', '.join(names)}"
    return ""


def _builtin(name: str, operator: Any, where: str) -> Options | None:
    if name not in TABLES or operator.BuiltinOptionsType() == 0:
        return None
    from ai_edge_litert import schema_py_generated as schema

    schema_table, convert = TABLES[name]
    kind = operator.BuiltinOptionsType()
    if kind != getattr(schema.BuiltinOptions, schema_table):
        raise InvalidModel(f"{where} has options of kind {kind}, not {schema_table}")
    union = operator.BuiltinOptions()
    if union is None:
        return None
    table = getattr(schema, schema_table)()
    table.Init(union.Bytes, union.Pos)
    try:
        return convert(table)
    except ValueError as error:
        raise InvalidModel(
            f"{where} has options with an enumeration or a length out of range"
        ) from error


def _transpose_bias(custom_options: bytes, where: str) -> Convolution2DTransposeBiasOptions:
    """The C struct {int32 padding, stride_width, stride_height}; any bytes that a newer struct
    appends must be zero.
    """
    if len(custom_options) < 12 or any(custom_options[12:]):
        raise InvalidModel(
            f"{where} has {len(custom_options)} bytes of custom options, expected 12: padding, "
            "stride width, stride height"
        )
    padding, stride_w, stride_h = struct.unpack_from("<3i", custom_options)
    if padding not in (1, 2):
        raise InvalidModel(f"{where} has padding {padding}, expected 1 (SAME) or 2 (VALID)")
    return Convolution2DTransposeBiasOptions(C_PADDING[padding], stride_h, stride_w)
