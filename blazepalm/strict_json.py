"""Reads and writes JSON as in its standard: no NaN or infinity, no number beyond float64 or 64
bits.

Where any float is allowed (a constant of a graph), values that are not finite are written as
strings, named as in Protocol Buffers' JSON: `"NaN"`, `"Infinity"`, `"-Infinity"`.
https://protobuf.dev/programming-guides/json/
"""

import json
import math
from typing import Any

from blazepalm.limits import JSON_ITEMS

MAX_DIGITS = 19  # of an integer of 64 bits

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def loads(text: str | bytes) -> Any:
    """The values of a JSON text. Raises ValueError with a one-line message, also for more items
    than `JSON_ITEMS`, before they take memory.
    """
    if isinstance(text, str):
        items = sum(map(text.count, (",", "[", "{")))
    else:
        items = sum(map(text.count, (b",", b"[", b"{")))
    if items > JSON_ITEMS:  # a comma in a name counts, too
        raise ValueError(f"{items} items, more than {JSON_ITEMS}")
    try:
        return json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, parse_int=_short_integer
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def float_to_json(value: float) -> float | str:
    """The number, or the name of a value that is not finite."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def float_from_json(value: Any) -> float:
    """The inverse of `float_to_json`. Raises ValueError."""
    if isinstance(value, str) and value in NOT_FINITE:
        return NOT_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r:.80} is not a number")
    return float(value)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _short_integer(text: str) -> int:
    if len(text) > MAX_DIGITS + text.startswith("-"):
        raise ValueError(f"the number {text[:40]} is too large")
    return int(text)
