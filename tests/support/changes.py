"""The parts of a manifest or recording, as JSON values, that tests damage."""

from typing import Any


def first_case(values: dict[str, Any]) -> dict[str, Any]:
    """The first case."""
    found: dict[str, Any] = values["cases"][0]
    return found


def first_hand(values: dict[str, Any]) -> dict[str, Any]:
    """The first hand of the first case."""
    found: dict[str, Any] = first_case(values)["hands"][0]
    return found
