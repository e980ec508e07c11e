"""Groups the models to compare together: each detector with the landmark models of its kind, which
get their regions from it; a model of no known family is a group of its own.
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
    """Landmark models join the detector whose name has the same kind (the word `lite` or `full`),
    else the first detector; without a detector they form a group of their own.
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
    opened: Opened, groups: tuple[GroupIndices, ...], cache: bool = False
) -> tuple[Opened, tuple[GroupIndices, ...]]:
    """Groups as `group_models`, and adds an embedded detector for landmark models without one."""
    if not any(group.palm is None and group.hands for group in groups):
        return opened, groups
    source = Source(COMPANION, resolve(COMPANION).read_bytes(), judged=False)
    number = len(opened)
    opened = [*opened, (source, open_source(source, workers=1, packages=None, cache=cache))]
    return opened, tuple(
        group._replace(palm=number, judged=False) if group.palm is None and group.hands else group
        for group in groups
    )


def _detector_of(hand: Subject, subjects: Sequence[Subject], palms: Sequence[int]) -> int | None:
    kind = _kind(hand.name)
    same = [palm for palm in palms if kind is not None and _kind(subjects[palm].name) == kind]
    return next(iter(same or palms), None)


def _kind(name: str) -> str | None:
    """The one of `KINDS` that is a word of the name; None if none or both are."""
    words = set(re.split(r"[\W_]+", name.lower()))
    found = [kind for kind in KINDS if kind in words]
    return found[0] if len(found) == 1 else None
