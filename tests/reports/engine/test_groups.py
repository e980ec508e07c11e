"""Which detector supplies regions to which landmark models."""

import re
from types import SimpleNamespace
from typing import Any

from blazepalm.reports.engine.groups import group_models, with_companion
from blazepalm.reports.engine.plan import GroupIndices, Source, make_groups


def subjects(*names: str) -> Any:
    """Subjects with these names; a name's first word is its family, none for `other`."""
    family = {"palm": "palm", "hand": "hand"}
    return [SimpleNamespace(name=n, family=family.get(re.split("[-_]", n)[0])) for n in names]


def test_each_detector_has_the_landmarks_of_its_kind() -> None:
    models = subjects("hand-full", "palm-lite", "hand-lite", "palm-full", "other")
    assert group_models(models) == (
        GroupIndices(1, (2,), None, True),
        GroupIndices(3, (0,), None, True),
        GroupIndices(None, (), 4, True),
    )


def test_landmarks_of_no_kind_go_with_the_first_detector() -> None:
    models = subjects("palm-2020", "palm-full", "hand-2019", "hand-full")
    assert group_models(models) == (
        GroupIndices(0, (2,), None, True),
        GroupIndices(1, (3,), None, True),
    )


def test_a_kind_is_a_whole_word() -> None:
    models = subjects("palm-2020", "palm-lite", "palm_detection_full", "hand-fuller", "hand-lites")
    assert [group.hands for group in group_models(models)] == [(3, 4), (), ()]
    models = subjects("palm-lite", "palm-full", "hand_landmark_full", "hand-lite-or-full")
    assert [group.hands for group in group_models(models)] == [(3,), (2,)]


def test_without_a_detector_an_embedded_one_is_taken_along() -> None:
    models = subjects("hand-a", "hand-b")
    groups = group_models(models)
    assert groups == (GroupIndices(None, (0, 1), None, True),)
    opened, found = with_companion([(Source(m.name, b""), m) for m in models], groups)
    source, companion = opened[-1]
    assert (source.name, source.judged, companion.family) == ("palm-full", False, "palm")
    assert companion.names == ("tflite",), "it finds regions, no more"
    (group,) = make_groups(found, [subject for _, subject in opened])
    assert group.palm is companion and group.subjects == tuple(models)


def test_who_has_a_detector_needs_no_other() -> None:
    models = subjects("palm-full", "hand-full")
    opened: Any = [(Source(m.name, b""), m) for m in models]
    assert with_companion(opened, group_models(models)) == (opened, group_models(models))
    assert group_models([]) == ()
