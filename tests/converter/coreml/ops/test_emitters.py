"""Each emitter: traces a small torch function, emits, saves and executes it, and compares with
torch. Where it matters, also checks the MIL: one operation where one suffices, none where nothing
happens.
"""

import operator
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blazepalm.converter.coreml.ops import EMITTERS
from blazepalm.converter.coreml.ops.emitters import emits
from blazepalm.converter.coreml.options import Port
from blazepalm.converter.coreml.package import write_package
from blazepalm.converter.coreml.program import emit
from blazepalm.converter.coreml.quiet import import_coremltools
from blazepalm.converter.coreml.trace import Traced, function_name
from blazepalm.converter.lowering import require_batch
from blazepalm.errors import UnsupportedOperator
from blazepalm.models.layers import image_batch
from blazepalm.reports.backends.mil import load

Function = Callable[..., Any]

TENSORS = {
    "kernel": torch.linspace(-1, 1, 6 * 4 * 3 * 3).sin().reshape(6, 4, 3, 3),
    "depthwise": torch.linspace(-1, 1, 4 * 3 * 3).cos().reshape(4, 1, 3, 3),
    "spread": torch.linspace(-1, 1, 4 * 6 * 3 * 3).sin().reshape(4, 6, 3, 3),
    "bias": torch.linspace(-1, 1, 6),
    "slopes": torch.tensor([0.25, -0.5, 1.5, 0.0]),
    "slope": torch.tensor([0.3]),
    "rows": torch.linspace(-1, 1, 3 * 5).reshape(3, 5),
    "three": torch.tensor([1.0, -2.0, 0.5]),
    "places": torch.tensor([2, 0, 0, 3]),
}


class Case(nn.Module):
    """A function that has the tensors above as buffers."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function
        for name, tensor in TENSORS.items():
            self.register_buffer(name, tensor)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.function(self, x)
        return y if isinstance(y, tuple) else (y,)


class CaseTracer(torch.fx.Tracer):
    proxy_buffer_attributes = True

    def __init__(self) -> None:
        super().__init__(autowrap_functions=(image_batch, require_batch))


def traced(function: Function) -> tuple[Case, Traced]:
    case = Case(function)
    globals_of(function)
    graph = CaseTracer().trace(case)
    paths = {
        node: str(node.target) if node.op == "get_attr" else function_name(node)
        for node in graph.nodes
    }
    tensors = dict(case.named_buffers())
    return case, Traced("case", graph, {}, paths, tensors.__getitem__, frozenset(), ())


def globals_of(function: Function) -> None:
    """The tracer replaces functions that it must not enter in the globals of the modules that call
    them.
    """
    assert function.__globals__ is globals()


def executed(
    function: Function, x: Tensor, folder: Path, precision: str = "fp32", target: str = "iOS16"
) -> tuple[list[np.ndarray], Counter[str], Case]:
    """The outputs of the saved package, its operations by type, and the module."""
    case, trace = traced(function)
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        scratch, coremltools = Path(name), import_coremltools()
        from coremltools.converters.mil.backend.mil.load import load as specification_of

        shapes = [tuple(y.shape) for y in case(x)]
        inputs = (Port("x", "tensor", tuple(x.shape), "float32", ""),)
        outputs = tuple(
            Port(f"y{i}", "tensor", shape, "float32", "") for i, shape in enumerate(shapes)
        )
        version = getattr(coremltools.target, target)
        made = emit(trace, inputs, outputs, face="raw", precision=precision, target=version)
        operations = made.program.functions["main"].operations
        message = specification_of(made.program, str(scratch), specification_version=version.value)
        blob = scratch / "weight.bin"
        weights = blob.read_bytes() if blob.is_file() else None
    package = folder / "case.mlpackage"
    write_package(package, message.SerializeToString(deterministic=True), weights)
    found = load(package).run({"x": x.numpy()})
    kinds = Counter(op.op_type for op in operations if op.op_type != "const")
    return [found[port.name] for port in outputs], kinds, case


MAP = (1, 4, 6, 5)  # every size another
SAMPLE = torch.linspace(-3, 3, 120).sin().mul(4).reshape(MAP)
ROW = torch.linspace(-2, 2, 20).reshape(4, 5)
VECTOR = torch.linspace(-2, 2, 12).reshape(3, 4)

CASES: dict[str, tuple[Function, Tensor, dict[str, int]]] = {
    # activation
    "relu": (lambda m, x: F.relu(x), SAMPLE, {"relu": 1}),
    "relu6": (lambda m, x: F.relu6(x * 3), SAMPLE, {"mul": 1, "relu6": 1}),
    "hardtanh": (lambda m, x: F.hardtanh(x, -1.0, 1.0), SAMPLE, {"clip": 1}),
    "hardtanh to 6": (lambda m, x: F.hardtanh(x * 3, 0.0, 6.0), SAMPLE, {"mul": 1, "relu6": 1}),
    "prelu": (lambda m, x: F.prelu(x, m.slopes), SAMPLE, {"prelu": 1}),
    "prelu, one slope": (lambda m, x: F.prelu(x, m.slope), SAMPLE, {"prelu": 1}),
    "prelu of rows": (lambda m, x: F.prelu(x, m.slopes), VECTOR,
                      {"mul": 1, "less": 1, "select": 1}),
    "leaky_relu": (lambda m, x: F.leaky_relu(x, 0.125), SAMPLE, {"leaky_relu": 1}),
    "elu": (lambda m, x: F.elu(x), SAMPLE, {"elu": 1}),
    "hardswish": (lambda m, x: F.hardswish(x), SAMPLE, {"sigmoid_hard": 1, "mul": 1}),
    "tanh": (lambda m, x: torch.tanh(x), SAMPLE, {"tanh": 1}),
    "sigmoid": (lambda m, x: (torch.sigmoid(x), (x + 1).sigmoid()), SAMPLE,
                {"sigmoid": 2, "add": 1}),
    "softmax": (lambda m, x: torch.softmax(x, 1), SAMPLE, {"softmax": 1}),
    # convolution and its margin
    "conv2d": (lambda m, x: F.conv2d(x, m.kernel, m.bias, (2, 1), (1, 2)), SAMPLE, {"conv": 1}),
    "conv2d, no bias": (lambda m, x: F.conv2d(x, m.kernel, None, 1, 0, 2), SAMPLE, {"conv": 1}),
    "depthwise": (lambda m, x: F.conv2d(x, m.depthwise, None, 1, 1, 1, 4), SAMPLE, {"conv": 1}),
    "margin": (lambda m, x: F.conv2d(F.pad(x, (0, 1, 2, 3)), m.kernel, m.bias, 2), SAMPLE,
               {"conv": 1}),
    "margin and padding": (lambda m, x: F.conv2d(F.pad(x, (1, 0)), m.kernel, None, 1, 1), SAMPLE,
                           {"conv": 1}),
    "a margin of ones": (lambda m, x: F.conv2d(F.pad(x, (1, 1), value=1.0), m.kernel), SAMPLE,
                         {"pad": 1, "conv": 1}),
    "a margin read twice": (
        lambda m, x: (lambda p: (F.conv2d(p, m.kernel), p))(F.pad(x, (1, 1, 1, 1))), SAMPLE,
        {"pad": 1, "conv": 1}),
    "conv_transpose2d": (lambda m, x: F.conv_transpose2d(x, m.spread, m.bias, 2, (1, 0)), SAMPLE,
                         {"conv_transpose": 1}),
    "a cut one": (lambda m, x: F.conv_transpose2d(x, m.spread, m.bias, 2)[:, :, 1:-1, 0:10],
                  SAMPLE, {"conv_transpose": 1}),
    "a cut one by its size": (
        lambda m, x: (lambda y: y[:, :, 0 : y.shape[2] - 1, 1 : y.shape[3]])(
            F.conv_transpose2d(x, m.spread, None, 2)), SAMPLE, {"conv_transpose": 1}),
    "a cut one read twice": (
        lambda m, x: (lambda y: (y[:, :, 1:], y))(F.conv_transpose2d(x, m.spread, None, 2)),
        SAMPLE, {"conv_transpose": 1, "slice_by_index": 1}),
    "output padding": (lambda m, x: F.conv_transpose2d(x, m.spread, m.bias, 3, 0, (1, 2)), SAMPLE,
                       {"conv_transpose": 1, "pad": 1, "add": 1}),
    "output padding, no bias": (lambda m, x: F.conv_transpose2d(x, m.spread, None, 2, 0, 1),
                                SAMPLE, {"conv_transpose": 1, "pad": 1}),
    # element by element
    "arithmetic": (lambda m, x: (x + 1) * 2 - x / 4, SAMPLE,
                   {"add": 1, "mul": 1, "sub": 1, "real_div": 1}),
    "between values": (lambda m, x: torch.maximum(x, -1 * x) - torch.minimum(x, x * x), SAMPLE,
                       {"mul": 2, "maximum": 1, "minimum": 1, "sub": 1}),
    "with a constant": (lambda m, x: 2 - m.slopes.reshape(1, 4, 1, 1) * x, SAMPLE,
                        {"mul": 1, "sub": 1}),
    "pow": (lambda m, x: torch.pow(torch.abs(x), 1.5), SAMPLE, {"abs": 1, "pow": 1}),
    "squares and roots": (lambda m, x: torch.sqrt(torch.square(x)), SAMPLE,
                          {"square": 1, "sqrt": 1}),
    "exp and log": (lambda m, x: torch.log(torch.exp(x)), SAMPLE, {"exp": 1, "log": 1}),
    "rsqrt": (lambda m, x: torch.rsqrt(torch.abs(x) + 1e-6), SAMPLE,
              {"abs": 1, "add": 1, "rsqrt": 1}),
    "sin and cos": (lambda m, x: torch.sin(x) + torch.cos(x), SAMPLE,
                    {"sin": 1, "cos": 1, "add": 1}),
    "rounding": (lambda m, x: (torch.floor(x), torch.ceil(x), torch.round(x)),
                 torch.tensor([[-1.5, -0.5, 0.5, 1.5, 2.5, 0.2]]),
                 {"floor": 1, "ceil": 1, "round": 1}),
    "neg": (lambda m, x: torch.neg(x), SAMPLE, {"mul": 1}),
    "where": (lambda m, x: torch.where(x < 0, x * 3, x), SAMPLE,
              {"less": 1, "mul": 1, "select": 1}),
    "where, the others": (lambda m, x: torch.where(x > 0, x, 2.5) + torch.where(x >= 1, x, 1.5)
                          + torch.where(x <= -1, x, 0.5), SAMPLE,
                          {"greater": 1, "greater_equal": 1, "less_equal": 1, "select": 3,
                           "add": 2}),
    # joining
    "cat": (lambda m, x: torch.cat((x, x * 2), 1), SAMPLE, {"mul": 1, "concat": 1}),
    "cat of one": (lambda m, x: torch.cat((x * 2,), 1), SAMPLE, {"mul": 1}),
    "stack": (lambda m, x: torch.stack([x, x * 2], 1), ROW, {"mul": 1, "stack": 1}),
    # linear
    "linear": (lambda m, x: F.linear(x, m.rows, m.three), ROW, {"linear": 1}),
    "linear of a map": (lambda m, x: F.linear(x, m.rows), SAMPLE, {"reshape": 2, "linear": 1}),
    # padding
    "pad channels": (lambda m, x: F.pad(x, (0, 0, 0, 0, 0, 3)), SAMPLE, {"pad": 1}),
    "pad by a value": (lambda m, x: F.pad(x, (1, 2, 0, 3), value=2.5), SAMPLE, {"pad": 1}),
    "reflect": (lambda m, x: F.pad(x, (2, 1, 0, 3), mode="reflect"), SAMPLE, {"pad": 1}),
    "replicate": (lambda m, x: F.pad(x, (0, 1, 0, 1), mode="replicate"), SAMPLE, {"pad": 1}),
    "no margin": (lambda m, x: F.pad(x, (0, 0)) * 2, SAMPLE, {"mul": 1}),
    # pools
    "max_pool2d": (lambda m, x: F.max_pool2d(x, 2), SAMPLE, {"max_pool": 1}),
    "max_pool2d, ceil": (lambda m, x: F.max_pool2d(x, (3, 2), (2, 2), (0, 1), ceil_mode=True),
                         SAMPLE, {"max_pool": 1}),
    "avg_pool2d": (lambda m, x: F.avg_pool2d(x, 3, 2, 1, True, False), SAMPLE, {"avg_pool": 1}),
    "avg_pool2d, padding counts": (lambda m, x: F.avg_pool2d(x, (2, 3), None, 1), SAMPLE,
                                   {"avg_pool": 1}),
    # reduction
    "mean": (lambda m, x: x.mean((2, 3)), SAMPLE, {"reduce_mean": 1}),
    "sum": (lambda m, x: x.sum((1,), keepdim=True), SAMPLE, {"reduce_sum": 1}),
    "extremes": (lambda m, x: x.amax((1, 2)) + x.amin((1, 2)), SAMPLE,
                 {"reduce_max": 1, "reduce_min": 1, "add": 1}),
    # resizing
    "bilinear": (lambda m, x: F.interpolate(x, (12, 10), mode="bilinear", align_corners=False),
                 SAMPLE, {"upsample_bilinear": 1}),
    "bilinear, corners": (lambda m, x: F.interpolate(x, (12, 15), mode="bilinear",
                                                     align_corners=True),
                          SAMPLE, {"upsample_bilinear": 1}),
    "bilinear to any size": (lambda m, x: F.interpolate(x, (7, 13), mode="bilinear",
                                                        align_corners=False),
                             SAMPLE, {"resize_bilinear": 1}),
    "corners to any size": (lambda m, x: F.interpolate(x, (7, 3), mode="bilinear",
                                                       align_corners=True),
                            SAMPLE, {"resize_bilinear": 1}),
    "nearest": (lambda m, x: F.interpolate(x, (12, 20), mode="nearest"), SAMPLE,
                {"upsample_nearest_neighbor": 1}),
    # shapes
    "reshape": (lambda m, x: x.reshape(2, -1, 5), SAMPLE, {"reshape": 1}),
    "reshape to what it is": (lambda m, x: x.reshape(1, 4, 6, 5) * 2, SAMPLE, {"mul": 1}),
    "reshape twice": (lambda m, x: x.reshape(-1).reshape((12, 10)), SAMPLE, {"reshape": 1}),
    "reshape by its size": (lambda m, x: x.reshape(x.shape[0], -1, x.size(3)), SAMPLE,
                            {"reshape": 1}),
    "flatten and back": (lambda m, x: x.flatten(1).unflatten(1, (-1, 5)), SAMPLE, {"reshape": 1}),
    "permute": (lambda m, x: x.permute(0, 2, 3, 1).contiguous(), SAMPLE, {"transpose": 1}),
    "permute nothing": (lambda m, x: x.permute((0, 1, 2, 3)) * 2, SAMPLE, {"mul": 1}),
    "expand": (lambda m, x: x.expand(3, -1, 6, -1), SAMPLE, {"tile": 1}),
    "expand nothing": (lambda m, x: x.expand(1, -1, -1, -1) * 2, SAMPLE, {"mul": 1}),
    "blocks": (lambda m, x: x.reshape(1, 2, 2, 1, 6, 5).permute(0, 3, 4, 1, 5, 2)
               .reshape(1, 1, 12, 10), SAMPLE, {"reshape": 2, "transpose": 1}),
    "checks": (lambda m, x: require_batch(image_batch(x, 4, (6, 5)), 1, "") * 2, SAMPLE,
               {"mul": 1}),
    # parts
    "slice": (lambda m, x: x[:, 1:3, ::2, -2:], SAMPLE, {"slice_by_index": 1}),
    "a place": (lambda m, x: x[:, -1, 2], SAMPLE, {"slice_by_index": 1}),
    "a new axis": (lambda m, x: x[:, None, 1:, 2], SAMPLE,
                   {"slice_by_index": 1, "expand_dims": 1}),
    "all of it": (lambda m, x: x[:, :, 0:6] * 2, SAMPLE, {"mul": 1}),
    "split": (lambda m, x: torch.split(x, 2, 1)[1] - x.split([1, 3], 1)[0], SAMPLE,
              {"split": 2, "sub": 1}),
    "split in one": (lambda m, x: torch.split(x, 4, 1)[0] * 2, SAMPLE, {"mul": 1}),
    "unbind": (lambda m, x: torch.unbind(x, 1)[3] * 2, SAMPLE, {"slice_by_index": 1, "mul": 1}),
    "index_select": (lambda m, x: x.index_select(1, m.places), SAMPLE, {"gather": 1}),
    "flip": (lambda m, x: x.flip([1, 3]), SAMPLE, {"reverse": 1}),
    # outputs
    "an input as it came": (lambda m, x: (x, x * 2), SAMPLE, {"identity": 1, "mul": 1}),
    "an output twice": (lambda m, x: (lambda y: (y, y))(x * 2), SAMPLE, {"mul": 1, "identity": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    function, x, operations = CASES[name]
    found, kinds, case = executed(function, x, tmp_path)
    expected = case(x)
    assert len(found) == len(expected) > 0
    for value, wanted in zip(found, expected, strict=True):
        assert value.shape == tuple(wanted.shape)
        assert np.abs(value - wanted.numpy()).max() <= 2e-6 * max(1.0, float(wanted.abs().max()))
    assert dict(kinds) == operations


@pytest.mark.parametrize("name", ["conv2d", "prelu of rows", "output padding", "blocks", "rsqrt"])
def test_in_float16(name: str, tmp_path: Path) -> None:
    """There is one cast at each end, and none between."""
    function, x, operations = CASES[name]
    found, kinds, case = executed(function, x, tmp_path, precision="fp16")
    expected = case(x)
    for value, wanted in zip(found, expected, strict=True):
        assert np.abs(value - wanted.numpy()).max() <= 4e-3 * float(wanted.abs().max())
    assert dict(kinds) == {**operations, "cast": 2}


@pytest.mark.parametrize("target", ["iOS15", "iOS17", "iOS18"])
@pytest.mark.parametrize("name", ["a cut one", "bilinear", "index_select", "max_pool2d, ceil"])
def test_for_other_systems(name: str, target: str, tmp_path: Path) -> None:
    function, x, operations = CASES[name]
    found, kinds, case = executed(function, x, tmp_path, target=target)
    for value, wanted in zip(found, case(x), strict=True):
        assert np.abs(value - wanted.numpy()).max() <= 2e-6 * max(1.0, float(wanted.abs().max()))
    assert dict(kinds) == operations


def test_every_emitter_is_tried() -> None:
    used = {
        node.target
        for function, _, _ in CASES.values()
        for node in traced(function)[1].graph.nodes
        if node.op in ("call_function", "call_method")
    }
    assert set(EMITTERS) <= used and len(EMITTERS) > 50


def test_a_constant_too_large_for_float16_stays_in_float32(tmp_path: Path) -> None:
    """The operation with that constant runs in float32, all others in float16."""
    x = torch.full(MAP, 0.5)
    function: Function = lambda m, x: F.relu(x) * m.slopes.reshape(1, 4, 1, 1)  # noqa: E731
    TENSORS["slopes"], before = TENSORS["slopes"] * 1e5, TENSORS["slopes"]
    try:
        (found,), _, case = executed(function, x, tmp_path, precision="fp16")
        assert np.allclose(found, case(x)[0].numpy(), rtol=1e-3)
        assert np.abs(found).max() > 65504
    finally:
        TENSORS["slopes"] = before


def test_what_nothing_emits_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UnsupportedOperator, match=r"case: no Core ML emitter for .*erf.*--no-coreml"
    ):
        executed(lambda m, x: torch.erf(x), SAMPLE, tmp_path)


def test_six_axes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperator, match=r"case: reshape gives a value of 6 axes"):
        executed(lambda m, x: x.reshape(2, 1, 2, 1, 6, 5).amax((0,)), SAMPLE, tmp_path)


def test_an_emitter_is_registered_once() -> None:
    with pytest.raises(ValueError, match="emitted twice"):
        emits(operator.add)(lambda context, x: x)
