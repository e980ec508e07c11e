"""A report on a file's contents: operators, tensors, weights, family, heads, value range.

For a known release, runs no model and does not import torch. For another file of a known family,
what the file does not state (roles of outputs, value range, generation) is found by evidence
(`converter.evidence`), which runs the network; the report says by which.
"""

import hashlib
import math
import os
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

from blazepalm.converter.architecture import examine
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides, settle
from blazepalm.converter.gesture_structure import recognise_gestures
from blazepalm.converter.heads import heads_of
from blazepalm.converter.inspection import (
    Inspection,
    ModelInspection,
    OperatorSummary,
    TensorSummary,
    WeightSummary,
)
from blazepalm.converter.known import network_of, release_of
from blazepalm.converter.tflite import read_bytes, read_members
from blazepalm.converter.tflite.graph import Graph, Operator, Tensor
from blazepalm.errors import InvalidInput, InvalidModel, check_path
from blazepalm.models.gesture_spec import GestureSpec
from blazepalm.models.release_registry import load_registry
from blazepalm.models.releases import find_generation, resolve
from blazepalm.models.spec import Evidence


def inspect(file_or_release: str | Path, overrides: Overrides = NO_OVERRIDES) -> Inspection:
    """Inspects a file, a bundle (every member that can be read) or a release. `overrides` state
    what the files do not. Raises UnknownRelease or InvalidModel if there is nothing to report, and
    InvalidInput if `overrides` do not fit.
    """
    check_path(file_or_release, "a release, a file or a folder")
    if os.path.isdir(file_or_release):
        from blazepalm.converter.folder import is_converted

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
    from blazepalm.converter.folder import described, original
    from blazepalm.converter.loading import read_record, structure_of

    if overrides != NO_OVERRIDES:
        raise InvalidInput(f"{folder}: a converted folder states its outputs, range and generation")
    found = original(folder)
    spec = structure_of(folder, read_record(folder))
    model = inspect_graph(read_bytes(found.content, found.source))
    note = f"shown: {described(found)}, by {folder}"
    model = replace(model, notes=(*model.notes, note))
    if not isinstance(spec, Graph | GestureSpec):
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
    gesture = recognise_gestures(graph)[0] if recognition is None else None
    heads = heads_of(graph)
    release = release_of(graph)
    known = recognition or gesture
    family = known.family if known else None
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
        unrecognised_because=None if gesture is not None else reason or None,
        value_range=spec.value_range if spec else generation.value_range if generation else None,
        value_range_from=generation.name if generation else None,
        heads=heads,
        inputs=graph.inputs,
        outputs=graph.outputs,
        output_names=known.outputs if known else (),
        evidence=spec.evidence if spec else Evidence(),
        notes=tuple(note.removeprefix(f"{graph.source}: ") for note in notes),
        output_values=generation.output_values if generation else graph.labels,
        output_meaning=generation.output_meaning if generation else "",
        stored_operators=graph.stored_operators,
        dequantised=graph.dequantised,
        histogram=dict(Counter(op.name for op in graph.operators).most_common()),
        weights=_weights(graph),
        metadata={name: len(content) for name, content in graph.metadata.items()},
        spec=gesture.spec if gesture is not None else spec,
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
