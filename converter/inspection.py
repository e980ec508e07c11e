"""What `inspect` finds in a file, as data."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from blazepalm.converter.converted import rewrites_to_list
from blazepalm.converter.heads import Head
from blazepalm.converter.tflite.graph import Quantisation, Rewrite
from blazepalm.models.gesture_spec import GestureSpec, gesture_spec_to_dict
from blazepalm.models.spec import Evidence, Spec
from blazepalm.models.spec_json import spec_to_dict
from blazepalm.shown import Shown
from blazepalm.strict_json import float_to_json
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class TensorSummary:
    """One tensor. `stored_as` is the file's dtype of a constant (plus `sparse` or `quantised`);
    None, with no bytes, for a tensor computed at run time. `dtype` is the one that blazepalm
    computes in, `file_dtype` the file's; `quantisation` is how the file's integers stand for real
    values.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    stored_as: str | None
    stored_bytes: int
    folded: tuple[str, ...]
    file_dtype: str
    quantisation: Quantisation | None


@dataclass(frozen=True)
class OperatorSummary:
    """One operator in execution order; `index` is its position in the file."""

    index: int
    name: str
    version: int
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class WeightSummary:
    """All constants of one kind that operators read."""

    stored_as: str
    tensors: int
    values: int
    stored_bytes: int

    @property
    def is_real(self) -> bool:
        """Whether the values stand for real ones: floats, or integers with a scale."""
        return " quantised" in self.stored_as or self.stored_as.startswith("float")


@dataclass(frozen=True, repr=False)
class ModelInspection(Shown):
    """One model. `release` is None for an unknown network, `family` for an unknown structure
    (`unrecognised_because` says why); `value_range_from` names the generation. `evidence` says how
    roles, value range and generation were found; `notes` what was assumed or is contradictory.
    `release_file` is True for the release's own file, False for another file of its network.
    `output_names` are the readable names if the family is known; `output_values` name the values of
    a single, small output, and `output_meaning` explains them. `rewrites` are the changes that
    conversion makes to the file's graph before it is recognised; all else describes the file.
    """

    source: str
    bytes: int
    sha256: str
    network_sha256: str | None
    description: str
    release: str | None
    release_file: bool
    family: str | None
    unrecognised_because: str | None
    value_range: tuple[float, float] | None
    value_range_from: str | None
    heads: tuple[Head, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    output_names: tuple[str, ...]
    evidence: Evidence
    notes: tuple[str, ...]
    output_values: tuple[str, ...]
    output_meaning: str
    stored_operators: int
    dequantised: bool
    histogram: dict[str, int]  # operators by name, most frequent first
    weights: tuple[WeightSummary, ...]
    metadata: dict[str, int]  # name → bytes
    spec: Spec | GestureSpec | None
    rewrites: tuple[Rewrite, ...]
    operators: tuple[OperatorSummary, ...]
    tensors: tuple[TensorSummary, ...]

    @property
    def anchors(self) -> int:
        """Number of a detector's anchors; 0 if the model is not a detector."""
        return sum(math.prod(head) for head in self.heads)

    @property
    def parameters(self) -> int:
        """Number of values that stand for real ones, however stored, that operators read."""
        return sum(w.values for w in self.weights if w.is_real)

    def in_short(self) -> str:
        """Name, family and size."""
        name = self.release or printable(self.source)
        kind = self.family or "of no known family"
        return f"{name}, {kind}, {len(self.operators)} operators, {self.parameters:,} parameters"

    def pieces(self, width: int) -> "Iterable[RenderableType]":
        """As of a file with this model only."""
        only = Inspection(self.source, self.bytes, self.sha256, False, self.release, (self,))
        return only.pieces(width)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain, JSON-serialisable values."""
        values: dict[str, Any] = {**asdict(self), "anchors": self.anchors}
        values["heads"] = [head._asdict() for head in self.heads]
        values["evidence"]["outputs"] = dict(self.evidence.outputs)
        values["spec"] = None if self.spec is None else _spec(self.spec)
        values["rewrites"] = rewrites_to_list(self.rewrites)
        values["operators"] = [
            {**asdict(op), "options": _plain(op.options)} for op in self.operators
        ]
        return values


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """A file: one model, or the models of a bundle. `release` names a known bundle; `others` are
    members that are not models, `failures` say why a member could not be read.
    """

    file: str
    bytes: int
    sha256: str
    bundle: bool
    release: str | None
    models: tuple[ModelInspection, ...]
    others: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    def in_short(self) -> str:
        """The file and its models."""
        return f"{printable(self.file)}: " + "; ".join(model.in_short() for model in self.models)

    def pieces(self, width: int) -> "Iterable[RenderableType]":
        """The tables that the command line prints."""
        command = import_module("blazepalm.cli.inspect")  # floors up: only if called
        pieces: Iterable[RenderableType] = command.render(
            self, width, operators=False, tensors=False
        )
        return pieces

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain, JSON-serialisable values."""
        return {
            "file": self.file,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "bundle": self.bundle,
            "release": self.release,
            "models": [model.to_dict() for model in self.models],
            "others": list(self.others),
            "failures": list(self.failures),
        }


def _spec(spec: Spec | GestureSpec) -> dict[str, Any]:
    return gesture_spec_to_dict(spec) if isinstance(spec, GestureSpec) else spec_to_dict(spec)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """The options with values that are not finite as strings; a hostile file may hold them."""
    return {k: float_to_json(v) if isinstance(v, float) else v for k, v in options.items()}
