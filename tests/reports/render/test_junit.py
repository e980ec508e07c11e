"""The report as JUnit XML, read back by ElementTree."""

import copy
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from blazepalm.reports.judge.report import TRUTH_UNCHECKED
from blazepalm.reports.render.junit import junit
from support import report_samples
from support.junit_rules import broken_rules
from support.report_samples import typed


def read(report: dict[str, Any]) -> ET.Element:
    text = junit(typed(report))
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n')
    return ET.fromstring(text.encode("utf-8"))


@pytest.mark.parametrize("sample", ["passing", "failing", "hostile"])
def test_the_schema_of_jenkins_and_pytest(sample: str) -> None:
    report = getattr(report_samples, sample)()
    report["models"][0]["notes"] = [TRUTH_UNCHECKED]
    assert broken_rules(read(report)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<testsuites skipped="0"/>', "testsuites with skipped"),
        ('<testsuites><testcase name="a"/></testsuites>', "testcase in testsuites"),
        ('<testsuites time="1e5"/>', "testsuites: time 1e5"),
        ('<testsuites tests="1"/>', "testsuites: tests 1"),
        ("<testsuites><testsuite/></testsuites>", "testsuite without name"),
        ("<testsuites>text</testsuites>", "text in testsuites"),
        ("<testsuites><img/></testsuites>", "unknown element img"),
    ],
)
def test_what_the_schema_refuses(text: str, said: str) -> None:
    assert said in broken_rules(ET.fromstring(text))


def test_a_case_is_image_times_stage_times_pair() -> None:
    report = report_samples.passing()
    root = read(report)
    found = {
        (case.get("classname"), case.get("name"))
        for suite in root.iter("testsuite")
        for case in suite.iter("testcase")
        if case.get("name") != "verdict" and not str(case.get("classname")).startswith("self-test")
    }
    expected = set()
    for index, row in enumerate(report["rows"]):
        if row["judge"] == "none":
            continue
        place = f"{row['model']}.{row['stage']}.{row['mode']}"
        pair = f"{row['backend']} against {row['reference']}"
        names = [c["name"] for c in report["cases"] if c["values"][index] is not None]
        expected |= {(place, f"{name}: {pair}") for name in ("all inputs", *names)}
    assert found == expected and len(found) > 500
    bits = {p.get("name"): p.get("value") for p in root.iter("property")}
    assert str(bits.pop("worst")).startswith("tightest: hand-full-2022, coreml-mil-fp16")
    assert bits == {f"LiteRT's bits, {name}": "4 of 48" for name in ("torch", "coreml-mil")}
    assert ("hand-full-2022.raw outputs.isolated", "two-hands: torch against oracle") in found
    assert root.get("failures") == root.get("errors") == "0"
    assert int(root.get("tests", "0")) == len(list(root.iter("testcase")))


def test_failures_say_why() -> None:
    report = report_samples.failing()
    root = read(report)
    failed = {
        f"{case.get('classname')} {case.get('name')}": failure
        for case in root.iter("testcase")
        for failure in case.findall("failure")
    }
    over_all = failed["hand-full-2022.landmarks.cascade all inputs: torch against tflite"]
    assert "landmarks, mean error: 1.12 px; at most 0.15 passes" in str(over_all.text)
    row = next(
        i
        for i, r in enumerate(report["rows"])
        if (r["model"], r["backend"], r["metric"]) == ("hand-full-2022", "torch", "mean error")
        and r["stage"] == "landmarks"
    )
    case = report["rows"][row]["worst_case"].split("#")[0]
    image = failed[f"hand-full-2022.landmarks.cascade {case}: torch against tflite"]
    assert "landmarks, mean error: 1.12 px; at most 0.15 px passes" in str(image.text)
    assert "hand-full-2022 verdict" in failed and "self-test verdict" in failed
    (error,) = root.iter("error")
    assert error.get("type") == "exit code 2" and "HARD_SWISH" in str(error.get("message"))
    assert int(root.get("failures", "0")) == len(failed)
    assert not any(name.startswith("palm-") for name in failed)


def test_an_image_fails_only_where_its_row_does() -> None:
    report = report_samples.passing()
    index = next(i for i, r in enumerate(report["rows"]) if r["metric"] == "mean error")
    report["cases"][0]["values"][index] = 99.0  # above the limit, and the mean over all is not
    assert read(report).get("failures") == "0"


def test_the_file_fails_whenever_the_report_does() -> None:
    report = report_samples.passing()
    silent = copy.deepcopy(report)
    silent["models"][0]["passed"] = False  # for no reason that stands in a row
    assert read(silent).get("failures") == "1"
    report |= {"models": [], "rows": [], "cases": [], "tightest": None, "self_test": None}
    (case,) = read(report).iter("testcase")
    assert case.get("name") == "verdict" and "nothing was compared" in ET.tostring(case, "unicode")


def test_what_was_not_run_is_skipped() -> None:
    report = report_samples.passing()
    for row in report["rows"]:
        if row["backend"] == "torch" and row["reference"] == "generic":
            row |= {"status": "not_run", "reasons": ["no family was recognised"]}
    root = read(report)
    skipped = {
        str(s.get("message")) for case in root.iter("testcase") for s in case.iter("skipped")
    }
    assert skipped == {"no family was recognised"}
    assert sum(int(suite.attrib["skipped"]) for suite in root) == 4
    assert root.get("failures") == "0"


def test_at_least() -> None:
    report = report_samples.passing()
    index, row = next((i, r) for i, r in enumerate(report["rows"]) if r["metric"] == "IoU")
    row |= {"status": "fail", "value": 0.5, "reasons": ["boxes, IoU: 0.5"]}
    report["cases"][0]["values"][index] = 0.5
    text = junit(typed(report))
    assert "boxes, IoU: 0.5; at least 0.99 passes" in text
    assert text.count("<failure") == 2, "the row, and the one image that is below the limit"


@pytest.mark.parametrize("sample", [report_samples.hostile, report_samples.failing])
def test_names_are_safe_and_bytes_the_same(sample: Any) -> None:
    report = sample()
    text = junit(typed(report))
    assert text == junit(typed(copy.deepcopy(report))) and 'time="0' in text
    root = ET.fromstring(text.encode("utf-8"))
    names = " ".join(str(case.get("name")) for case in root.iter("testcase"))
    assert names.isprintable() and "timestamp" not in text
    if sample is report_samples.hostile:
        assert "<script>" in names and "\\x00\\ud800" in names and "\\u202e" in names
