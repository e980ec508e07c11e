"""Words what msgspec refuses: the place in the document, what was expected, what was found.

msgspec names a place as `$.models[0].tools[...]`, without the key of a mapping, and does not show
the value. Both are looked up in the document, so that a person finds the place in the file.
"""

import json
import re
from typing import Any

import msgspec

from blazepalm.text import printable

MAX_SHOWN = 160  # characters of a value that a message quotes

STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]")
EXPECTED = re.compile(r"Expected (?:`(?P<kind>[^`]+)`(?P<more>.*?))(?:, got .*)?", re.DOTALL)
FIELD = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)
CHOICE = re.compile(r" matching regex '\^\(([\w ,|-]+)\)\$'")
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def first_misfit(values: Any, kind: Any, message: str) -> str:
    """One sentence: where the document `values` is not of `kind`, given msgspec's message."""
    said, _, path = message.rpartition(" - at `$")
    place, found = _look_up(values, kind, path.rstrip("`") if said else "")
    where = printable(place.removeprefix(".") or "the whole")[-MAX_SHOWN:]
    return f"{where}: {_why(said or message, found)}"


def short(value: Any) -> str:
    """A value of a file, shortened and harmless."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = "a deep nest"
    text = printable(text)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _why(said: str, found: Any) -> str:
    if field := FIELD.fullmatch(said):
        what = "is unknown" if field[1] == "contains unknown" else "is missing"
        return f"{short(field[2])} {what}"
    if expected := EXPECTED.fullmatch(said):
        choice = CHOICE.fullmatch(expected["more"])
        kinds = [KINDS.get(kind, kind) for kind in expected["kind"].split(" | ")]
        wanted = f"one of {choice[1].replace('|', ', ')}" if choice else " or ".join(kinds)
        more = "" if choice else expected["more"]
        return f"expected {wanted}{more}, found {short(found)}"
    return f"{short(said)}, found {short(found)}"


def _look_up(values: Any, kind: Any, path: str) -> tuple[str, Any]:
    """The path with the keys of mappings, and the value there."""
    place, at = "", values
    for step in STEP.finditer(path):
        if step[1] is not None:
            place, at = f"{place}.{step[1]}", at[step[1]]
        elif step[2] is not None:
            place, at = f"{place}[{step[2]}]", at[int(step[2])]
        else:
            key = _refused_key(values, kind, at)
            place, at = f"{place}.{key}", at[key]
    return place, at


def _refused_key(values: Any, kind: Any, mapping: dict[str, Any]) -> str:
    """The key of `mapping`, within `values`, whose value is refused: found by halving it."""
    whole = dict(mapping)
    entries = list(whole.items())
    while len(entries) > 1:
        half = entries[: len(entries) // 2]
        mapping.clear()
        mapping.update(half)
        entries = half if _is_refused(values, kind) else entries[len(half) :]
    mapping.clear()
    mapping.update(whole)
    return entries[0][0]


def _is_refused(values: Any, kind: Any) -> bool:
    try:
        msgspec.convert(values, kind)
    except (msgspec.ValidationError, UnicodeEncodeError):  # … of half a surrogate pair
        return True
    return False
