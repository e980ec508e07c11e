"""Checks long lists against a JSON Schema column by column: a fast yes, or "ask the library".

A report has some hundred thousand values, and a validator that visits them one by one takes
seconds. This one checks all values under the same schema together. It knows only the keywords
of our own schemas and leaves everything else, and any doubtful value, to the library, which
also words the error.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

Schema = Mapping[str, Any]

TYPES = {
    "number": (int, float),
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
KNOWN = {
    "type", "enum", "const", "pattern", "minimum", "maximum", "minLength", "items", "minItems",
    "maxItems", "properties", "required", "additionalProperties", "$ref", "description",
}  # fmt: skip
DEFINITIONS = "#/$defs/"


def all_keep(values: Sequence[Any], schema: Schema, definitions: Mapping[str, Schema]) -> bool:
    """True if all `values` match `schema`; False only means that the library has to check."""
    if not values:
        return True
    if not schema.keys() <= KNOWN:
        return False
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(DEFINITIONS)
        if name not in definitions or not all_keep(values, definitions[name], definitions):
            return False
    return (
        _are_of_type(values, schema)
        and _are_among(values, schema)
        and _texts_keep([v for v in values if type(v) is str], schema)
        and _numbers_keep([v for v in values if type(v) in (int, float)], schema)
        and _lists_keep([v for v in values if type(v) is list], schema, definitions)
        and _objects_keep([v for v in values if type(v) is dict], schema, definitions)
    )


def _are_of_type(values: Sequence[Any], schema: Schema) -> bool:
    if "type" not in schema:
        return True
    names = schema["type"]
    names = [names] if isinstance(names, str) else names
    return set(map(type, values)) <= {t for name in names for t in TYPES[name]}


def _are_among(values: Sequence[Any], schema: Schema) -> bool:
    wanted = [schema["const"]] if "const" in schema else schema.get("enum")
    if wanted is None:
        return True
    return set(map(type, values)) <= {str, int} and set(values) <= set(wanted)


def _texts_keep(texts: Sequence[str], schema: Schema) -> bool:
    if any(len(text) < schema.get("minLength", 0) for text in texts):
        return False
    return "pattern" not in schema or all(map(re.compile(schema["pattern"]).search, texts))


def _numbers_keep(numbers: Sequence[float], schema: Schema) -> bool:
    if not numbers:
        return True
    low, high = schema.get("minimum"), schema.get("maximum")
    return (low is None or min(numbers) >= low) and (high is None or max(numbers) <= high)


def _lists_keep(
    lists: Sequence[list[Any]], schema: Schema, definitions: Mapping[str, Schema]
) -> bool:
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
    if not all(least <= len(each) <= most for each in lists):
        return False
    if "items" not in schema:
        return True
    return all_keep(list(chain.from_iterable(lists)), schema["items"], definitions)


def _objects_keep(
    objects: Sequence[dict[str, Any]], schema: Schema, definitions: Mapping[str, Schema]
) -> bool:
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    if not all(required <= each.keys() for each in objects):
        return False
    for name, of in properties.items():
        if not all_keep([each[name] for each in objects if name in each], of, definitions):
            return False
    others = schema.get("additionalProperties", True)
    if others is True:
        return True
    if others is False:
        return all(each.keys() <= properties.keys() for each in objects)
    rest = [v for each in objects for k, v in each.items() if k not in properties]
    return all_keep(rest, others, definitions)
