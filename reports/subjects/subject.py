"""One model opened for parity: every backend that can run it here, and the rules of the stages
around the network. `reports.subjects.open_subject` makes it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.reports.backends.backend import (
    CANDIDATE,
    Backend,
    Outputs,
    Registration,
    split_inputs,
)
from blazepalm.reports.backends.names import (
    GENERIC,
    INTEGER,
    ORACLE,
    TFLITE,
    TFLITE_INTEGER,
    TFLITE_REF,
    TORCH,
)
from blazepalm.reports.backends.registry import registration_of
from blazepalm.reports.stages.stages import HandChain, HandRules, PalmChain, PalmRules, Raw
from blazepalm.reports.subjects.compression import Compression

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

FLOOR_PAIRS = ((TFLITE, ORACLE), (TFLITE_REF, ORACLE), (GENERIC, ORACLE))
# what a file loses by computing in integers, and whether LiteRT computes those as specified
INTEGER_PAIRS = ((INTEGER, ORACLE), (TFLITE_INTEGER, INTEGER))


@dataclass(frozen=True)
class Subject:
    """`backends` take (N, H, W, C) float32 and return the file's outputs; `apps` run the app face
    on the same input and return its own. `rules` is None where no family was
    recognised. `artifacts`: SHA-256 of the package a backend ran. `missing`: why a requested
    backend is absent. `stages`: by backend, functions that replace its chain's (a planted
    fault). `foreign`: registrations of other people's conversions, which the registry lacks.
    `compression`: what `convert --quantize` measured for its folder.
    """

    converted: "Converted"
    outputs: tuple[str, ...]
    fields: tuple[str, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    input_shape: tuple[int, ...]
    value_range: tuple[float, float]
    value_range_from: str
    notes: tuple[str, ...]
    backends: Mapping[str, Backend]
    apps: Mapping[str, Callable[[np.ndarray], Raw]]
    rules: PalmRules | HandRules | None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, Registration] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, Callable[..., Any]]] = field(default_factory=dict)
    compression: Compression | None = None

    @property
    def name(self) -> str:
        return self.converted.name

    @property
    def family(self) -> str | None:
        recognition = self.converted.recognition
        return None if recognition is None else recognition.family

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all backends, those of the app face last."""
        return (*self.backends, *self.apps)

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names of the backends to judge."""
        return tuple(name for name in self.names if self.registration(name).kind == CANDIDATE)

    def registration(self, name: str) -> Registration:
        """The entry of one of its backends."""
        return self.foreign.get(name) or registration_of(name)

    @property
    def raw_pairs(self) -> tuple[tuple[str, str], ...]:
        """(candidate, reference) pairs to compare on raw outputs; the first measure the floor."""
        pairs = list(FLOOR_PAIRS)
        for name in self.candidates:
            pairs.append((name, ORACLE))
            if not self.registration(name).by_task:
                pairs.append((name, TFLITE))
            if name == TORCH:
                pairs.append((name, GENERIC))
        pairs += INTEGER_PAIRS
        return tuple((c, r) for c, r in pairs if c in self.backends and r in self.backends)

    def inputs(self, values: np.ndarray) -> list[np.ndarray]:
        """The file's inputs: the image itself, or the parts of a row of numbers."""
        graph = self.converted.graph
        return split_inputs(values, [graph.tensors[t].shape for t in graph.inputs])

    def named(self, outputs: Outputs) -> Raw:
        """The file's outputs under their readable names."""
        pairs = zip(self.outputs, self.fields, strict=True)
        return {name: outputs[output] for output, name in pairs if output in outputs}

    def palm_chain(self, backend: str) -> PalmChain:
        """One backend's chain of a detector's stages."""
        assert isinstance(self.rules, PalmRules)
        chain = self.rules.chain(self.runner(backend), decodes=backend in self.apps)
        return replace(chain, **self._spoilt(backend))

    def hand_chain(self, backend: str) -> HandChain:
        """One backend's chain of a landmark model's stages."""
        assert isinstance(self.rules, HandRules)
        chain = self.rules.chain(self.runner(backend), decodes=backend in self.apps)
        return replace(chain, **self._spoilt(backend))

    def runner(self, backend: str) -> Callable[[np.ndarray], Raw]:
        """One backend as a function from images to outputs by readable name."""
        if backend in self.apps:
            return self.apps[backend]
        return lambda images: self.named(self.backends[backend].run(images))

    def _spoilt(self, backend: str) -> Mapping[str, Any]:
        return self.stages.get(backend, {})
