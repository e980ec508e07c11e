"""One converted model in memory: `convert` makes it, `artifacts` writes it, `coreml` exports it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.gesture_structure import GestureRecognition
from blazepalm.converter.tflite.graph import Graph, Rewrite
from blazepalm.models.gesture_spec import CLASSIFIER
from blazepalm.models.release_registry import Release
from blazepalm.models.spec import Spec

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.lowering import LoweredGraph
    from blazepalm.converter.tensor_map import TensorMap


def rewrites_to_list(rewrites: Iterable[Rewrite]) -> list[dict[str, Any]]:
    """Plain values: each rewrite by name, with the operators of every application."""
    names: dict[str, list[list[int]]] = {}
    for rewrite in rewrites:
        names.setdefault(rewrite.name, []).append(list(rewrite.operators))
    return [{"name": name, "operators": done} for name, done in names.items()]


@dataclass(frozen=True)
class Preserved:
    """How well the normal form preserves the file's graph. `bitwise`: all outputs on the proof's
    images have the same bits; otherwise `largest` is their largest float64 difference as a share of
    each output's bound (at most 1), and `float32` the largest difference in float32.
    """

    rewrites: tuple[Rewrite, ...] = ()
    bitwise: bool = True
    largest: float = 0.0
    float32: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values; each rewrite by name, with the operators of every application."""
        return {
            "rewrites": rewrites_to_list(self.rewrites),
            "equals_file": "bitwise" if self.bitwise else "in float64",
            "share_of_float64_bound": self.largest,
            "float32_difference": self.float32,
        }


class Settled(NamedTuple):
    """What a file does not state and another file of its network has shown: the whole structure and
    the outputs' names, in the file's order.
    """

    spec: Spec
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Converted:
    """One model in memory. `module` is the readable network, or `generic` itself if no family was
    recognised (`recognition` is None, `reason` says why). `normal` is the normal form, lowered
    operator by operator: `generic` itself if nothing was rewritten. `folder`: the converted folder
    that `module` was loaded from (`converter.folder`), else None. `gesture` is set for a network
    that reads landmarks or embeddings: its module is readable, but it takes no image, so that
    `recognition` is None and every other backend runs `generic`.
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
    folder: Path | None = None
    gesture: GestureRecognition | None = None

    @property
    def name(self) -> str:
        """The folder's name if the module was loaded from one, else the release's or the file's."""
        if self.folder is not None:
            return self.folder.absolute().name
        return self.release.name if self.release else Path(self.graph.source).stem

    @property
    def family(self) -> str | None:
        """`palm`, `hand`, `gesture-embedder` or `gesture-classifier`; None if unrecognised."""
        found = self.recognition or self.gesture
        return None if found is None else found.family

    @property
    def outputs(self) -> tuple[str, ...]:
        """Readable output names in the file's order; the file's own names if unrecognised."""
        if (found := self.recognition or self.gesture) is not None:
            return found.outputs
        return tuple(self.graph.tensors[t].name for t in self.graph.outputs)

    @property
    def output_values(self) -> tuple[str, ...]:
        """The meaning of each value if the model has a single, small output; empty if unknown."""
        if self.gesture is not None:
            return self.graph.labels if self.family == CLASSIFIER else ()
        if self.release is None or len(self.graph.outputs) > 1:
            return ()
        return self.release.generation.output_values
