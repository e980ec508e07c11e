"""Which models are compared together: each detector with the landmark models of its kind, which
look where it points; models of no family alone.
"""

import re
from collections.abc import Sequence

from blazepalm.models.releases import resolve
from blazepalm.reports.engine.plan import GroupIndices, Source, open_source
from blazepalm.reports.subjects.subject import Subject

COMPANION = "palm-full"  # finds regions where landmark models are compared without a detector
KINDS = ("lite", "full")

Opened = list[tuple[Source, Subject]]


def group_models(subjects: Sequence[Subject]) -> tuple[GroupIndices, ...]:
    """Landmark models go with the detector whose name says the same kind (the word `lite` or
    `full`), else with the first; without a detector they are a group of their own.
    """
    palms = [i for i, s in enumerate(subjects) if s.family == "palm"]
    hands: dict[int | None, list[int]] = {palm: [] for palm in palms} or {None: []}
    for i, subject in enumerate(subjects):
        if subject.family == "hand":
            hands[_detector_of(subject, subjects, palms)].append(i)
    groups = [
        GroupIndices(palm, tuple(found), None, True)
        for palm, found in hands.items()
        if palm is not None or found
    ]
    groups += [GroupIndices(None, (), i, True) for i, s in enumerate(subjects) if s.family is None]
    return tuple(groups)


def with_companion(
    opened: Opened, groups: tuple[GroupIndices, ...]
) -> tuple[Opened, tuple[GroupIndices, ...]]:
    """The same, with an embedded detector for landmark models that have none."""
    if not any(group.palm is None and group.hands for group in groups):
        return opened, groups
    source = Source(COMPANION, resolve(COMPANION).read_bytes(), judged=False)
    number = len(opened)
    opened = [*opened, (source, open_source(source, workers=1, packages=None))]
    return opened, tuple(
        group._replace(palm=number, judged=False) if group.palm is None and group.hands else group
        for group in groups
    )


def _detector_of(hand: Subject, subjects: Sequence[Subject], palms: Sequence[int]) -> int | None:
    kind = _kind(hand.name)
    same = [palm for palm in palms if kind is not None and _kind(subjects[palm].name) == kind]
    return next(iter(same or palms), None)


def _kind(name: str) -> str | None:
    """The one of `KINDS` that is a word of the name; None where none is, or both are."""
    words = set(re.split(r"[\W_]+", name.lower()))
    found = [kind for kind in KINDS if kind in words]
    return found[0] if len(found) == 1 else None
