"""Maps each TFLite operator to its torch call and its MIL operation.

Matches by value: on seeded noise the intact modules produce the same bits, whatever the names.
If a MIL value differs from torch's in its bits (a different kernel computes it), matches by the
name that the exporter gives the call (`converter.coreml.names`).
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from blazepalm.reports.cases.inputs import noise
from blazepalm.reports.layers.values import (
    Candidate,
    Named,
    run_lowered,
    run_program,
    run_traced,
)
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.reports.backends.mil import Program

JOIN_SEED = 20201104


@dataclass(frozen=True)
class Joined:
    """For each TFLite tensor that an operator outputs: the torch call's name in the trace, the
    module that holds the operator's weights (else the call's location), and the name of the MIL
    value; None if it has no counterpart.
    """

    operator: int
    tensor: int
    node: str | None
    module: str | None
    mil: str | None


def join(subject: Subject, candidate: Candidate, program: "Program | None") -> tuple[Joined, ...]:
    """Finds each TFLite tensor among the values of the torch module (its calls are `candidate`)
    and those of the MIL program.
    """
    from blazepalm.converter.coreml.names import identifier  # imports torch

    graph, converted = subject.converted.graph, subject.converted
    inputs = subject.inputs(noise(subject.input_shape, subject.value_range, JOIN_SEED, 0))
    lowered = run_lowered(converted.generic, inputs)
    traced, face = candidate
    nodes = _by_digest(run_traced(traced, face, inputs))
    places = {node.name: path for node, path in traced.paths.items()}
    modules = converted.recognition.modules if converted.recognition else {}
    computed = {} if program is None else run_program(program, inputs)
    values = _by_digest(computed)
    found = []
    for operator in graph.operators:
        for index in operator.outputs:
            if index not in lowered:
                continue
            key = _digest(lowered[index])
            node = nodes[key].pop(0) if nodes.get(key) else None
            mil = values[key].pop(0) if values.get(key) else None
            call = None if node is None else places.get(node)
            if mil is None and call is not None and identifier(call) in computed:
                mil = identifier(call)
            place = modules.get(operator.index) or call
            found.append(Joined(operator.index, index, node, place, mil))
    return tuple(found)


def _by_digest(values: Named) -> dict[str, list[str]]:
    """Names by the digest of their values, in order of computation."""
    found: dict[str, list[str]] = {}
    for name, value in values.items():
        found.setdefault(_digest(value), []).append(name)
    return found


def _digest(value: np.ndarray) -> str:
    """Digest of the bits in C order, ignoring the shape, so that a reshape matches."""
    return hashlib.sha256(np.ascontiguousarray(value, np.float32).tobytes()).hexdigest()
