"""A recognised network → the same with the roles of its outputs, its value range, thresholds and
generation settled by evidence, and a warning for whatever had to be assumed or is contradicted.

What the user states comes first, then a known release. For any other file all evidence is
collected: it may be contradictory. Weights and behaviour show what the network really does, so they
overrule names.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.evidence.generation import settle_generation, settle_value_range
from blazepalm.converter.evidence.kinds import BEHAVIOUR, NAMES, WEIGHTS, Notice
from blazepalm.converter.evidence.names import roles_by_names
from blazepalm.converter.evidence.overrides import Overrides
from blazepalm.converter.evidence.roles import (
    Source,
    are_possible,
    renamed,
    roles_by_weights,
    settle_roles,
    stated_roles,
)
from blazepalm.converter.known import release_of
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import UnsupportedOperator
from blazepalm.models.generation import Generation
from blazepalm.models.spec import Evidence, PalmDetectorSpec, Spec

if TYPE_CHECKING:  # needed only for a network that is no known release
    from blazepalm.converter.evidence.behaviour import Outputs, Seen
    from blazepalm.converter.evidence.known_weights import Known


def settle(
    graph: Graph, recognition: Recognition, overrides: Overrides, notice: Notice
) -> Recognition:
    """`recognition` with named outputs and a complete spec. Only for a network that is no known
    release, torch is imported and the network is run. Raises InvalidInput if stated outputs do not
    fit the file.
    """
    release = release_of(graph)
    if release is not None and release.family != recognition.family:
        release = None
    stated = stated_roles(graph, recognition, overrides)

    def warn(message: str) -> None:
        notice(f"{graph.source}: {message}")

    known: Known | None = None
    seen: Seen | None = None
    sources: list[Source] = []
    if release is None:
        from blazepalm.converter.evidence.known_weights import known_weights

        known = known_weights(recognition)
        seen = watched(recognition)
        guesses = roles_by_names(graph, recognition)
        sources = [(NAMES, guess) for guess in guesses if are_possible(guess, recognition)]
        if known is not None:
            sources.append((WEIGHTS, roles_by_weights(recognition, known)))
        if seen is not None:
            sources.append((BEHAVIOUR, seen.outputs))
    roles = settle_roles(graph, recognition, release, stated, sources, warn)
    generation, by = settle_generation(recognition, release, overrides, known, roles, warn)
    spec = with_generation(recognition.spec, generation)
    value_range, range_by = settle_value_range(
        graph, release, overrides, generation, known, seen, warn
    )
    spec = replace(
        spec,
        value_range=value_range,
        evidence=Evidence(tuple(roles.items()), range_by, by),
    )
    settled = renamed(replace(recognition, spec=spec), tuple(roles))
    if seen is not None:
        _tell(seen, warn)
    return settled


def with_generation(spec: Spec, generation: Generation) -> Spec:
    """The spec with the values that the file does not hold: value range, thresholds, and the name
    of the generation that defines these and the region rule.
    """
    if isinstance(spec, PalmDetectorSpec):
        return replace(
            spec,
            value_range=generation.value_range,
            score_threshold=generation.score_threshold,
            suppression_iou=generation.suppression_iou,
            generation=generation.name,
        )
    return replace(
        spec,
        value_range=generation.value_range,
        presence_threshold=generation.presence_threshold,
        z_scale=generation.normalize_z,
        generation=generation.name,
    )


def watched(recognition: Recognition) -> "Seen | None":
    """What the network does; None if it cannot be run."""
    import torch

    from blazepalm.converter.evidence.behaviour import watch
    from blazepalm.converter.lowering import lower
    from blazepalm.converter.threads import one_torch_thread

    graph = recognition.normal
    try:
        module = lower(graph)
    except UnsupportedOperator:
        return None
    batch = graph.tensors[graph.inputs[0]].shape[0] if module.batch_fixed_by is not None else 1

    def run(image: NDArray[np.float32]) -> "Outputs":
        images = torch.from_numpy(np.repeat(image, batch, axis=0))
        with torch.no_grad():
            return [value[:1].double().numpy().reshape(-1) for value in module(images)]

    with one_torch_thread(), np.errstate(all="ignore"):
        return watch(recognition, run)


def summary(spec: Spec) -> str:
    """How everything was found, in half a sentence."""
    by = spec.evidence
    low, high = spec.value_range
    kinds = dict.fromkeys(evidence for _, evidence in by.outputs)
    if len(kinds) == 1:
        roles = f"outputs named by {next(iter(kinds))}"
    else:
        roles = ", ".join(f"{role} by {evidence}" for role, evidence in by.outputs)
    return (
        f"{roles}; value range {low:g}..{high:g} by {by.value_range}; "
        f"generation {spec.generation} by {by.generation}"
    )


def _tell(seen: "Seen", warn: Notice) -> None:
    if not seen.sees:
        warn("it does not find the rendered hands, whatever its outputs and range are taken for")
    if seen.mirrored:
        warn("its handedness is high for left hands, the reverse of every known release")
