"""Small torch modules → coremltools → saved package → executed here, against torch itself."""

from collections.abc import Callable
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from blazepalm.reports.backends.mil import load

Forward = Callable[..., Any]


class Wrapped(nn.Module):
    """A function of tensors, with modules of its own, as one module."""

    def __init__(self, forward: Forward, *modules: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(modules)
        self.compute = forward

    def forward(self, *tensors: torch.Tensor) -> Any:
        return self.compute(*tensors, *self.parts)


def settle(module: nn.Module) -> nn.Module:
    """Statistics that are not 0 and 1, so that a batch norm left out is seen."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -1, 1)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 2)
            nn.init.uniform_(part.bias, -1, 1)
    return module.eval()


IMAGE = (1, 4, 9, 10)

MODULES: dict[str, tuple[Forward, list[nn.Module], tuple[int, ...]]] = {
    "convolutions": (
        lambda x, a, b, c, d, e: e(d(c(b(a(x))))),
        [
            nn.Conv2d(4, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.PReLU(8),
            nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=8),
            nn.Conv2d(8, 6, 1, bias=False),
        ],
        IMAGE,
    ),
    "transposed convolutions": (
        lambda x, a, b, c: c(torch.relu(b(torch.relu(a(x))))),
        [
            nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
            nn.ConvTranspose2d(6, 4, 2, stride=2, groups=2),
            nn.Conv2d(4, 2, (3, 1)),
        ],
        IMAGE,
    ),
    "one and three dimensions": (
        lambda x, a, b: (a(x.flatten(2)), b(x[:, :, None].repeat(1, 1, 3, 1, 1))),
        [nn.Conv1d(4, 3, 5, padding=2), nn.Conv3d(4, 3, (2, 3, 3), padding=(0, 1, 1))],
        IMAGE,
    ),
    "pooling": (
        lambda x: (
            F.max_pool2d(x, 3, 2, 1),
            F.max_pool2d(x, 2, 2, ceil_mode=True),
            F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
            F.adaptive_avg_pool2d(x, 1),
        ),
        [],
        IMAGE,
    ),
    "resizing": (
        lambda x: (
            F.interpolate(x, scale_factor=2, mode="nearest"),
            F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
            F.interpolate(x, size=(13, 7), mode="bilinear", align_corners=False),
            F.interpolate(x, scale_factor=3, mode="bilinear", align_corners=False),
        ),
        [],
        IMAGE,
    ),
    "padding": (
        lambda x: (
            F.pad(x, (1, 2, 0, 3)),
            F.pad(x, (1, 2, 2, 1), mode="reflect"),
            F.pad(x, (1, 2, 2, 1), mode="replicate"),
            F.pad(x, (0, 1, 0, 0, 0, 2), value=2.5),
        ),
        [],
        IMAGE,
    ),
    "activations": (
        lambda x: (
            *(F.gelu(x), F.gelu(x, approximate="tanh"), F.silu(x), F.hardswish(x)),
            *(F.elu(x), F.selu(x), F.leaky_relu(x, 0.2), F.softplus(x), F.hardsigmoid(x)),
            *(torch.tanh(x), torch.sigmoid(x), F.relu6(x), F.mish(x), torch.clamp(x, -0.5, 0.5)),
            *(torch.softmax(x, 1), F.log_softmax(x, -1), F.softsign(x)),
        ),
        [],
        IMAGE,
    ),
    "normalisations": (
        lambda x, a, b, c, d: (a(x), b(x), c(x), d(x), F.normalize(x, dim=1)),
        [
            nn.GroupNorm(2, 4),
            nn.InstanceNorm2d(4, affine=True),
            nn.LayerNorm(10),
            nn.LocalResponseNorm(3),
        ],
        IMAGE,
    ),
    "sums": (
        lambda x: (
            *(x.mean((2, 3)), x.sum(1), x.amax(-1, keepdim=True), x.amin(2)),
            *(x.var(3), x.norm(dim=1), torch.logsumexp(x, 1), x.argmax(1), x.cumsum(2)),
        ),
        [],
        IMAGE,
    ),
    "indices": (
        lambda x: (
            *(x[:, 1:3], x[:, :, ::2, 1:-1], x[..., 2], x.flip(1), x.roll(2, 3)),
            *(torch.stack(x.unbind(1), -1), torch.cat(x.chunk(2, 1), 2), x.narrow(2, 3, 4)),
            *(x.index_select(1, torch.tensor([2, 0])), x.topk(2, dim=1)[0], x.sort(-1)[0]),
        ),
        [],
        IMAGE,
    ),
    "shapes": (
        lambda x: (
            *(x.permute(0, 2, 3, 1), x.reshape(1, 2, -1), x.flatten(1), x[None].squeeze(1)),
            *(x.repeat(1, 2, 1, 3), x[:, :1].expand(-1, 4, -1, -1) + x, x.transpose(1, 3)),
            F.pixel_shuffle(x, 2),
        ),
        [],
        IMAGE,
    ),
    "comparisons": (
        lambda x: (
            *(torch.where(x > 0.5, x, -x), (x > 0.2).float(), ((x < 0.8) & (x > 0.3)).float()),
            *(torch.maximum(x, 1 - x), torch.abs(x - 0.5), x.masked_fill(x < 0.5, -1.0)),
            *(torch.floor(x * 10), torch.round(x * 10), x**2, x**-0.5, torch.rsqrt(x + 1)),
        ),
        [],
        IMAGE,
    ),
    "linear and attention": (
        lambda x, a, b, c: c(F.scaled_dot_product_attention(a(x), b(x), x) + x),
        [nn.Linear(8, 8), nn.Linear(8, 8, bias=False), nn.LayerNorm(8)],
        (2, 5, 8),
    ),
    "products": (
        lambda x: (
            torch.einsum("bchw,bwhu->bchu", x, x.transpose(1, 3)[..., :3]),
            x @ x.transpose(-1, -2),
            torch.bmm(x[0], x[0].transpose(1, 2)),
        ),
        [],
        IMAGE,
    ),
    "sampling a grid": (
        lambda x: F.grid_sample(
            x, x[:, :2].permute(0, 2, 3, 1) * 3 - 1.5, align_corners=True, padding_mode="zeros"
        ),
        [],
        IMAGE,
    ),
}


def check(found: dict[str, np.ndarray], expected: Any, rtol: float) -> None:
    wanted = expected if isinstance(expected, tuple) else (expected,)
    assert len(found) == len(wanted) > 0
    for value, reference in zip(found.values(), wanted, strict=True):
        array = reference.numpy()
        assert value.shape == array.shape and value.size > 0
        scale = float(np.abs(array).max(initial=1.0))
        np.testing.assert_allclose(value, array, rtol=rtol, atol=rtol * scale)


def example(name: str) -> tuple[nn.Module, torch.Tensor, Any]:
    """A module of `MODULES`, an input, and torch's outputs."""
    torch.manual_seed(0)
    forward, parts, shape = MODULES[name]
    module = settle(Wrapped(forward, *parts))
    x = torch.rand(shape)
    with torch.no_grad():
        return module, x, module(x)


@pytest.mark.parametrize("target", ["iOS16", "iOS18"])
@pytest.mark.parametrize("name", list(MODULES))
def test_float32(convert: Any, name: str, target: str) -> None:
    module, x, expected = example(name)
    program = load(convert(module, [ct.TensorType("x", shape=x.shape)], target=target))
    check(program.run({"x": x.numpy()}), expected, 1e-5)


@pytest.mark.parametrize("name", ["convolutions", "linear and attention", "activations"])
def test_float16_is_near(convert: Any, name: str) -> None:
    """Close, but not equal: values are rounded on the way."""
    module, x, expected = example(name)
    path = convert(module, [ct.TensorType("x", shape=x.shape)], precision="FLOAT16")
    program = load(path)
    assert next(iter(program.precisions)) == "FLOAT16"
    found = program.run({"x": x.numpy()})
    check(found, expected, 1e-2)
    first = expected[0] if isinstance(expected, tuple) else expected
    assert not np.array_equal(next(iter(found.values())), first.numpy())


def test_a_flexible_batch_and_size(convert: Any) -> None:
    """Shapes are computed at run time: reshape, resize and pooling depend on the input's size."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 3, padding=1)

    def forward(x: torch.Tensor, part: nn.Module) -> Any:
        y = F.interpolate(part(x), scale_factor=2, mode="nearest")
        return y.reshape(x.shape[0], 4, -1).permute(0, 2, 1), y.mean((2, 3))

    module = Wrapped(forward, convolution).eval()
    side = ct.RangeDim(4, 32, default=8)
    shape = ct.Shape((ct.RangeDim(1, 5, default=1), 3, side, side))
    program = load(convert(module, [ct.TensorType("x", shape=shape)]))
    for batch, height, width in [(1, 8, 8), (3, 5, 7), (5, 32, 4)]:
        x = torch.rand(batch, 3, height, width)
        with torch.no_grad():
            expected = module(x)
        check(program.run({"x": x.numpy()}), expected, 1e-5)


def compressions() -> dict[str, Callable[[Any], Any]]:
    import coremltools.optimize.coreml as cto

    def config(op: Any) -> Any:
        return cto.OptimizationConfig(global_config=op)

    return {
        "int8": lambda m: cto.linear_quantize_weights(
            m, config(cto.OpLinearQuantizerConfig(mode="linear", weight_threshold=10))
        ),
        "6 bits": lambda m: cto.palettize_weights(
            m, config(cto.OpPalettizerConfig(mode="uniform", nbits=6, weight_threshold=10))
        ),
        "8 bits": lambda m: cto.palettize_weights(
            m, config(cto.OpPalettizerConfig(mode="uniform", nbits=8, weight_threshold=10))
        ),
        "sparse": lambda m: cto.prune_weights(
            m, config(cto.OpMagnitudePrunerConfig(target_sparsity=0.6, weight_threshold=10))
        ),
    }


@pytest.mark.parametrize("target", ["iOS16", "iOS18"])
@pytest.mark.parametrize("name", ["int8", "6 bits", "8 bits", "sparse"])
def test_compressed_weights(convert: Any, tmp_path: Any, name: str, target: str) -> None:
    """A package that coremltools compressed gives what the same weights, decompressed by
    coremltools, give.
    """
    import warnings

    import coremltools.optimize.coreml as cto

    torch.manual_seed(0)
    parts = [nn.Conv2d(4, 16, 3), nn.Conv2d(16, 24, 3, stride=2), nn.Flatten(), nn.Linear(144, 7)]
    module = nn.Sequential(parts[0], nn.ReLU(), *parts[1:])
    shape = (1, 4, 9, 8)
    path = convert(module, [ct.TensorType("x", shape=shape)], target=target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ct.models.MLModel(str(path), skip_model_load=True)
        small = compressions()[name](model)
        small.save(str(tmp_path / "small.mlpackage"))
        cto.decompress_weights(small).save(str(tmp_path / "large.mlpackage"))
    compressed, plain = load(tmp_path / "small.mlpackage"), load(tmp_path / "large.mlpackage")
    assert any(op.startswith("constexpr_") for op in compressed.operations)
    assert not any(op.startswith("constexpr_") for op in plain.operations)
    x = {"x": torch.rand(shape).numpy()}
    (found,), (expected,) = compressed.run(x).values(), plain.run(x).values()
    np.testing.assert_array_equal(found, expected)
    with torch.no_grad():
        original = module.eval()(torch.from_numpy(x["x"])).numpy()
    assert not np.array_equal(found, original)
