"""A spec as plain JSON values and back, checked."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from blazepalm.models.plain_values import build
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, Spec
from blazepalm.models.spec_check import check_spec

FAMILIES: dict[str, type[PalmDetectorSpec] | type[HandLandmarksSpec]] = {
    "palm": PalmDetectorSpec,
    "hand": HandLandmarksSpec,
}


def spec_to_dict(spec: Spec) -> dict[str, Any]:
    """Plain dicts, lists and numbers, with the family under `"family"`."""
    family = next(name for name, kind in FAMILIES.items() if isinstance(spec, kind))
    return {"family": family, **asdict(spec)}


def spec_from_dict(values: Mapping[str, Any]) -> Spec:
    """The inverse of `spec_to_dict`, through JSON or not.

    Raises ValueError if a field is missing, unknown or of another type, or if the values describe
    no network that can be built.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"spec is {type(values).__name__}, expected an object")
    kind = FAMILIES.get(str(values.get("family")))
    if kind is None:
        raise ValueError(
            f"spec has family {values.get('family')!r:.80}, expected one of {list(FAMILIES)}"
        )
    spec = build(kind, {key: value for key, value in values.items() if key != "family"}, "spec")
    check_spec(spec)
    return spec
