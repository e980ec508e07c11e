"""Reads our JSON files back: bounds their size, checks their schema, and reports one error.

The schemas are `reports/stored/schemas/*.schema.json` (JSON Schema 2020-12). JSON itself is read
strictly: no NaN or infinity, no number beyond float64 or 64 bits. What a schema cannot
express (a case has as many values as there are rows) is checked here too.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import convert

from blazepalm import strict_json
from blazepalm.errors import ArtifactError
from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.report import FORMAT, FORMAT_VERSION
from blazepalm.reports.stored.json_schema import all_keep
from blazepalm.text import printable

SCHEMAS = Path(__file__).parent / "schemas"
PARITY, IOS_RESULTS = "parity", "ios-results"

REPORT_FILE = "parity.json"
MAX_BYTES = 256 << 20  # default limit on a file's size
ABOUT = ("$schema", "$id", "$defs", "title")  # not constraints
MAX_SHOWN = 160  # characters of a value that a message quotes


def read_report(path: str | Path) -> dict[str, Any]:
    """A parity report: the file, or `parity.json` in the folder. Raises ArtifactError."""
    path = Path(path)
    path = path / REPORT_FILE if path.is_dir() else path
    values = read_json(path)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ArtifactError(f"{path}: is not a parity report; give a {REPORT_FILE} from parity")
    if values.get("version") != FORMAT_VERSION:
        version = _short(values.get("version"))
        raise ArtifactError(
            f"{path}: report version {version} is not supported, only {FORMAT_VERSION}; "
            "run parity again"
        )
    validate(values, PARITY, str(path))
    for case in values["cases"]:
        if len(case["values"]) != len(values["rows"]):
            raise ArtifactError(
                f"{path}: case {_short(case['name'])} has {len(case['values'])} values for "
                f"{len(values['rows'])} rows; run parity again"
            )
    return values


def read_rows(report: Mapping[str, Any]) -> tuple[Row, ...]:
    """The rows of a report that `validate` accepted."""
    return convert(report["rows"], tuple[Row, ...])


def validate(values: Any, schema: str, source: str) -> None:
    """Raises ArtifactError naming the first place in `source` that violates `schema`."""
    wanted = load_schema(schema)
    known = {k: v for k, v in wanted.items() if k not in ABOUT}
    if all_keep([values], known, wanted["$defs"]):
        return
    error = next(_validator(schema).iter_errors(values), None)
    if error is not None:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        where = printable(place.removeprefix(".") or "the whole")[-MAX_SHOWN:]
        raise ArtifactError(f"{source}: does not match the schema {schema}: {where}: {_why(error)}")


def read_json(path: Path, most_bytes: int = MAX_BYTES) -> Any:
    """The values of a JSON file. Raises ArtifactError."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ArtifactError(f"{path}: is not a file")
        if size > most_bytes:
            raise ArtifactError(f"{path}: has {size} bytes, at most {most_bytes} allowed")
        text = path.read_bytes().decode("utf-8")
        return strict_json.loads(text)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # not UTF-8, not JSON, or a refused number
        raise ArtifactError(f"{path}: is not JSON: {_short(str(error))}") from error


@lru_cache(maxsize=4)
def load_schema(name: str) -> Mapping[str, Any]:
    """One of the schemas beside this file."""
    text = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


@lru_cache(maxsize=4)
def _validator(name: str) -> Any:
    """jsonschema's validator of one schema."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(load_schema(name))


def _why(error: Any) -> str:
    """The library's message, with the offending value shortened."""
    if error.validator in ("required", "additionalProperties"):
        return _short(error.message)
    wanted = {"type": "of type", "const": "the constant", "enum": "one of"}
    if error.validator in wanted:
        return (
            f"{_short(error.instance)} is not {wanted[error.validator]} "
            f"{json.dumps(error.validator_value)}"
        )
    return f"{_short(error.instance)} violates {error.validator} {error.validator_value}"


def _short(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = "a deep nest"
    text = printable(text)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
