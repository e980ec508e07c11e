"""Specs survive JSON; damaged ones are refused, naming the place."""

import json
from typing import Any

import pytest

from blazepalm.models.spec_json import spec_from_dict, spec_to_dict
from support.records import palm_spec


def test_round_trip_through_json() -> None:
    spec = palm_spec()
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(spec)))) == spec
    assert spec.keypoints == 7
    assert spec.anchors == 16 * 16 * 2 + 8 * 8 * 6


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("family",), "foot", "family 'foot'"),
        (("coordinates",), "18", "spec.coordinates is '18', expected int"),
        (("coordinates",), True, "spec.coordinates is True, expected int"),
        (("input_size",), [32], "spec.input_size has 1 entries, expected 2"),
        (("heads",), 3, "spec.heads is int, expected a list"),
        (("backbone",), [], "spec.backbone is list, expected an object"),
        (("backbone", "stem", "stride"), None, "spec.backbone.stem.stride is None"),
        (("backbone", "colour"), 1, "spec.backbone has unknown fields ['colour']"),
    ],
)
def test_damaged_specs_name_the_place(path: tuple[str, ...], value: Any, words: str) -> None:
    values: Any = json.loads(json.dumps(spec_to_dict(palm_spec())))
    target = values
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(ValueError, match="^") as caught:
        spec_from_dict(values)
    assert words in str(caught.value)


def test_a_missing_field_is_refused() -> None:
    values = spec_to_dict(palm_spec())
    del values["backbone"]
    with pytest.raises(ValueError, match="backbone"):
        spec_from_dict(values)
