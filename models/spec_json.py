"""A spec as plain JSON values and back, checked."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, Spec
from blazepalm.models.spec_check import check_spec

T = TypeVar("T")

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


def build(kind: type[T], values: Any, where: str) -> T:
    """A dataclass from plain values, field by field; messages call it `where`. Raises ValueError if
    a field is missing, unknown or of another type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} is {type(values).__name__}, expected an object")
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"{where} has unknown fields {unknown!s:.80}")
    missing = [f.name for f in fields(kind) if _required(f) and f.name not in values]  # type: ignore[arg-type]
    if missing:
        raise ValueError(f"{where} has no {missing[0]}")
    arguments = {
        key: _convert(hints[key], value, f"{where}.{key}") for key, value in values.items()
    }
    return kind(**arguments)


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} is {type(value).__name__}, expected a list")
        items = get_args(hint)
        if items[-1] is Ellipsis:
            items = (items[0],) * len(value)
        if len(items) != len(value):
            raise ValueError(f"{where} has {len(value)} entries, expected {len(items)}")
        return tuple(
            _convert(item, v, f"{where}[{i}]")
            for i, (item, v) in enumerate(zip(items, value, strict=True))
        )
    if options := get_args(hint):  # X | None
        return None if value is None else _convert(options[0], value, where)
    if hint is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{where} is {value!r:.80}, expected {hint.__name__}")
    return value
