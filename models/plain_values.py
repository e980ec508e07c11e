"""Dataclasses from plain values (JSON's, TOML's), checked field by field."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def build(kind: type[T], values: Any, where: str) -> T:
    """A dataclass from plain values, field by field; messages call it `where`. Raises ValueError if
    a field is missing, unknown or of another type. A value that is the wanted dataclass already
    stays.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} is {type(values).__name__}, expected an object")
    hints = _hints(kind)  # type: ignore[arg-type]
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


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        if type(value) is hint:
            return value
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
