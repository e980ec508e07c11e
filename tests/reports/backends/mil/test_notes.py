"""`buildInfo` is read as coremltools writes it; other entries and other forms are passed over."""

from typing import Any

from blazepalm.reports.backends.mil.notes import notes_of
from blazepalm.reports.backends.mil.schema import specification


def program(*entries: tuple[list[str], list[str]]) -> Any:
    found = specification().MIL_pb2.Program()
    for key, value in entries:
        pair = found.attributes["buildInfo"].immediateValue.dictionary.values.add()
        pair.key.immediateValue.tensor.strings.values.extend(key)
        pair.value.immediateValue.tensor.strings.values.extend(value)
    return found


def test_our_entries_are_read() -> None:
    found = program((["coremltools-version"], ["9.0"]), (["blazepalm.spec"], ["{}"]))
    assert notes_of(found) == {"blazepalm.spec": "{}"}


def test_what_has_another_form_is_not_ours() -> None:
    found = program(([], ["{}"]), (["blazepalm.spec"], []), (["blazepalm.spec"], ["a", "b"]))
    found.attributes["other"].immediateValue.tensor.strings.values.append("blazepalm.spec")
    assert notes_of(found) == {}


def test_a_program_without_any_stays_as_it_is() -> None:
    found = program()
    assert notes_of(found) == {}
    assert not found.attributes
