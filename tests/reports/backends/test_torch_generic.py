"""The oracle's convolutions against torch's float64 convolution."""

import pytest
import torch
import torch.nn.functional as F

from blazepalm.reports.backends.torch_generic import convolve

SHAPES = [
    (1, 5, 5, (1, 1), (2, 2), (1, 1)),
    (3, 3, 3, (2, 2), (0, 0), (1, 1)),
    (2, 3, 5, (1, 2), (1, 0), (2, 1)),
    (1, 1, 1, (3, 2), (0, 1), (1, 1)),
]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("batch", "height", "width", "stride", "padding", "dilation"), SHAPES)
def test_depthwise(
    batch: int,
    height: int,
    width: int,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    bias: bool,
) -> None:
    numbers = torch.Generator().manual_seed(0)
    x = torch.randn(batch, 6, 11, 14, dtype=torch.float64, generator=numbers)
    weight = torch.randn(6, 1, height, width, dtype=torch.float64, generator=numbers)
    offset = torch.randn(6, dtype=torch.float64, generator=numbers) if bias else None
    found = convolve(x, weight, offset, stride, padding, dilation, 6)
    expected = F.conv2d(x, weight, offset, stride, padding, dilation, 6)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    assert float(found.abs().max()) > 1.0


@pytest.mark.parametrize("bias", [True, False])
def test_pointwise(bias: bool) -> None:
    numbers = torch.Generator().manual_seed(2)
    x = torch.randn(3, 8, 5, 7, dtype=torch.float64, generator=numbers)
    weight = torch.randn(6, 8, 1, 1, dtype=torch.float64, generator=numbers)
    offset = torch.randn(6, dtype=torch.float64, generator=numbers) if bias else None
    found = convolve(x, weight, offset, (1, 1), (0, 0), (1, 1), 1)
    expected = F.conv2d(x, weight, offset)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    assert float(found.abs().max()) > 1.0


@pytest.mark.parametrize(
    ("channels", "groups", "side", "stride", "padding"),
    [(8, 4, 3, 1, 1), (4, 1, 3, 1, 1), (8, 2, 3, 1, 1), (4, 1, 1, 2, 0), (4, 1, 1, 1, 1)],
)
def test_every_other_convolution_is_torchs(
    channels: int, groups: int, side: int, stride: int, padding: int
) -> None:
    """A channel multiplier, a dense kernel, groups of several channels, and 1×1
    kernels with a stride or padding.
    """
    numbers = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 7, 7, dtype=torch.float64, generator=numbers)
    weight = torch.randn(channels, 4 // groups, side, side, dtype=torch.float64, generator=numbers)
    found = convolve(x, weight, None, (stride,) * 2, (padding,) * 2, (1, 1), groups)
    assert torch.equal(found, F.conv2d(x, weight, None, stride, padding, 1, groups))
