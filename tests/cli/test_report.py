"""`blazepalm report` as a user types it: exit codes, what goes where, what is written."""

import copy
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.schemas import SCHEMAS
from blazepalm.reports.stored.recheck import MEASURED_BY
from support import report_samples
from support.cli import Cli


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return report_samples.write(report_samples.passing(), tmp_path / "good" / "parity.json")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return report_samples.write(report_samples.failing(), tmp_path / "bad" / "parity.json")


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    return report_samples.write(report_samples.hostile(), tmp_path / "nasty" / "parity.json")


def fits(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text) and all(
        len(line) <= 80 or line.startswith("B: ") for line in text.splitlines()
    )


def test_diff_of_the_same(blazepalm: Cli, good: Path) -> None:
    result = blazepalm("report", "diff", good, good.parent)
    assert result.code == 0
    assert result.out == "224 the same\nno new failures in B\n"


def test_diff_finds_the_new_failures(blazepalm: Cli, good: Path, bad: Path) -> None:
    result = blazepalm("report", "diff", good, bad)
    assert result.code == 1 and result.err == "" and fits(result.out)
    text = " ".join(result.out.split())
    assert "new failure" in text and "B is worse than A" in text
    assert "B: hand-full-2022 fails" in text and "B: palm.tflite: palm.tflite: unsup" in text
    back = blazepalm("report", "diff", bad, good, "--json")
    assert back.code == 0 and back.json["worse"] is False
    assert {row["kind"] for row in back.json["rows"]} >= {"passes now"}


def test_diff_of_hostile_reports_fits_the_screen(blazepalm: Cli, good: Path, nasty: Path) -> None:
    result = blazepalm("report", "diff", good, nasty)
    assert result.code == 1 and "\\ud800" in result.out
    assert all(c.isprintable() or c == "\n" for c in result.out)


def test_recheck_by_the_same_limits(blazepalm: Cli, good: Path, bad: Path) -> None:
    result = blazepalm("report", "recheck", good)
    assert (result.code, result.out) == (0, "152 of 152 judged rows pass\nparity holds\n")
    result = blazepalm("report", "recheck", bad, "--json")
    assert result.code == 2, "a source could not be read"
    assert result.json["changed"] == [] and result.json["passed"] is False


def test_recheck_by_others(blazepalm: Cli, good: Path, tmp_path: Path) -> None:
    before = good.read_bytes()
    target = tmp_path / "new" / "parity.json"
    result = blazepalm("report", "recheck", good, "--float32-multiple", "0.1", "-o", target)
    assert result.code == 1 and fits(result.out)
    assert "limit float32_multiple: 10 → 0.1" in result.out
    assert result.out.endswith("parity fails, held before\n")
    assert good.read_bytes() == before, "the report itself stays as it is"
    again = blazepalm("report", "recheck", target, "--float32-multiple", "10", "--json")
    assert again.code == 0 and again.json["passed"] and not again.json["passed_before"]
    refused = blazepalm("report", "recheck", good, "-o", target)
    assert refused.code == 2 and "exists already" in refused.err


LIMITS_OF_NUMBERS = [field for field in Limits.__struct_fields__ if field not in MEASURED_BY]


@pytest.mark.parametrize("limit", LIMITS_OF_NUMBERS)
def test_recheck_takes_every_limit(blazepalm: Cli, good: Path, limit: str) -> None:
    option = f"--{limit.replace('_', '-')}"
    assert (
        blazepalm("report", "recheck", good, option, "0.123", "--json").json["limits"][limit]
        == 0.123
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--iou", "-1"], "iou -1.0: a limit is a positive number"),
        (["--iou", "nan"], "a limit is a positive number"),
        (["--iou", "much"], "Invalid value"),
        (["-o", "report.txt"], "reports are written as .json"),
    ],
)
def test_recheck_bad_usage(blazepalm: Cli, good: Path, options: list[str], said: str) -> None:
    result = blazepalm("report", "recheck", good, *options)
    assert result.code == 2 and result.out == "" and said in " ".join(result.err.split())


def test_recheck_without_raw_outputs(blazepalm: Cli, good: Path) -> None:
    result = blazepalm("report", "recheck", good, "--raw")
    assert result.code == 3 and "holds no raw outputs of this report" in result.err


def test_render_writes_every_form(blazepalm: Cli, good: Path, tmp_path: Path) -> None:
    files = [tmp_path / "out" / name for name in ("r.xml", "r.md")]
    explorer = tmp_path / "explorer"
    command = ("report", "render", good.parent, "--junit", files[0], "--markdown", files[1],
               "--explorer", explorer)  # fmt: skip
    result = blazepalm(*command, "--json")
    assert result.code == 0, result.err
    written = [Path(name) for name in result.json["written"]]
    assert written[:2] == files and len(written) == 2 + 16
    assert ET.parse(files[0]).getroot().get("failures") == "0"
    assert files[1].read_text(encoding="utf-8").startswith("## ✅ Parity holds")
    assert json.loads((explorer / "hand-full-2022.torch.local.json").read_text())["results"]
    first = [path.read_bytes() for path in written]
    assert blazepalm(*command).code == 2, "nothing is overwritten"
    assert blazepalm(*command, "--force").code == 0
    assert [path.read_bytes() for path in written] == first


def test_render_hostile(blazepalm: Cli, nasty: Path, tmp_path: Path) -> None:
    result = blazepalm(
        "report", "render", nasty, "--junit", tmp_path / "r.xml", "--markdown", tmp_path / "r.md",
        "--explorer", tmp_path / "e",
    )  # fmt: skip
    assert result.code == 0, result.err
    ET.parse(tmp_path / "r.xml")
    assert {p.parent for p in tmp_path.rglob("*.local.json")} == {tmp_path / "e"}


def test_render_html(blazepalm: Cli, good: Path, tmp_path: Path) -> None:
    report_samples.write_images(good.parent)
    target = tmp_path / "page.html"
    result = blazepalm("report", "render", good, "--html", target)
    assert result.code == 0, result.err
    assert "hand-full-2022" in target.read_text(encoding="utf-8")


def test_render_bad_usage(blazepalm: Cli, good: Path, tmp_path: Path) -> None:
    assert blazepalm("report", "render", good).code == 2
    result = blazepalm("report", "render", good, "--junit", tmp_path / "r.html")
    assert result.code == 2 and "are written as .xml" in result.err
    result = blazepalm("report", "render", good, "--explorer", good)
    assert result.code == 2 and "is not a writable folder" in result.err
    values = copy.deepcopy(report_samples.passing())
    for model in values["models"]:
        model["layers"] = None
    plain = report_samples.write(values, tmp_path / "plain" / "parity.json")
    result = blazepalm("report", "render", plain, "--explorer", tmp_path / "e")
    assert result.code == 2 and "run parity --layers" in result.err
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize("command", ["diff", "recheck", "render"])
def test_what_is_no_report(blazepalm: Cli, command: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"format": 3}')
    more = (
        [path]
        if command == "diff"
        else ["--junit", tmp_path / "r.xml"][: 2 * (command == "render")]
    )
    result = blazepalm("report", command, path, *more)
    assert result.code == 2 and result.out == ""
    assert f"error: {path}: is not a parity report" in result.err
    assert not (tmp_path / "r.xml").exists()


def test_help_names_every_command(blazepalm: Cli) -> None:
    result = blazepalm("report", "--help")
    assert result.code == 0
    assert all(name in result.out for name in ("diff", "recheck", "render"))


def test_schemas_are_printed(blazepalm: Cli) -> None:
    for name in SCHEMAS:
        jsonschema.Draft202012Validator.check_schema(blazepalm("report", "schema", name).json)
    assert "'x'" in blazepalm("report", "schema", "x").err


def test_pictures_are_found_again(blazepalm: Cli, tmp_path: Path) -> None:
    made = report_samples.passing()
    report = report_samples.write(made, tmp_path / "made" / "parity.json")
    report_samples.write_images(report.parent)
    pictures = sum(case["image"] is not None for case in made["cases"])
    (tmp_path / "else").mkdir()
    strict = tmp_path / "else" / "strict.json"
    said = blazepalm("report", "recheck", report, "--iou", "0.98", "-o", strict)
    assert said.code == 0 and f"--pictures {report.parent}" in " ".join(said.err.split())
    page = tmp_path / "page.html"
    render = ("report", "render", strict, "--html", page, "--force")
    lost = blazepalm(*render)
    assert f"{pictures} pictures of the report are not in {strict.parent}" in " ".join(
        lost.err.split()
    )
    text = page.read_text()
    assert f"{pictures} pictures were not found" in text and "data:image/jpeg" not in text
    found = blazepalm(*render, "--pictures", report.parent)
    assert found.err == "" and page.read_text().count("data:image/jpeg") == pictures
    beside = blazepalm("report", "recheck", report, "-o", report.parent / "strict.json")
    assert beside.code == 0 and "--pictures" not in beside.err
