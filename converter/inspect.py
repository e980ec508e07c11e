"""A report on a file's contents: operators, tensors, weights, family, heads, value range.

For a known release, runs no model and does not import torch. For another file of a known family,
what the file does not state (roles of outputs, value range, generation) is found by evidence
(`converter.evidence`), which runs the network; the report says by which.
"""

import hashlib
import math
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from blazepalm.converter.architecture import examine
from blazepalm.converter.converted import rewrites_to_list
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides, settle
from blazepalm.converter.folder import described, is_converted, original
from blazepalm.converter.heads import Head, heads_of
from blazepalm.converter.known import network_of, release_of
from blazepalm.converter.loading import read_record, structure_of
from blazepalm.converter.tflite import read_bytes, read_members
from blazepalm.converter.tflite.graph import Graph, Operator, Quantisation, Rewrite, Tensor
from blazepalm.errors import InvalidInput, InvalidModel, check_path
from blazepalm.models.releases import find_generation, load_registry, resolve
from blazepalm.models.spec import Evidence, Spec
from blazepalm.models.spec_json import spec_to_dict
from blazepalm.strict_json import float_to_json


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


@dataclass(frozen=True)
class ModelInspection:
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
    spec: Spec | None
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

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain, JSON-serialisable values."""
        values: dict[str, Any] = {**asdict(self), "anchors": self.anchors}
        values["heads"] = [head._asdict() for head in self.heads]
        values["evidence"]["outputs"] = dict(self.evidence.outputs)
        values["spec"] = None if self.spec is None else spec_to_dict(self.spec)
        values["rewrites"] = rewrites_to_list(self.rewrites)
        values["operators"] = [
            {**asdict(op), "options": _plain(op.options)} for op in self.operators
        ]
        return values


@dataclass(frozen=True)
class Inspection:
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


def inspect(file_or_release: str | Path, overrides: Overrides = NO_OVERRIDES) -> Inspection:
    """Inspects a file, a bundle (every member that can be read) or a release. `overrides` state
    what the files do not. Raises UnknownRelease or InvalidModel if there is nothing to report, and
    InvalidInput if `overrides` do not fit.
    """
    check_path(file_or_release, "a release, a file or a folder")
    if is_converted(file_or_release):
        return _inspect_folder(Path(file_or_release), overrides)
    read = read_members(resolve(str(file_or_release)))
    failures = list(read.failures)
    models = []
    for graph in read.graphs:
        try:
            models.append(inspect_graph(graph, overrides))
        except InvalidModel as error:
            if not read.is_bundle:
                raise
            failures.append(error)
    overrides.check_used([model.family for model in models])
    if not read.is_bundle:
        (only,) = models
        return Inspection(read.file, only.bytes, only.sha256, False, only.release, (only,))
    content = Path(read.file).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Inspection(
        file=read.file,
        bytes=len(content),
        sha256=digest,
        bundle=True,
        release=next((b.name for b in load_registry().bundles if b.sha256 == digest), None),
        models=tuple(models),
        others=read.contents.others,
        failures=tuple(str(failure) for failure in failures),
    )


def _inspect_folder(folder: Path, overrides: Overrides) -> Inspection:
    """The report on the file that a converted folder was made from, with what the folder's record
    says about it. Raises ArtifactError, CouldNotVerify, or InvalidInput for any `overrides`.
    """
    if overrides != NO_OVERRIDES:
        raise InvalidInput(f"{folder}: a converted folder states its outputs, range and generation")
    found = original(folder)
    spec = structure_of(folder, read_record(folder))
    model = inspect_graph(read_bytes(found.content, found.source))
    note = f"shown: {described(found)}, by {folder}"
    model = replace(model, notes=(*model.notes, note))
    if not isinstance(spec, Graph):
        model = replace(
            model,
            spec=spec,
            evidence=spec.evidence,
            output_names=tuple(dict(spec.evidence.outputs)) or model.output_names,
            value_range=spec.value_range,
            value_range_from=spec.generation,
        )
    return Inspection(found.source, model.bytes, model.sha256, False, model.release, (model,))


def inspect_graph(graph: Graph, overrides: Overrides = NO_OVERRIDES) -> ModelInspection:
    """The report on one graph."""
    recognition, reason = examine(graph)
    notes: list[str] = []
    if recognition is not None:
        recognition = settle(graph, recognition, overrides, notes.append)
    heads = heads_of(graph)
    release = release_of(graph)
    family = recognition.family if recognition else None
    spec = recognition.spec if recognition else None
    generation = release.generation if release else None
    if spec is not None:
        generation = find_generation(spec.generation, family or "")
    return ModelInspection(
        source=graph.source,
        bytes=graph.size,
        sha256=graph.sha256,
        network_sha256=network_of(graph),
        description=graph.description,
        release=release.name if release else None,
        release_file=release is not None and release.sha256 == graph.sha256,
        family=family or (release.family if release else None),
        unrecognised_because=reason or None,
        value_range=spec.value_range if spec else generation.value_range if generation else None,
        value_range_from=generation.name if generation else None,
        heads=heads,
        inputs=graph.inputs,
        outputs=graph.outputs,
        output_names=recognition.outputs if recognition else (),
        evidence=spec.evidence if spec else Evidence(),
        notes=tuple(note.removeprefix(f"{graph.source}: ") for note in notes),
        output_values=generation.output_values if generation else (),
        output_meaning=generation.output_meaning if generation else "",
        stored_operators=graph.stored_operators,
        dequantised=graph.dequantised,
        histogram=dict(Counter(op.name for op in graph.operators).most_common()),
        weights=_weights(graph),
        metadata={name: len(content) for name, content in graph.metadata.items()},
        spec=spec,
        rewrites=recognition.normal.rewrites if recognition else graph.rewrites,
        operators=tuple(_operator(op) for op in graph.operators),
        tensors=tuple(_tensor(graph, tensor) for tensor in graph.tensors),
    )


def _weights(graph: Graph) -> tuple[WeightSummary, ...]:
    kinds: dict[str, list[Tensor]] = {}
    for tensor in graph.constants():
        kinds.setdefault(_stored_as(tensor) or tensor.dtype, []).append(tensor)
    rows = [
        WeightSummary(
            stored_as=kind,
            tensors=len(tensors),
            values=sum(math.prod(t.shape) for t in tensors),
            stored_bytes=sum(t.provenance.stored_bytes for t in tensors if t.provenance),
        )
        for kind, tensors in kinds.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.values, row.stored_as)))


def _stored_as(tensor: Tensor) -> str | None:
    origin = tensor.provenance
    if origin is None:
        return None
    quantised = " quantised" if origin.quantisation is not None else ""
    return origin.dtype + quantised + (" sparse" if origin.sparsity is not None else "")


def _tensor(graph: Graph, tensor: Tensor) -> TensorSummary:
    origin = tensor.provenance
    stored = graph.stored.tensors[tensor.index] if graph.stored is not None else tensor
    return TensorSummary(
        index=tensor.index,
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        stored_as=_stored_as(tensor),
        stored_bytes=origin.stored_bytes if origin else 0,
        folded=origin.folded if origin else (),
        file_dtype=stored.dtype,
        quantisation=stored.quantisation,
    )


def _operator(op: Operator) -> OperatorSummary:
    return OperatorSummary(
        index=op.index,
        name=op.name,
        version=op.version,
        custom=op.is_custom,
        inputs=op.inputs,
        outputs=op.outputs,
        options={} if op.options is None else asdict(op.options),
    )


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """The options with values that are not finite as strings; a hostile file may hold them."""
    return {k: float_to_json(v) if isinstance(v, float) else v for k, v in options.items()}
