"""The true values of every layer of one model on one input, and what the arithmetic costs there.

Computed twice in float64: from the image, and each layer from LiteRT's own values (for the local
error). float32's cost is LiteRT's distance from float64, at least half a float32 spacing at the
peak; float16's cost is half a float16 spacing there.

A head outputs a single number, whose rounding error may be tiny by luck. So before a layer is
called a culprit, LiteRT's error is also measured on inputs that differ in the last digits.
"""

from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from blazepalm.reports.backends.litert_layers import LayerReader
from blazepalm.reports.backends.litert_rewrite import without_custom_operators
from blazepalm.reports.compare.tensors import half_spacing
from blazepalm.reports.judge.policy import FLOAT32_MAX
from blazepalm.reports.layers.join import Joined
from blazepalm.reports.layers.values import Layers, planes, run_lowered
from blazepalm.reports.subjects.subject import Subject

DRAWS = 3  # extra inputs for measuring LiteRT's error
LAST_DIGITS = 2.0**-16  # their difference, as a share of each value


class Truth(NamedTuple):
    """A layer's values in float64, in torch's axis order, and what float32 (`single`) and float16
    (`half`) cost there.
    """

    values: np.ndarray
    single: float
    half: float


class LayerTruth:
    """The joined layers whose value LiteRT returns: `given`, that value; `doubles`, float64 from
    the image; `exacts`, float64 from LiteRT's values; `shapes`, as in the file.
    """

    def __init__(
        self, subject: Subject, joined: tuple[Joined, ...], content: bytes, values: np.ndarray
    ) -> None:
        """`content`: the model's file. `values`: (1, H, W, C) float32 in its range, or a row of
        numbers for several inputs. Raises CouldNotVerify if LiteRT's layers cannot be read.
        """
        from blazepalm.reports.backends.torch_generic import doubled  # imports torch

        self.graph = subject.converted.graph
        self.inputs = subject.inputs(values)
        self._content = content
        self._network = doubled(subject.converted.generic)
        fed = [value.astype(np.float64) for value in self.inputs]
        self._lowered = run_lowered(self._network, fed)
        read = self._reader().read(self.inputs)
        given = self._in_torchs_order(read)
        self.joined = tuple(j for j in joined if j.tensor in given)
        self.shapes = [read[j.tensor].shape for j in self.joined]
        self.given = [given[j.tensor] for j in self.joined]
        self.doubles, self.exacts = (
            [_truth(values[j.tensor], given[j.tensor]) for j in self.joined]
            for values in (self._lowered, run_lowered(self._network, fed, given))
        )

    @cached_property
    def costs(self) -> list[float]:
        """float32's cost for each of `exacts`, measured on a few inputs; computed on demand."""
        costs = [truth.single for truth in self.exacts]
        reader, random = self._reader(), np.random.default_rng(0)
        for _ in range(DRAWS):
            inputs = [
                (value * (1 + LAST_DIGITS * random.uniform(-1, 1, value.shape))).astype(np.float32)
                for value in self.inputs
            ]
            given = self._in_torchs_order(reader.read(inputs))
            fed = [value.astype(np.float64) for value in inputs]
            exact = run_lowered(self._network, fed, given)
            for place, j in enumerate(self.joined):
                far = _distance(exact[j.tensor], given[j.tensor])
                if np.isfinite(far):
                    costs[place] = max(costs[place], far)
        return costs

    def _in_torchs_order(self, read: Layers) -> Layers:
        """LiteRT's values by tensor, channels first, except where the file itself has transposed
        them: there the lowering keeps the file's order.
        """
        found = {}
        for tensor in read.keys() & self._lowered.keys():
            lowered = self._lowered[tensor]
            ways = [
                way for way in (planes(read[tensor]), read[tensor]) if way.shape == lowered.shape
            ]
            if ways:
                found[tensor] = min(ways, key=partial(_distance, lowered))
        return found

    def _reader(self) -> LayerReader:
        source = self.graph.source
        return LayerReader(without_custom_operators(self._content, source).content, source)


def _truth(values: np.ndarray, given: np.ndarray) -> Truth:
    peak = float(np.abs(values).max(initial=0.0))
    least = float(np.spacing(np.float32(min(peak, FLOAT32_MAX)))) / 2
    half = float(half_spacing(np.array([peak]))[0]) / 2
    return Truth(values, max(_distance(values, given), least), half)


def _distance(values: np.ndarray, given: np.ndarray) -> float:
    return float(np.abs(given - values).max(initial=0.0))
