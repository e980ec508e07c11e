"""Reads our JSON files back into structs: bounds their size and reports one error.

JSON itself is read strictly: no NaN or infinity, no number beyond float64 or 64 bits. The structs
check the values (`blazepalm report schema` shows them as JSON Schema); what they cannot express
(a case has as many values as there are rows) is checked here too.
"""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from blazepalm import strict_json
from blazepalm.errors import ArtifactError
from blazepalm.limits import JSON_BYTES
from blazepalm.misfit import first_misfit, short
from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.judge.report import FORMAT, FORMAT_VERSION, ParityReport

REPORT_FILE = "parity.json"

T = TypeVar("T")


def read_report(path: str | Path) -> ParityReport:
    """A parity report: the file, or `parity.json` in the folder. Raises ArtifactError."""
    path = Path(path)
    path = path / REPORT_FILE if path.is_dir() else path
    return report_from(read_json(path), str(path))


def report_from(values: Any, source: str) -> ParityReport:
    """The report that a file's values are. Raises ArtifactError; `source` names the file."""
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ArtifactError(f"{source}: is not a parity report; give a {REPORT_FILE} from parity")
    if values.get("version") != FORMAT_VERSION:
        version = short(values.get("version"))
        raise ArtifactError(
            f"{source}: report version {version} is not supported, only {FORMAT_VERSION}; "
            "run parity again"
        )
    report = typed(values, ParityReport, "parity", source)
    if missing := set(Limits.__struct_fields__) - values["limits"].keys():
        raise _misfit("parity", source, f"limits: {min(missing)} is missing")
    for case in report.cases:
        if len(case.values) != len(report.rows):
            raise ArtifactError(
                f"{source}: case {short(case.name)} has {len(case.values)} values for "
                f"{len(report.rows)} rows; run parity again"
            )
    if report.tightest is not None and not 0 <= report.tightest.row < len(report.rows):
        raise ArtifactError(
            f"{source}: tightest.row is {report.tightest.row} of {len(report.rows)} rows; "
            "run parity again"
        )
    return report


def typed(values: Any, kind: type[T], schema: str, source: str) -> T:
    """JSON values as a struct. Raises ArtifactError naming the first place in `source` that
    violates `schema`.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise _misfit(schema, source, first_misfit(values, kind, str(error))) from error
    except UnicodeEncodeError as error:  # half a surrogate pair where only some text is allowed
        raise _misfit(schema, source, f"{error.object!a:.80} is not text") from error


def read_json(path: Path) -> Any:
    """The values of a JSON file. Raises ArtifactError."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ArtifactError(f"{path}: is not a file")
        if size > JSON_BYTES:
            raise ArtifactError(f"{path}: has {size} bytes, at most {JSON_BYTES} are read")
        text = path.read_bytes().decode("utf-8")
        return strict_json.loads(text)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # not UTF-8, not JSON, or a refused number
        raise ArtifactError(f"{path}: cannot be read as JSON: {short(str(error))}") from error


def _misfit(schema: str, source: str, what: str) -> ArtifactError:
    return ArtifactError(f"{source}: does not match the schema {schema}: {what}")
