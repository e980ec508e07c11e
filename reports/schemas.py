"""JSON Schema (2020-12) of the files that blazepalm writes, made from the types that check them."""

from typing import Any

from msgspec import json

from blazepalm.errors import InvalidInput, unknown_name

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMAS = ("parity", "ios-results", "recording", "detections")


def json_schema(name: str) -> dict[str, Any]:
    """The schema of one kind of file in `SCHEMAS`. Raises InvalidInput for another name.

    A field is required unless its default is null: what has another default is written all the
    same. What a schema cannot express (a case has as many values as there are rows) is not in it.
    """
    from blazepalm.reports.device.results import HarnessResults
    from blazepalm.reports.hands.detections import Detections
    from blazepalm.reports.judge.report import ParityReport
    from blazepalm.reports.recording.recorded_file import RecordedFile

    if name not in SCHEMAS:
        raise InvalidInput(unknown_name("schema", name, SCHEMAS))
    kinds: tuple[Any, ...] = (ParityReport, HarnessResults, RecordedFile, Detections)
    found = json.schema(kinds[SCHEMAS.index(name)])
    for part in found["$defs"].values():
        fields = part["properties"].items()
        part["required"] = [key for key, value in fields if value.get("default", "") is not None]
        part["description"] = " ".join(part["description"].split())
        if name != "ios-results":  # a newer harness may add fields
            part["additionalProperties"] = False
    return {"$schema": DIALECT, "title": f"blazepalm {name}", **found}
