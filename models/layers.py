"""Single layers: a convolution with TFLite's padding, and its activation.

TFLite's SAME padding of a strided convolution is asymmetric (the odd pixel goes below and to the
right); torch's padding is symmetric, so the margin is added explicitly where the two sides differ.
All maps are (B, C, H, W).
"""

from collections.abc import Callable
from typing import NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx import Proxy
from torch.utils._pytree import _register_namedtuple

from blazepalm.models.spec import ConvSpec


def activation(name: str, channels: int) -> nn.Module:
    """The layer for the name of an activation in a spec."""
    layers: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "relu": nn.ReLU,
        "relu6": nn.ReLU6,
        "prelu": lambda: nn.PReLU(channels),
        "maximum": lambda: ScaledMaximum(channels),
    }
    return layers[name]()


class ScaledMaximum(nn.Module):
    """max(x, a·x), one slope per channel: some exporters write it for PReLU, which it equals if no
    slope is above 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, channels, 1, 1), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, x * self.weight)


class PaddedConv2d(nn.Conv2d):
    """A convolution with a separate margin on each side. (B, I, H, W) → (B, O, H', W')"""

    def __init__(self, spec: ConvSpec) -> None:
        top, bottom, left, right = spec.padding
        own = top == bottom and left == right and not spec.explicit_pad
        super().__init__(
            spec.in_channels,
            spec.out_channels,
            spec.kernel,
            stride=spec.stride,
            padding=(top, left) if own else 0,
            groups=spec.groups,
            bias=spec.bias,
        )
        self.margin = None if own else (left, right, top, bottom)

    def forward(self, x: Tensor) -> Tensor:
        if self.margin is not None:
            x = F.pad(x, self.margin)
        return super().forward(x)

    def __repr__(self) -> str:
        return f"PaddedConv2d({describe(self)})"


def describe(conv: nn.Conv2d | nn.ConvTranspose2d) -> str:
    """A convolution in a few words: `24 → 48, 5×5 depthwise, stride 2`."""
    kernel = "×".join(str(k) for k in conv.kernel_size)
    words = [f"{conv.in_channels} → {conv.out_channels}", kernel]
    if conv.groups > 1:
        words[-1] += " depthwise"
    if conv.stride[0] > 1:
        words.append(f"stride {conv.stride[0]}")
    return ", ".join(words)


class ConvLayer(nn.Module):
    """A convolution, then its activation. (B, I, H, W) → (B, O, H', W')"""

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__()
        self.conv = PaddedConv2d(spec)
        self.activation = activation(spec.activation, spec.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.conv(x))
        return y

    def __repr__(self) -> str:
        return f"ConvLayer({describe(self.conv)}{after(self.activation)})"


def after(layer: nn.Module) -> str:
    """`, PReLU` for that activation, empty for none."""
    return "" if isinstance(layer, nn.Identity) else f", {type(layer).__name__}"


class TransposedConv2d(nn.ConvTranspose2d):
    """TFLite's SAME transposed convolution: exactly `stride` times larger; the overhang is cropped,
    the odd pixel below and to the right. (B, I, H, W) → (B, O, s·H, s·W)
    """

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__(
            spec.in_channels, spec.out_channels, spec.kernel, stride=spec.stride, bias=spec.bias
        )
        self.cut = spec.padding

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        y = super().forward(x, output_size)
        top, bottom, left, right = self.cut
        return y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]

    def __repr__(self) -> str:
        return f"TransposedConv2d({describe(self)})"


def image_batch(images: Tensor, channels: int, size: tuple[int, int]) -> Tensor:
    """Checks a batch for `forward`: (B, channels, H, W), floating point, of the model's size. While
    `torch.fx` traces, there is nothing to check.
    """
    if isinstance(images, Proxy):
        return images
    expected = (channels, *size)
    if not isinstance(images, Tensor):
        raise TypeError(f"expected a batch as a tensor, got {type(images).__name__}")
    if images.dim() != 4 or tuple(images.shape[1:]) != expected:
        shape = ", ".join(map(str, expected))
        raise ValueError(f"expected a batch of shape (B, {shape}), got {tuple(images.shape)}")
    if not torch.is_floating_point(images):
        raise ValueError(f"expected floating-point images in the model's range, got {images.dtype}")
    return images


def serializable(outputs: type) -> None:
    """Lets `torch.export.save` write a program that returns this named tuple."""
    name = f"{outputs.__module__}.{outputs.__qualname__}"
    _register_namedtuple(outputs, serialized_type_name=name)


def same(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two tensors have the same shape and values (NaN equals NaN), or are both None."""
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and bool(((one == other) | (one.isnan() & other.isnan())).all())


class NotScriptable:
    """For `torch.jit.script`, which compiles Python's own source: the networks build themselves
    from a spec, with constructs that it does not know.
    """

    def __prepare_scriptable__(self) -> NoReturn:
        """`torch.jit.script` calls it first. Raises TypeError."""
        raise TypeError(
            f"torch.jit.script cannot compile {type(self).__name__}, whose structure is data: use "
            "torch.jit.trace(model, images), which takes any batch size, or torch.export"
        )
