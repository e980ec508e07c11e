"""Holds a graph's normal form against the graph itself, and against LiteRT.

Nothing here knows a rewrite: the graph as built runs in LiteRT, its own lowering and the normal
form's lowering run in float32 and in float64. An exact rewrite must give the same bits.
"""

from dataclasses import dataclass

import numpy as np

from blazepalm.converter.lowering import lower
from blazepalm.converter.normal_form import normalise
from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.graph import Graph
from support.compare import EPS32, ROUNDINGS, Case, close, double, run_litert, run_torch


@dataclass(frozen=True)
class Normal:
    """A normal form with what it is made of."""

    graph: Graph

    @property
    def operators(self) -> list[str]:
        return [op.name for op in self.graph.operators]

    @property
    def rewrites(self) -> list[str]:
        """Names of what was done, each once, in order."""
        return list(dict.fromkeys(rewrite.name for rewrite in self.graph.rewrites))


def check_normal(
    case: Case,
    operators: list[str],
    *,
    magnitude: float = 0.0,
    apart: float = 0.0,
    exact64: float = 0.0,
) -> Normal:
    """Normalises and compares; `operators` is what must come out. The normal form must give the
    bits of the graph, unless it may be `apart` in float32 and `exact64` in float64. LiteRT may
    round sums of `magnitude` (at least the outputs' own) in another order.
    """
    graph = read_bytes(case.content, "test.tflite")
    normal = normalise(graph)
    assert [op.name for op in normal.operators] == operators
    before, after = lower(graph), lower(normal)
    inputs = case.inputs()
    turned = inputs
    if normal.inputs != graph.inputs:
        turned = [inputs[0].transpose(0, 2, 3, 1).copy()]
    expected, found = run_torch(before, inputs), run_torch(after, turned)
    assert expected
    for a, b in zip(expected, found, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= apart
    bounds = [np.asarray(max(magnitude, float(np.abs(a).max()))) for a in expected]
    litert = run_litert(case, inputs, reference=False)
    close(found, litert, bounds, 2 * ROUNDINGS * EPS32, "normal form and LiteRT")
    exact = run_torch(lower(graph).double(), double(inputs))
    exact_normal = run_torch(lower(normal).double(), double(turned))
    for a, b in zip(exact, exact_normal, strict=True):
        assert np.abs(a - b).max() <= exact64
    return Normal(normal)
