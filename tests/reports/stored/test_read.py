"""Reports against their schema, with jsonschema as the witness, and every kind of bad file."""

import copy
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from blazepalm.errors import ArtifactError
from blazepalm.reports.device.results import HarnessResults
from blazepalm.reports.judge.report import ParityReport, as_stored
from blazepalm.reports.schemas import json_schema
from blazepalm.reports.stored import read as subject
from blazepalm.reports.stored.read import read_report, report_from, typed
from support import report_samples
from support.device_results import write

SAMPLES: tuple[Callable[[], dict[str, Any]], ...] = (
    report_samples.passing,
    report_samples.failing,
    report_samples.hostile,
)
NEW = (None, True, -1, 0, 1.5, "x", "", [], {}, ["x"], [1, 2, 3, 4], {"a": 1}, 10**18)


SCHEMA = jsonschema.Draft202012Validator(json_schema("parity"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.__name__)
def test_reports_keep_it(sample: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    values = sample()
    SCHEMA.validate(values)
    report = read_report(report_samples.write(values, tmp_path / "parity.json"))
    assert report.to_dict() == values
    assert read_report(tmp_path) == report, "a folder stands for the report in it"


def test_what_is_not_finite_reads_back_as_none(tmp_path: Path) -> None:
    report = report_samples.typed(report_samples.passing())
    hands = report.cases[0].hands
    pair, by_backend = next(iter(hands.items()))
    hand = by_backend["torch"][0]
    lost = replace(hand, landmarks=((math.nan, math.inf, 0.0), *hand.landmarks[1:]))
    case = replace(report.cases[0], hands={pair: {"torch": (lost,)}})
    values = replace(report, cases=(case,)).to_dict()
    SCHEMA.validate(values)
    found = read_report(report_samples.write(values, tmp_path / "parity.json"))
    assert found.cases[0].hands[pair]["torch"][0].landmarks[0] == (None, None, 0.0)
    assert as_stored(replace(report, cases=(case,))) == found


def test_objects_are_closed() -> None:
    values = report_samples.passing()
    for place in (values, values["rows"][0], values["models"][0], values["limits"]):
        place["more"] = 1
        with pytest.raises(ArtifactError, match="more is unknown"):
            report_from(values, "x")
        del place["more"]
    report_from(values, "x")


def test_structs_and_schemas_agree(tmp_path: Path) -> None:
    """What jsonschema refuses, the structs refuse with one sentence, and they accept the rest."""
    dice = random.Random(5)
    refused = 0
    for name, kind, sample in (
        ("parity", ParityReport, _small(report_samples.failing())),
        ("ios-results", HarnessResults, write(tmp_path).values),
    ):
        library = jsonschema.Draft202012Validator(json_schema(name))
        assert library.is_valid(sample)
        places = {_field(place): place for place in _places(sample)}  # the last of each list
        for place in places.values():
            values = copy.deepcopy(sample)
            _plant(values, place, dice)
            allowed = library.is_valid(values)
            refused += not allowed
            try:
                if kind is ParityReport:
                    report_from(values, "x")
                else:
                    typed(values, kind, name, "x")
                accepted = True
            except ArtifactError as error:
                said = str(error)
                assert len(said) < 600 and said.isprintable()
                accepted = said.endswith("rows; run parity again")
            assert accepted == allowed, (place, values)
    assert refused > 300


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(format="x"), "is not a parity report"),
        (lambda v: v.update(version=1), "report version 1 is not supported, only 3"),
        (lambda v: v.update(version=None), "report version null is not supported"),
        (
            lambda v: v["rows"][3].update(value="3"),
            "rows[3].value: expected a number or null, found 3",
        ),
        (
            lambda v: v["rows"][3].update(status="good"),
            "rows[3].status: expected one of pass, fail, not_run, not_mapped, ambiguous, "
            "found good",
        ),
        (lambda v: v["rows"][3].pop("judge"), "rows[3]: judge is missing"),
        (
            lambda v: v["models"][0].update(sha256="x" * 64),
            "models[0].sha256: expected text matching",
        ),
        (lambda v: v["cases"][1]["values"].pop(), "values for"),
        (lambda v: v["tightest"].update(row=10**6), "tightest.row is 1000000 of"),
        (lambda v: v["tightest"].update(row=-1), "tightest.row is -1 of"),
        (lambda v: v["limits"].pop("iou"), "limits: iou is missing"),
        (lambda v: v["tools"].update({"\udc80": "x", "torch": 2}), "tools"),
        (lambda v: v["tools"].update(torch=2), "tools.torch: expected text, found 2"),
        (
            lambda v: v["models"][2]["layers"]["rows"][9]["backends"]["torch"].pop("local"),
            "models[2].layers.rows[9].backends.torch: local is missing",
        ),
        (lambda v: v["cases"].append({"\x1b[2J": 1}), "cases[14]: "),
        (
            lambda v: v.update(models="\x1b]0;x\x07" * 9000),
            r"models: expected a list, found \x1b]0;x\x07",
        ),
    ],
)
def test_one_sentence_names_the_place(
    change: Callable[[dict[str, Any]], Any], said: str, tmp_path: Path
) -> None:
    values = report_samples.passing()
    change(values)
    with pytest.raises(ArtifactError) as refused:
        read_report(report_samples.write(values, tmp_path / "parity.json"))
    message = str(refused.value)
    assert said in message and message.isprintable() and len(message) < 600
    assert message.startswith(str(tmp_path / "parity.json"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read as JSON"),
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
        file.truncate(subject.JSON_BYTES + 1)
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


def _field(place: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple("#" if isinstance(step, int) else step for step in place)


def _plant(values: Any, place: tuple[Any, ...], dice: random.Random) -> None:
    for step in place[:-1]:
        values = values[step]
    if isinstance(values, dict) and dice.random() < 0.2:
        del values[place[-1]]
    else:
        values[place[-1]] = dice.choice(NEW)
