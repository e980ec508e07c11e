"""Typed options of every operator that the lowering knows, one frozen dataclass per schema table.
Enumerations use the schema's names: padding `"SAME"`/`"VALID"`, fused activation `"NONE"`,
`"RELU"`, `"RELU_N1_TO_1"`, `"RELU6"`, `"TANH"`, `"SIGN_BIT"`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Conv2DOptions:
    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    activation: str = "NONE"


@dataclass(frozen=True)
class DepthwiseConv2DOptions(Conv2DOptions):
    depth_multiplier: int = 1  # unused: output channels / input channels decides


@dataclass(frozen=True)
class TransposeConvOptions:
    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    activation: str = "NONE"


@dataclass(frozen=True)
class Convolution2DTransposeBiasOptions:
    """MediaPipe's custom operator: the C struct {int32 padding, stride_width, stride_height}.

    https://github.com/google-ai-edge/mediapipe/blob/c27a7c1e1064e66427ad0656f776155ab456f90b/mediapipe/util/tflite/operations/transpose_conv_bias.cc
    """

    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1


@dataclass(frozen=True)
class Pool2DOptions:
    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    filter_h: int = 1
    filter_w: int = 1
    activation: str = "NONE"


@dataclass(frozen=True)
class FullyConnectedOptions:
    activation: str = "NONE"
    weights_format: str = "DEFAULT"
    keep_num_dims: bool = False


@dataclass(frozen=True)
class BinaryOptions:
    """ADD, SUB, MUL, DIV (MAXIMUM and MINIMUM carry no activation)."""

    activation: str = "NONE"


@dataclass(frozen=True)
class LeakyReluOptions:
    alpha: float = 0.0


@dataclass(frozen=True)
class SoftmaxOptions:
    beta: float = 1.0


@dataclass(frozen=True)
class ReducerOptions:
    keep_dims: bool = False


@dataclass(frozen=True)
class MirrorPadOptions:
    mode: str = "REFLECT"  # or "SYMMETRIC"


@dataclass(frozen=True)
class ResizeOptions:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR."""

    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True)
class ReshapeOptions:
    new_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class SqueezeOptions:
    squeeze_dims: tuple[int, ...] = ()


@dataclass(frozen=True)
class AxisOptions:
    """CONCATENATION (with an activation), PACK, UNPACK, GATHER."""

    axis: int = 0
    activation: str = "NONE"
    batch_dims: int = 0
    count: int = 0  # UNPACK's num, PACK's values_count


@dataclass(frozen=True)
class SplitOptions:
    num_splits: int = 1


@dataclass(frozen=True)
class StridedSliceOptions:
    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False


@dataclass(frozen=True)
class BlockOptions:
    """DEPTH_TO_SPACE and SPACE_TO_DEPTH."""

    block_size: int = 1


Options = (
    Conv2DOptions
    | TransposeConvOptions
    | Convolution2DTransposeBiasOptions
    | Pool2DOptions
    | FullyConnectedOptions
    | BinaryOptions
    | LeakyReluOptions
    | SoftmaxOptions
    | ReducerOptions
    | MirrorPadOptions
    | ResizeOptions
    | ReshapeOptions
    | SqueezeOptions
    | AxisOptions
    | SplitOptions
    | StridedSliceOptions
    | BlockOptions
)
