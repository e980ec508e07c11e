"""One converted model in memory: what `convert` makes, `artifacts` writes and `coreml` exports."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.tflite.graph import Graph, Rewrite
from blazepalm.models.releases import Release

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.lowering import LoweredGraph
    from blazepalm.converter.weights import TensorMap


@dataclass(frozen=True)
class Preserved:
    """What became of the file's graph on the way to its normal form. `bitwise`: all outputs on
    the proof's images have the same bits; else `largest` is how far they were apart in float64,
    as a share of the bound for each output (1 would be the most), and `float32` how far in
    float32.
    """

    rewrites: tuple[Rewrite, ...] = ()
    bitwise: bool = True
    largest: float = 0.0
    float32: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Rewrites by name, each with the operators of every application."""
        names: dict[str, list[list[int]]] = {}
        for rewrite in self.rewrites:
            names.setdefault(rewrite.name, []).append(list(rewrite.operators))
        return {
            "rewrites": [{"name": name, "operators": done} for name, done in names.items()],
            "equals_file": "bitwise" if self.bitwise else "in float64",
            "share_of_float64_bound": self.largest,
            "float32_difference": self.float32,
        }


@dataclass(frozen=True)
class Converted:
    """One model in memory. `module` is the readable network, or `generic` itself where no
    family was recognised (`recognition` is None, `reason` says why). `normal` is the normal
    form, operator by operator: `generic` itself where nothing had to be rewritten.
    """

    graph: Graph
    release: Release | None
    recognition: Recognition | None
    reason: str
    generic: "LoweredGraph"
    module: "nn.Module"
    tensor_map: "TensorMap"
    normal: "LoweredGraph"
    preserved: Preserved = field(default_factory=Preserved)

    @property
    def name(self) -> str:
        """The release's name, else the file's."""
        return self.release.name if self.release else Path(self.graph.source).stem

    @property
    def outputs(self) -> tuple[str, ...]:
        """Readable output names in the file's order; the file's own where unrecognised."""
        if self.recognition is not None:
            return self.recognition.outputs
        return tuple(self.graph.tensors[t].name for t in self.graph.outputs)

    @property
    def output_values(self) -> tuple[str, ...]:
        """What each number of an only, small output is; empty where nobody says."""
        if self.release is None or len(self.graph.outputs) > 1:
            return ()
        return self.release.generation.output_values
