"""A planted fault: a changed copy, and the place of the change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blazepalm.reports.backends.backend import Backend
from blazepalm.reports.layers.values import Candidate
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.reports.backends.mil_package import Executed

Stage = Mapping[str, Callable[..., Any]]  # field of a chain → its replacement


@dataclass(frozen=True)
class Planted:
    """One fault in one model. `place`: the torch call or the stage with the fault.
    `candidate`: the changed module; `stages`: changed functions of the chain; `answer`: what
    replaces a backend's outputs; `misread`: the subject, read wrongly by all backends alike;
    `halves`: the float16 package twice, adding up in float32 and in float16 at that place.
    """

    place: str
    candidate: Candidate | None = None
    stages: Stage = field(default_factory=dict)
    answer: Callable[[Backend], Backend] | None = None
    misread: Subject | None = None
    halves: "tuple[Executed, Executed] | None" = None


@dataclass(frozen=True)
class Fault:
    """`plant` returns None if a model has no place for the fault (no PReLU, no anchors)."""

    name: str
    plant: Callable[[Subject], Planted | None]
