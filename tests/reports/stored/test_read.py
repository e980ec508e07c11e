"""Reports against their schema, with jsonschema as the witness, and every kind of bad file."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from blazepalm.converter.weights import TensorMapRow
from blazepalm.errors import ArtifactError
from blazepalm.reports.compare.meters import Difference, Range, Worst
from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.judge.report import (
    BackendSummary,
    CaseResult,
    Failure,
    ModelParity,
    OutputFacts,
    ParityReport,
    plain,
)
from blazepalm.reports.stored import read as subject
from blazepalm.reports.stored.json_schema import all_keep
from blazepalm.reports.stored.read import load_schema, read_report, read_rows, validate
from support import report_samples
from support.device_results import write

SAMPLES: tuple[Callable[[], dict[str, Any]], ...] = (
    report_samples.passing,
    report_samples.failing,
    report_samples.hostile,
)
NEW = (None, True, -1, 0, 1.5, "x", "", [], {}, ["x"], [1, 2, 3, 4], {"a": 1}, 10**18)


def names_of(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else kind.__struct_fields__


def written(values: Any, path: Path) -> Path:
    path.write_bytes(json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    return path


@pytest.mark.parametrize("name", ["parity", "ios-results"])
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema(name))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.__name__)
def test_reports_keep_it(sample: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    values = sample()
    jsonschema.Draft202012Validator(load_schema("parity")).validate(values)
    assert read_report(written(values, tmp_path / "parity.json")) == values
    assert read_report(tmp_path) == values, "a folder stands for the report in it"
    rows = read_rows(values)
    assert rows and [plain(row) for row in rows] == values["rows"]


def test_schema_names_the_dataclasses_fields() -> None:
    definitions = load_schema("parity")["$defs"]
    for name, kind, left_out in (
        ("row", Row, set()),
        ("difference", Difference, set()),
        ("worst", Worst, set()),
        ("range", Range, set()),
        ("output", OutputFacts, set()),
        ("backend", BackendSummary, set()),
        ("model", ModelParity, {"seconds"}),
        ("case", CaseResult, set()),
        ("failure", Failure, set()),
        ("limits", Limits, set()),
        ("tensor_map_row", TensorMapRow, set()),
    ):
        names = set(names_of(kind)) - left_out
        assert names == set(definitions[name]["properties"]) == set(definitions[name]["required"])
    top = set(ParityReport.__struct_fields__) - {"seconds", "resumed"}
    assert top <= set(load_schema("parity")["properties"])


def test_objects_are_closed() -> None:
    values = report_samples.passing()
    for place in (values, values["rows"][0], values["models"][0], values["limits"]):
        place["more"] = 1
        with pytest.raises(ArtifactError, match="'more' was unexpected"):
            validate(values, "parity", "x")
        del place["more"]
    validate(values, "parity", "x")


def test_the_fast_way_says_what_the_library_says(tmp_path: Path) -> None:
    """With randomly planted values, the fast check never accepts what jsonschema refuses."""
    dice = random.Random(5)
    refused = 0
    for name, sample in (
        ("parity", _small(report_samples.passing())),
        ("ios-results", write(tmp_path).values),
    ):
        schema = load_schema(name)
        definitions = schema["$defs"]
        known = {k: v for k, v in schema.items() if not k.startswith("$") and k != "title"}
        library = jsonschema.Draft202012Validator(schema)
        assert all_keep([sample], known, definitions) and library.is_valid(sample)
        places = list(_places(sample))
        for _ in range(150):
            values = copy.deepcopy(sample)
            place = dice.choice(places)
            _plant(values, place, dice)
            allowed = library.is_valid(values)
            refused += not allowed
            assert not all_keep([values], known, definitions) or allowed, place
    assert refused > 150


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(format="x"), "is not a parity report"),
        (lambda v: v.update(version=1), "report version 1 is not supported, only 3"),
        (lambda v: v.update(version=None), "report version null is not supported"),
        (lambda v: v["rows"][3].update(value="3"), 'rows[3].value: 3 is not of type ["number"'),
        (lambda v: v["rows"][3].update(status="good"), "rows[3].status: good is not one of"),
        (lambda v: v["rows"][3].pop("judge"), "rows[3]: 'judge' is a required property"),
        (lambda v: v["models"][0].update(sha256="x" * 64), "models[0].sha256: xxx"),
        (lambda v: v["cases"][1]["values"].pop(), "values for"),
        (lambda v: v["cases"].append({"\x1b[2J": 1}), "cases[12]: "),
        (lambda v: v.update(models="\x1b]0;x\x07" * 9000), r"models: \x1b]0;x\x07"),
    ],
)
def test_one_sentence_names_the_place(
    change: Callable[[dict[str, Any]], Any], said: str, tmp_path: Path
) -> None:
    values = report_samples.passing()
    change(values)
    with pytest.raises(ArtifactError) as refused:
        read_report(written(values, tmp_path / "parity.json"))
    message = str(refused.value)
    assert said in message and message.isprintable() and len(message) < 600
    assert message.startswith(str(tmp_path / "parity.json"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[1]", "is not a parity report"),
        (b"null", "is not a parity report"),
        (b'{"format": NaN}', "NaN is not a JSON number"),
        (b'{"format": 1e400}', "too large"),
        (b'{"format": ' + b"9" * 5000 + b"}", "too large"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_report(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "parity.json"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=said):
        read_report(path)


def test_size_is_bounded_and_absence_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArtifactError, match="No such file"):
        read_report(tmp_path / "none.json")
    with pytest.raises(ArtifactError, match="No such file"):
        read_report(tmp_path)
    path = tmp_path / "parity.json"
    with path.open("wb") as file:
        file.truncate(subject.MAX_BYTES + 1)
    with pytest.raises(ArtifactError, match="at most"):
        read_report(path)


def _small(values: dict[str, Any]) -> dict[str, Any]:
    """A report with a little of everything, small enough to check repeatedly."""
    model = values["models"][0]
    model["tensor_map"] = model["tensor_map"][:2]
    model["layers"]["rows"] = model["layers"]["rows"][:2]
    values["cases"] = values["cases"][:2]
    for case in values["cases"]:
        case["values"] = case["values"][:4]
        case["hands"] = {"pair": {"torch": case["hands"].popitem()[1]["torch"]}}
    values |= {
        "models": [model], "rows": values["rows"][:4],
        "accuracy": values["accuracy"][:1], "cases": values["cases"][:2],
    }  # fmt: skip
    return values


def _places(values: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    items = values.items() if isinstance(values, dict) else enumerate(values)
    if isinstance(values, dict | list):
        for key, value in items:
            if isinstance(value, dict | list):
                yield from _places(value, (*at, key))
            else:
                yield (*at, key)


def _plant(values: Any, place: tuple[Any, ...], dice: random.Random) -> None:
    for step in place[:-1]:
        values = values[step]
    if isinstance(values, dict) and dice.random() < 0.2:
        del values[place[-1]]
    else:
        values[place[-1]] = dice.choice(NEW)
