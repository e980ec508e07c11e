"""One small model, run by LiteRT and by the lowering, and held against each other.

`check` is what every operator's test calls. It runs the flatbuffer in LiteRT with the default
kernels (XNNPACK) and with the reference kernels, the lowering in float32 and in float64, and
the lowering on batches of 2 and 3 beside single images. Tolerances are not chosen: float32
costs at most a few units in the last place of the sums that are formed (`magnitude`), and an
operator that only moves values costs nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import settings

from blazepalm.converter.lowering import LoweredGraph, lower
from blazepalm.converter.tflite import read_bytes
from support.tflite_builder import ModelBuilder

EPS32 = float(np.finfo(np.float32).eps)
ROUNDINGS = 8.0  # of float32, of the whole sum, that two orders of summation may differ by
EXACT64 = 1e-13  # of the sum: what float64 may differ by

Arrays = list[np.ndarray]


def sampled(examples: int = 20) -> settings:
    """Hypothesis settings of the operator tests: few examples, always the same."""
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Case:
    """A model of one subgraph, the shapes of its inputs, and what values they take."""

    content: bytes
    shapes: tuple[tuple[int, ...], ...]
    low: float = -2.0
    high: float = 2.0

    def inputs(self, seed: int = 0) -> Arrays:
        """Seeded uniform float32 inputs."""
        rng = np.random.default_rng(seed)
        return [rng.uniform(self.low, self.high, s).astype(np.float32) for s in self.shapes]

    def module(self) -> LoweredGraph:
        return lower(read_bytes(self.content, "test.tflite"))


def build(
    model: ModelBuilder,
    inputs: Sequence[int],
    outputs: Sequence[int],
    low: float = -2.0,
    high: float = 2.0,
) -> Case:
    """Finishes a model under construction, whose inputs lie between `low` and `high`."""
    shapes = tuple(tuple(int(d) for d in model.graph.tensors[i].shape) for i in inputs)
    return Case(model.build(inputs, outputs), shapes, low, high)


def run_litert(case: Case, inputs: Arrays, *, reference: bool) -> Arrays:
    """Outputs of LiteRT in the file's order."""
    resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    interpreter = Interpreter(
        model_content=case.content, num_threads=1, experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()]


def run_torch(module: LoweredGraph, inputs: Arrays) -> Arrays:
    """Outputs of a lowered module, in the precision of the inputs."""
    with torch.no_grad():
        return [y.numpy() for y in module(*[torch.from_numpy(x) for x in inputs])]


def double(arrays: Arrays) -> Arrays:
    return [a.astype(np.float64) for a in arrays]


def check(
    case: Case,
    *,
    truth: Arrays | None = None,
    magnitude: Arrays | float = 0.0,
    batch_fixed: str | None = None,
    inputs: Arrays | None = None,
    litert: Sequence[str] = ("default", "reference"),
) -> LoweredGraph:
    """Compares everything and returns the float32 module.

    `truth`: outputs for `inputs` (default `case.inputs()`) from an independent float64
    evaluation. `magnitude`: for each output the sum of the absolute values that it is the sum
    of, element by element or one bound for all; 0 asks for equality. `batch_fixed`: part of
    the reason why the model takes no other batch; None where it must take any.
    """
    inputs = case.inputs() if inputs is None else inputs
    module, oracle = case.module(), case.module().double()
    single = run_torch(module, inputs)
    exact = run_torch(oracle, double(inputs))
    assert single, "nothing to compare"
    assert all(y.dtype == np.float32 for y in single)
    assert all(y.dtype == np.float64 for y in exact)
    bounds = magnitude if isinstance(magnitude, list) else [np.asarray(magnitude)] * len(single)
    close(single, exact, bounds, ROUNDINGS * EPS32, "float32 and float64 lowering")
    for kernels in litert:
        outputs = run_litert(case, inputs, reference=kernels == "reference")
        close(single, outputs, bounds, 2 * ROUNDINGS * EPS32, f"lowering and LiteRT ({kernels})")
        close(outputs, exact, bounds, ROUNDINGS * EPS32, f"LiteRT ({kernels}) and float64 lowering")
    if truth is not None:
        close(exact, truth, bounds, EXACT64, "float64 lowering and the truth")
    _check_batches(case, module, oracle, bounds, batch_fixed)
    return module


def close(found: Arrays, expected: Arrays, bounds: Arrays, factor: float, what: str) -> None:
    """Raises AssertionError unless shapes are equal and differences within the bounds."""
    assert len(found) == len(expected), what
    for i, (a, b, bound) in enumerate(zip(found, expected, bounds, strict=True)):
        assert a.shape == b.shape, f"{what}, output {i}: {a.shape} and {b.shape}"
        difference = np.abs(a.astype(np.float64) - b.astype(np.float64))
        allowed = factor * np.broadcast_to(bound, a.shape)
        worst = np.unravel_index(np.argmax(difference - allowed), a.shape) if a.size else ()
        assert a.size == 0 or difference[worst] <= allowed[worst], (
            f"{what}, output {i} at {tuple(map(int, worst))}: {a[worst]!r} and {b[worst]!r} "
            f"differ by {difference[worst]:.3g}, allowed {allowed[worst]:.3g}"
        )


def _check_batches(
    case: Case, module: LoweredGraph, oracle: LoweredGraph, bounds: Arrays, fixed: str | None
) -> None:
    images = [double(case.inputs(seed)) for seed in (1, 2, 3)]
    if fixed is not None:
        assert module.batch_fixed_by is not None and fixed in str(module.batch_fixed_by)
        twice = [torch.from_numpy(np.concatenate([x, x])) for x in case.inputs()]
        with pytest.raises(ValueError, match="takes batches of"):
            module(*twice)
        return
    assert module.batch_fixed_by is None, module.batch_fixed_by
    singles = [run_torch(oracle, image) for image in images]
    for count in (2, 3):
        together = [np.concatenate(x[:count]) for x in zip(*images, strict=True)]
        expected = [np.concatenate(y[:count]) for y in zip(*singles, strict=True)]
        wide = [b if b.ndim == 0 else b.max() for b in bounds]
        close(run_torch(oracle, together), expected, wide, EXACT64, f"batch of {count}")
        single = run_torch(module, [x.astype(np.float32) for x in together])
        close(single, expected, wide, ROUNDINGS * EPS32, f"batch of {count}")


def image(model: ModelBuilder, shape: tuple[int, ...], plain: bool = False) -> tuple[int, int]:
    """Adds an input; returns it and a value of `shape`. A rank-4 input is held channels-first;
    with `plain` the value comes of a RESHAPE and is held as TFLite has it.
    """
    if not plain:
        x = model.tensor(shape)
        return x, x
    x = model.tensor((shape[0], math.prod(shape[1:])))
    y = model.tensor(shape)
    model.operator("RESHAPE", [x, constant(model, shape)], [y])
    return x, y


def permutes(module: LoweredGraph) -> int:
    """The number of permutes that a module records."""
    return sum("permute" in str(node.target) for node in module.graph.nodes)


def constant(model: ModelBuilder, values: object, dtype: str = "int32") -> int:
    """Adds a constant tensor."""
    data = np.asarray(values, dtype=dtype)
    return model.tensor(data.shape, dtype, data)


def weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Seeded float32 weights of a normal distribution."""
    return rng.standard_normal(shape).astype(np.float32)
