"""What a planted fault is: a changed copy, and where the change is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blazepalm.reports.backends.backend import Backend
from blazepalm.reports.layers.values import Candidate
from blazepalm.reports.subjects.subject import Subject

Stage = Mapping[str, Callable[..., Any]]  # field of a chain → what takes its place


@dataclass(frozen=True)
class Planted:
    """One fault in one model. `place`: the torch call's name, or the stage, where it is.
    `candidate`: the spoilt module; `stages`: spoilt functions of the chain; `answer`: what
    comes instead of a backend's outputs.
    """

    place: str
    candidate: Candidate | None = None
    stages: Stage = field(default_factory=dict)
    answer: Callable[[Backend], Backend] | None = None


@dataclass(frozen=True)
class Fault:
    """`plant` gives None where a model has no place for it (no PReLU, no anchors)."""

    name: str
    plant: Callable[[Subject], Planted | None]
