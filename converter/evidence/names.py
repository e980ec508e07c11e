"""The roles of outputs, by names: keys of the signature, the metadata, the output tensors, and
the tensors between an output and its layer (`conv_handflag/MatMul`), in this order.

`Identity_1`, `PartitionedCall:2` or `output_0` say nothing. A part of a name that all outputs share
(a scope `hand_landmark/`) says nothing about any of them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.evidence.metadata import ENTRY, read_metadata
from blazepalm.converter.tflite.graph import Graph

# the first that fits a part of a name; narrower ones first
PATTERNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "hand": (
        ("handedness", r"handedness|chirality|left.*right|(^|_)lr($|_)"),
        ("presence", r"presen[cs]e|(hand)?flag|confidence|(^|_)scores?($|_)"),
        ("world_landmarks", r"world|(^|_)metric"),
        ("landmarks", r"landmark|(^|_)(conv)?ld_|keypoint|(^|_)joints?($|_)|(^|_)xyz"),
    ),
    "palm": (
        ("boxes", r"regress|(^|_)box|locations?|palm_detection$"),
        ("scores", r"classif|scores?|logits?|confidence"),
    ),
}
MAX_STEPS = 16  # tensors between an output and its layer

Guess = tuple[str | None, ...]  # each output's role, in the file's order


def roles_by_names(graph: Graph, recognition: Recognition) -> list[Guess]:
    """What each source of names says, the most reliable first; sources that say nothing are left
    out. A role that a source gives to two outputs is left out, too.
    """
    return roles_of_names(_sources(graph, recognition), recognition.family)


def roles_of_names(sources: Iterable[Sequence[str]], family: str) -> list[Guess]:
    """What each source, one text for every output, says; as `roles_by_names`."""
    patterns = PATTERNS[family]
    guesses = []
    for texts in sources:
        parts = [set(_parts(text)) for text in texts]
        shared = set.intersection(*parts) if len(parts) > 1 else set()
        found = [_role(sorted(own - shared), patterns) for own in parts]
        guess = tuple(role if found.count(role) == 1 else None for role in found)
        if any(guess) and guess not in guesses:
            guesses.append(guess)
    return guesses


def _sources(graph: Graph, recognition: Recognition) -> Iterator[Sequence[str]]:
    count = len(graph.outputs)
    stored = graph.stored
    if stored is not None and len(stored.output_keys) == count:
        yield stored.output_keys
    metadata = read_metadata(graph.metadata.get(ENTRY, b"")).outputs
    if len(metadata) == count:
        yield metadata
    yield [graph.tensors[t].name for t in graph.outputs]
    normal = recognition.normal
    if recognition.family == "hand":
        yield ["/".join(_on_the_way(normal, output)) for output in normal.outputs]


def _on_the_way(graph: Graph, output: int) -> Iterator[str]:
    """The names of tensors from an output back to its layer, and of the layer's weights."""
    tensor = output
    for _ in range(MAX_STEPS):
        yield graph.tensors[tensor].name
        op = graph.producer(tensor)
        if op is None or not op.inputs:
            return
        if op.name in ("CONV_2D", "FULLY_CONNECTED"):
            for index in op.inputs[1:]:
                if index >= 0:
                    origin = graph.tensors[index].provenance
                    yield graph.tensors[index].name if origin is None else origin.name
            return
        tensor = op.inputs[0]


def _parts(text: str) -> list[str]:
    """`a/Conv Hand-Flag;b:0` → `a`, `conv_hand_flag`, `b`, `0`."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    plain = (re.sub(r"[^a-z0-9]+", "_", part.lower()) for part in re.split(r"[/;:.]", split))
    return [part for part in plain if part]


def _role(parts: Sequence[str], patterns: Sequence[tuple[str, str]]) -> str | None:
    for role, pattern in patterns:
        if any(re.search(pattern, part) for part in parts):
            return role
    return None
